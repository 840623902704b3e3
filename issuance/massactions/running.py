"""Carrying mass actions out: the authority acts part by part, and each part is recorded here after it.

What was cut off at any commit goes on when it is run again: the authority knows an action by its reference
and its parts by their numbers, and a part is applied here once.
"""

from collections.abc import Iterator

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from issuance.audit import Audit
from issuance.database import Database
from issuance.errors import ForbiddenTransitionError
from issuance.massactions.applying import STOPPED, UNKNOWN, apply_part, close_rest, count_in, let_go_shared
from issuance.massactions.errors import MassBusyError
from issuance.massactions.models import MassAction, MassItem, MassPart
from issuance.massactions.service import DECIDERS, take_turn
from issuance.massactions.states import AT_WORK, MASS_ACTION, ActionEvent, ActionState, ItemState, Phase
from issuance.massactions.views import MassProgress, get_action, progress_of
from issuance.operators.service import Actor
from pki.auditchain import Json
from pki.clock import Clock
from pki.errors import MassActionExpiredError, PreviewOutdatedError, SelectionError
from pki.massactions.delegated import DelegatedActions, Delegation, Part
from pki.massactions.values import Kind, State

_STREAMED = 5_000
_PHASES = {ActionState.HOLDING: Phase.HOLD, ActionState.LIFTING: Phase.LIFT}
_TARGETS = {Phase.HOLD: ItemState.PENDING, Phase.LIFT: ItemState.HELD}
_ENDS = {
    Phase.HOLD: (ActionEvent.FINISH_HOLD, ItemState.SKIPPED),
    Phase.LIFT: (ActionEvent.FINISH_LIFT, ItemState.LIFTED),
}
_KINDS = {Phase.HOLD: Kind.HOLD, Phase.LIFT: Kind.RELEASE}


