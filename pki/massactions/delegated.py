"""Mass actions that another service's two people decided on: the registry's, over the cards that it knows.

What they decided comes under a reference, by which asking again finds what was begun. The list of serials is
streamed; carrying it out, part by part, is the same as for officers' own actions.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from pki.auditchain import Json
from pki.auditchain.canonical import canonical_text
from pki.authority.record import record_events, refuse_clock_set_back
from pki.clock import Clock, utc_now
from pki.errors import SecondOfficerError, SelectionError, UnknownMassActionError
from pki.massactions.effects import Effects
from pki.massactions.parts import Span, span_of
from pki.massactions.preview import LISTED_AT_ONCE, analyse_targets, fix_listed, preview_of
from pki.massactions.rows import event, next_number, proposal_digest, queue_proposals, read_action
from pki.massactions.selection import Selection
from pki.massactions.service import PART_SIZE, MassActions, new_row
from pki.massactions.values import Kind, MassAction, Progress, State, Terms, officer_label
from pki.officers import same_officer
from pki.store.database import read_only
from pki.store.massactions import MassActionRow, MassPart, MassSkip, MassTarget

_WHOLE = Selection()


@dataclass(frozen=True)
class Delegation:
    """What two people of another service decided."""

    reference: str
    """Theirs, for good; it stands in the audit. The same again is the same action."""
    kind: Kind
    """HOLD or RELEASE."""
    note: str
    """Why, in words, without personal data; 1 to 200 characters."""
    proposed_by: str
    approved_by: str


@dataclass(frozen=True)
class Part:
    """One transaction that was carried out: certificates of one issuer, from one place to another."""

    number: int
    issuer: str
    first: tuple[int, int]
    """Partition and serial."""
    last: tuple[int, int]
    moved: int
    reheld: int
    skipped: int
    done: datetime


class DelegatedActions:
    """Raises MassActionError; ClockSetBackError for a release."""

    def __init__(self, engine: Engine, clock: Clock = utc_now, part_size: int = PART_SIZE) -> None:
        self._engine = engine
        self._reading = read_only(engine)
        self._clock = clock
        self._actions = MassActions(engine, clock, part_size)

    def begin(self, order: Delegation, serials: Iterable[int]) -> MassAction:
        """Fixes the certificates and the approval, in one transaction; or finds what was begun before.

        Serials that nobody issued are left out: `listed` in the preview says how many were given. Raises
        SelectionError, also where none is known, or SecondOfficerError.
        """
        for officer in (order.proposed_by, order.approved_by):
            officer_label(officer)
        terms = Terms(order.kind, order.note)
        if order.kind is Kind.REVOKE:
            raise SelectionError("kind", "what is delegated holds and releases")
        with Session(self._engine) as session, session.begin():
            queue_proposals(session)
            found = _find(session, order.reference)
            if found is not None:
                return read_action(found)
            now = self._clock()
            terms.check(now)
            if order.kind is Kind.RELEASE:
                refuse_clock_set_back(session, now)
            row = new_row(next_number(session), terms, _selection(order.reference), order.proposed_by, now)
            if same_officer(order.proposed_by, order.approved_by):
                raise SecondOfficerError(row.number, order.approved_by)
            self._fix(session, row, terms, serials, now)
            row.state, row.approved_by, row.approved = State.APPROVED.value, order.approved_by, row.proposed
            session.add(row)
            session.flush()
            digest = row.digest.hex()
            told = event(row, now, order.proposed_by, "proposed", digest=digest, note=row.note)
            record_events(session, [told, event(row, now, order.approved_by, "approved", digest=digest)])
            return read_action(row)

    def _fix(
        self, session: Session, row: MassActionRow, terms: Terms, serials: Iterable[int], now: datetime
    ) -> None:
        listed = 0
        for chunk in _chunks(serials):
            fix_listed(session, row.number, _WHOLE, chunk)
            listed += len(chunk)
        analyse_targets(session)
        preview = preview_of(session, row.number, _WHOLE, Effects(terms.change(row.proposed_by), now))
        if not preview["total"]:
            raise SelectionError("serials", "none of them was issued here")
        preview["listed"] = listed
        row.preview = canonical_text(preview)
        row.digest = proposal_digest(row)

    def run(self, number: int, officer: str) -> Iterator[Progress]:
        """As `MassActions.run`; one that is done or cancelled already yields nothing."""
        if self.state(number) not in {State.DONE, State.CANCELLED}:
            yield from self._actions.run(number, officer)

    def state(self, number: int) -> State:
        """Where it stands; officers may have paused or cancelled it. Raises UnknownMassActionError."""
        return self._actions.action(number).state

    def parts(self, number: int, after: int) -> list[Part]:
        """The parts carried out behind one with this number (0: all), in their order."""
        query = select(MassPart).where(MassPart.action == number, MassPart.part > after)
        with Session(self._reading) as session, session.begin():
            return [_part(row) for row in session.scalars(query.order_by(MassPart.part))]

    def skips(self, number: int, part: int) -> Iterator[tuple[str, list[int]]]:
        """What a part left as it was: reasons, each with at most 5,000 serials; a reason may come again."""
        with Session(self._reading) as session, session.begin():
            row = session.get(MassPart, (number, part))
            if row is None:
                raise UnknownMassActionError(number)
            yield from _skips(session, span_of(row))


def _find(session: Session, reference: str) -> MassActionRow | None:
    wanted = canonical_text(_selection(reference))
    return session.scalar(select(MassActionRow).where(MassActionRow.selection == wanted))


def _selection(reference: str) -> dict[str, Json]:
    return {"delegated": reference}


def _chunks(serials: Iterable[int]) -> Iterator[list[int]]:
    left = iter(serials)
    while chunk := list(islice(left, LISTED_AT_ONCE)):
        yield chunk


def _part(row: MassPart) -> Part:
    first, last = (row.first_shard, row.first_serial), (row.last_shard, row.last_serial)
    return Part(row.part, row.issuer, first, last, row.moved, row.reheld, row.skipped, row.done)


def _skips(session: Session, span: Span) -> Iterator[tuple[str, list[int]]]:
    joined = select(MassSkip.why, MassSkip.serial).join(
        MassTarget, (MassTarget.action == MassSkip.action) & (MassTarget.serial == MassSkip.serial)
    )
    query = joined.where(MassSkip.action == span.action, *span.conditions).order_by(MassSkip.why)
    streamed = session.execute(query, execution_options={"yield_per": LISTED_AT_ONCE})
    for rows in streamed.partitions():
        by_reason: dict[str, list[int]] = {}
        for why, serial in rows:
            by_reason.setdefault(why, []).append(serial)
        yield from by_reason.items()
