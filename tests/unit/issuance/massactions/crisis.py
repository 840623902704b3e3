"""A registry and an authority in two databases; cards whose keys are on record in both, and nowhere else."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from secrets import token_bytes

from sqlalchemy import select

from issuance.enrolment.models import Application
from issuance.lifecycle.models import Card
from issuance.massactions.models import MassItem
from issuance.massactions.running import MassRuns
from issuance.massactions.selection import KeySelection
from issuance.massactions.service import MassActions
from issuance.massactions.states import ItemState
from issuance.massactions.views import ActionView, MassProgress
from issuance.notices.models import Notice
from issuance.operators.models import Operator, Role
from issuance.operators.service import Actor
from issuance.provenance.models import KeyProvenance
from pki.authority.transitions import Standing
from pki.bootstrap import MIGRATIONS
from pki.massactions.delegated import DelegatedActions
from pki.status.state import Hold, Status
from pki.store.database import create_database_engine, migrate
from tests.applications import bring_application
from tests.cards import bring
from tests.depot import CLERK, HERE, Depot, application, citizen
from tests.unit.pki.massactions.world import GOOD, SHARDS, World

FIRST, SECOND, THIRD = (Actor(f"supervisor-{n}", Role.SUPERVISOR, HERE) for n in (1, 2, 3))
UNDELIVERED = Standing(Status.ON_HOLD, Hold.DELIVERY, None, activated=False)
REVOKED = Standing(Status.REVOKED, None, None, activated=True)
PART = 3
"""Keys in one transaction: few, so that small actions have many parts."""
SLOTS = {"citizen-auth-g1": ("9A", "secp256r1"), "citizen-sign-g1": ("9C", "secp384r1")}


@dataclass
class Crisis:
    depot: Depot
    world: World
    actions: MassActions = field(init=False)
    runs: MassRuns = field(init=False)
    _cards: int = 0

    def __post_init__(self) -> None:
        depot, audit = self.depot, self.depot.audit
        authority = DelegatedActions(self.world.engine, self.clock, PART)
        self.actions = MassActions(depot.database, audit, self.clock, token_bytes)
        self.runs = MassRuns(depot.database, audit, authority, self.clock)
        with depot.database.writing() as session:
            for person in (FIRST, SECOND, THIRD):
                session.add(
                    Operator(username=person.username, role=person.role, office=HERE, password_hash="-")
                )

    def clock(self) -> datetime:
        return self.world.clock()

    def batch(self, count: int) -> tuple[str, list[str]]:
        """Bodies in stock, of one delivery."""
        serials = [f"{self._cards + number:010d}" for number in range(1, count + 1)]
        self._cards += count
        return self.depot.receive(serials), serials

    def issue(
        self,
        count: int = 1,
        *,
        standing: Standing = GOOD,
        state: str = "active",
        made_at: datetime | None = None,
    ) -> "Batch":
        """Cards of one delivery of chips, delivered and good if not said otherwise."""
        batch, numbers = self.batch(count)
        serials = {issuer: self.world.add([standing] * count, issuer=issuer) for issuer in SHARDS}
        with self.depot.database.writing() as session:
            for place, number in enumerate(numbers):
                session.add(citizen(int(number)))
                session.flush()
                made = application(int(number), CLERK)
                made.state, made.decided_by = "delivered", "supervisor"
                bring_application(session, made)
                bring(session, self._card(number, made, state), FIRST.username)
                for issuer, (slot, algorithm) in SLOTS.items():
                    serial = serials[issuer][place]
                    session.add(self._key(batch, number, serial, (issuer, slot, algorithm), made_at))
        return Batch(batch, numbers, [serial for listed in serials.values() for serial in listed])

    def _card(self, number: str, made: Application, state: str) -> Card:
        given = state in {"active", "suspended"}
        return Card(
            card_number=number,
            national_code=made.national_code,
            application_id=made.id,
            state=state,
            guid=number,
            key_version=1,
            taken_at=self.clock(),
            delivered_at=self.clock() if given else None,
            revocation_cause="lost" if state == "revoked" else None,
        )

    def _key(
        self, batch: str, number: str, serial: int, place: tuple[str, str, str], made_at: datetime | None
    ) -> KeyProvenance:
        issuer, slot, algorithm = place
        return KeyProvenance(
            serial=serial,
            issuer=issuer,
            shard=serial % SHARDS[issuer],
            card_number=number,
            slot=slot,
            key_type="ec",
            algorithm=algorithm,
            chip_type="P71",
            body_batch=batch,
            office=HERE,
            station=None,
            origin="card",
            made_at=made_at or self.clock(),
        )

    def propose(self, batch: "Batch", tolerance: int = 0) -> ActionView:
        return self.actions.propose(FIRST, batch.selection, "weak chips", tolerance)

    def confirmed(self, batch: "Batch") -> str:
        action = self.propose(batch)
        self.actions.confirm(SECOND, action.id)
        return action.id

    def run(self, action_id: str) -> MassProgress:
        return list(self.runs.run(SECOND, action_id))[-1]

    def held(self, batch: "Batch") -> str:
        """An action that holds a batch's keys."""
        action_id = self.confirmed(batch)
        self.run(action_id)
        return action_id

    def lift(self, action_id: str) -> MassProgress:
        self.actions.propose_lift(FIRST, action_id, "chips are sound")
        self.actions.confirm_lift(SECOND, action_id)
        return self.run(action_id)

    def statuses(self, serials: Sequence[int]) -> set[str]:
        return set(self.world.statuses(serials))

    def states(self, action_id: str) -> set[tuple[ItemState, str | None]]:
        query = select(MassItem.state, MassItem.why).where(MassItem.action_id == action_id)
        with self.depot.database.reading() as session:
            return {(ItemState(state), why) for state, why in session.execute(query)}

    def notices(self) -> list[str]:
        """The ends of the keys: what each message tells of."""
        with self.depot.database.reading() as session:
            return sorted(key.rpartition(":")[2] for key in session.scalars(select(Notice.key)))


@dataclass(frozen=True)
class Batch:
    id: str
    cards: list[str]
    serials: list[int]
    """Of the certificates: those for authentication first."""

    @property
    def selection(self) -> KeySelection:
        return KeySelection(body_batches=frozenset({self.id}))


@contextmanager
def open_crisis(depot: Depot, authority_url: str) -> Iterator[Crisis]:
    engine = create_database_engine(authority_url)
    try:
        migrate(engine, MIGRATIONS)
        yield Crisis(depot, World(engine))
    finally:
        engine.dispose()