class MassRuns:
    """Runs one action at a time; any process may go on with it, several share its parts."""

    def __init__(self, database: Database, audit: Audit, authority: DelegatedActions, clock: Clock) -> None:
        self._database = database
        self._audit = audit
        self._authority = authority
        self._clock = clock

    def enter(self, actor: Actor, action_id: str) -> MassProgress:
        """Begins to hold what was confirmed; an action that is at work already goes on.

        Raises RoleRequiredError, NotFoundError, ForbiddenTransitionError or MassBusyError.
        """
        actor.require(*DECIDERS)
        try:
            with self._database.writing() as session:
                row = get_action(session, action_id, lock=True)
                if ActionState(row.state) not in AT_WORK:
                    row.state = MASS_ACTION.after(ActionState(row.state), ActionEvent.HOLD).value
                    take_turn(row, self._clock)
                    self._record(session, actor.username, row, "holding", {})
                return progress_of(session, row)
        except IntegrityError as error:
            raise MassBusyError from error

    def run(self, actor: Actor, action_id: str) -> Iterator[MassProgress]:
        """Enters, and carries out what is left; how far it is after each part, the last when it has ended.

        Raises what `enter` raises, or a PkiError: then it is run again when that is mended.
        """
        yield self.enter(actor, action_id)
        yield from self.carry_out(actor.username, action_id)

    def carry_out(self, actor: str, action_id: str) -> Iterator[MassProgress]:
        """The same for an action that is at work."""
        goes_on = True
        while goes_on and (row := self._at_work(action_id)) is not None:
            outdated = False
            try:
                if self._begin(row):
                    yield from self._parts(actor, action_id)
            except (MassActionExpiredError, PreviewOutdatedError):
                outdated = True  # cut off meanwhile: the authority is asked anew for what is left
            goes_on = self._end_round(actor, action_id, outdated=outdated)
            yield self.progress(action_id)

    def progress(self, action_id: str) -> MassProgress:
        """How far it is. Raises NotFoundError."""
        with self._database.reading() as session:
            return progress_of(session, get_action(session, action_id))

    def _at_work(self, action_id: str) -> MassAction | None:
        with self._database.reading() as session:
            row = get_action(session, action_id)
        return row if row.state in AT_WORK else None

    def _begin(self, row: MassAction) -> bool:
        """Whether the authority has something to do in this round; it knows by then what."""
        if row.authority_number is not None:
            return True
        phase = _phase(row)
        if phase is Phase.LIFT:
            with self._database.writing() as session:
                let_go_shared(session, row.id)
        with self._database.reading() as session:
            if not count_in(session, row.id, _TARGETS[phase]):
                return False
            try:
                action = self._authority.begin(_delegation(row, phase), _serials(session, row.id, phase))
            except SelectionError:  # none of these is known there
                return False
        with self._database.writing() as session:
            locked = get_action(session, row.id, lock=True)
            if locked.round == row.round:
                locked.authority_number = action.number
        return True

    def _parts(self, actor: str, action_id: str) -> Iterator[MassProgress]:
        row = self._at_work(action_id)
        if row is None or row.authority_number is None:
            return
        number, officer = row.authority_number, row.lift_confirmed_by or row.confirmed_by or ""
        yield from self._apply_new(actor, row)
        for _ in self._authority.run(number, officer):
            yield from self._apply_new(actor, row)

    def _apply_new(self, actor: str, row: MassAction) -> Iterator[MassProgress]:
        """Records the authority's parts that are not on record here."""
        number = row.authority_number or 0
        with self._database.reading() as session:
            applied = _last_part(session, row)
        for part in self._authority.parts(number, applied):
            yield self._apply(actor, row, part)

    def _apply(self, actor: str, row: MassAction, part: Part) -> MassProgress:
        with self._database.writing() as session:
            locked = get_action(session, row.id, lock=True)
            if locked.round == row.round and _last_part(session, row) == part.number - 1:
                phase = _phase(row)
                skips = self._authority.skips(row.authority_number or 0, part.number)
                done = apply_part(session, locked, phase, part, skips)
                locked.moved_at = self._clock()
                details: dict[str, Json] = {
                    "round": row.round,
                    "part": part.number,
                    "issuer": part.issuer,
                    "changed": done.changed,
                    "skipped": done.skipped,
                    "authority_number": row.authority_number,
                }
                self._record(session, actor, locked, phase.value, details)
            return progress_of(session, locked)

    def _end_round(self, actor: str, action_id: str, *, outdated: bool) -> bool:
        """Ends the action's work, unless keys are left for another round; whether it can go on now.

        It can't while officers of the authority have paused it there.
        """
        with self._database.writing() as session:
            row = get_action(session, action_id, lock=True)
            if row.state not in AT_WORK:
                return False
            there = None if row.authority_number is None else self._authority.state(row.authority_number)
            if not outdated and there not in {None, State.DONE, State.CANCELLED}:
                return False
            phase = _phase(row)
            asked = there is not None and phase is Phase.LIFT
            left = count_in(session, row.id, _TARGETS[phase])
            if left and there is not State.CANCELLED and (outdated or asked):
                row.round, row.authority_number = row.round + 1, None
                return True
            self._finish(session, actor, row, STOPPED if there is State.CANCELLED else UNKNOWN)
            return True

    def _finish(self, session: Session, actor: str, row: MassAction, why: str) -> None:
        phase, now = _phase(row), self._clock()
        event, rest = _ENDS[phase]
        close_rest(session, row.id, _TARGETS[phase], rest, why)
        row.state = MASS_ACTION.after(ActionState(row.state), event).value
        row.turn, row.moved_at = None, now
        row.closed_at = now if phase is Phase.LIFT else None
        found = progress_of(session, row)
        counts: dict[str, Json] = {"held": found.held, "released": found.released, "skipped": found.skipped}
        self._record(session, actor, row, row.state, counts)

    def _record(
        self, session: Session, actor: str, row: MassAction, what: str, details: dict[str, Json]
    ) -> None:
        session.flush()
        self._audit.record(session, actor, f"mass-action.{what}", f"mass-action:{row.id}", details)


def _phase(row: MassAction) -> Phase:
    state = ActionState(row.state)
    if state not in _PHASES:
        raise ForbiddenTransitionError("mass action", row.state, "carry out")
    return _PHASES[state]


def _delegation(row: MassAction, phase: Phase) -> Delegation:
    if phase is Phase.HOLD:
        proposed, confirmed, reason = row.proposed_by, row.confirmed_by, row.reason
    else:
        proposed, confirmed, reason = row.lift_proposed_by or "", row.lift_confirmed_by, row.lift_reason or ""
    reference = f"registry mass action {row.id}, round {row.round}"
    note = f"{row.id}: {reason}"
    return Delegation(reference, _KINDS[phase], note, proposed, confirmed or "")


def _serials(session: Session, action_id: str, phase: Phase) -> Iterator[int]:
    item = MassItem
    query = select(item.serial).where(item.action_id == action_id, item.state == _TARGETS[phase])
    ordered = query.order_by(item.issuer, item.shard, item.serial)
    yield from session.scalars(ordered, execution_options={"yield_per": _STREAMED})


def _last_part(session: Session, row: MassAction) -> int:
    part = MassPart
    query = select(func.max(part.part)).where(part.action_id == row.id, part.round == row.round)
    return session.scalar(query) or 0
