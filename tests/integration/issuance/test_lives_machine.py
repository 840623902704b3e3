"""People do anything with a card in any order: it goes where the table says, and its certificates with it."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import select

from issuance.audit import AuditEntry
from issuance.calls.errors import CallError
from issuance.delivery.rules import Seen
from issuance.delivery.states import RefusalReason
from issuance.errors import IssuanceError
from issuance.lifecycle.lives import LIFE, Effect
from issuance.lifecycle.models import Card, Suspension
from issuance.lifecycle.states import CardState, RevocationCause, SuspensionReason
from issuance.operators.service import Actor
from pki.auditchain import verify_table
from pki.status.state import Status
from tests.integration.issuance.office import CLERK, SUPERVISOR, Office, initialise, open_office
from tests.repeated import REPEATED

pytestmark = REPEATED

PHRASE = "blue heron 77"
PEOPLE = st.sampled_from([CLERK, SUPERVISOR])
STATUS_AFTER = {
    Effect.NOTHING: Status.ON_HOLD,
    Effect.ACTIVATE: Status.GOOD,
    Effect.RELEASE: Status.GOOD,
    Effect.HOLD: Status.ON_HOLD,
    Effect.REVOKE: Status.REVOKED,
}
CAME_BY = {arrow.after: STATUS_AFTER[arrow.effect] for arrow in LIFE}
"""What a card's certificates are in each state, by the effect of every arrow that leads there."""
WAYS = {(arrow.before, arrow.after) for arrow in LIFE}


@cache
def template() -> Path:
    """A home, made once."""
    home = Path(tempfile.mkdtemp(prefix="hoviat-lives-")) / "home"
    initialise(home)
    return home


class Lives(RuleBasedStateMachine):
    """One produced card, and whoever comes."""

    @initialize()
    def open(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="hoviat-lives-"))
        self.stack = ExitStack()
        self.office: Office = self.stack.enter_context(open_office(self.folder, template()))
        application = self.office.approved()
        self.office.insert(self.office.blank())
        number = self.office.produce(application).card_number
        assert number is not None
        self.number, self.state = number, CardState.PRODUCED

    def act(self, action: Callable[[], object]) -> bool:
        with suppress(IssuanceError):
            action()
            return True
        return False

    @rule(actor=PEOPLE, same=st.sampled_from([True, True, True, False]))
    def check(self, actor: Actor, same: bool) -> None:
        seen = Seen("passport", same)
        checks = self.office.registry.identity_checks
        done = self.act(lambda: checks.check(actor, self.number, seen))
        assert done == (self.state is CardState.PRODUCED)

    @rule()
    def refuse(self) -> None:
        reason = RefusalReason.UNWANTED
        self.act(lambda: self.office.registry.identity_checks.refuse(CLERK, self.number, reason))

    @rule()
    def deliver(self) -> None:
        def action() -> None:
            delivery = self.office.registry.deliveries.open(CLERK, self.number)
            self.office.registry.deliveries.complete(
                CLERK, delivery.delivery_id, self.office.accept(delivery)
            )
            self.office.registry.calls.agree(CLERK, self.number, PHRASE)

        self.act(action)

    @rule(reason=st.sampled_from(SuspensionReason))
    def suspend(self, reason: SuspensionReason) -> None:
        done = self.act(lambda: self.office.registry.lifecycle.suspend(CLERK, self.number, reason))
        assert done == (self.state is CardState.ACTIVE and reason is not SuspensionReason.CALL)

    @rule(phrase=st.sampled_from([PHRASE, "Blue HERON ۷۷", "another phrase"]))
    def call(self, phrase: str) -> None:
        person = self.office.people.person(0)
        with suppress(CallError):
            self.office.registry.calls.suspend(CLERK, person.national_code, person.birth_date, phrase)
            assert phrase != "another phrase"

    @rule(same=st.booleans())
    def meet(self, same: bool) -> None:
        seen = Seen("passport", same)
        done = self.act(lambda: self.office.registry.identity_checks.meet(CLERK, self.number, seen))
        assert done == (self.state in {CardState.ACTIVE, CardState.SUSPENDED})

    @rule(minutes=st.sampled_from([1, 31]))
    def wait(self, minutes: int) -> None:
        self.office.clock.ahead += timedelta(minutes=minutes)

    @rule(actor=PEOPLE)
    def resume(self, actor: Actor) -> None:
        done = self.act(lambda: self.office.registry.lifecycle.resume(actor, self.number))
        assert not done or self.state is CardState.SUSPENDED

    @rule(cause=st.sampled_from(RevocationCause), really=st.sampled_from([False, False, True]))
    def revoke(self, cause: RevocationCause, really: bool) -> None:
        if really:
            self.act(lambda: self.office.registry.lifecycle.revoke(CLERK, self.number, cause))

    @invariant()
    def as_the_table_says(self) -> None:
        with self.office.registry.database.reading() as session:
            card = session.get_one(Card, self.number)
            now, serials = CardState(card.state), [row.serial_number for row in card.certificates]
            query = select(Suspension).where(Suspension.card_number == self.number)
            open_ones = [one for one in session.scalars(query) if one.ended_at is None]
        assert now is self.state or (self.state, now) in WAYS
        self.state = now
        assert {self.office.status(serial).status for serial in serials} == {CAME_BY[now]}
        assert len(open_ones) == (now is CardState.SUSPENDED)

    def teardown(self) -> None:
        with self.office.registry.database.reading() as session:
            verify_table(session, AuditEntry)
        self.stack.close()
        shutil.rmtree(self.folder)


@pytest.mark.slow
def test_lives() -> None:
    run_state_machine_as_test(
        Lives, settings=settings(max_examples=8, stateful_step_count=15, deadline=None, database=None)
    )


@pytest.fixture(scope="module", autouse=True)
def _cleaned() -> Iterator[None]:
    yield
    if template.cache_info().currsize:
        shutil.rmtree(template().parent)
