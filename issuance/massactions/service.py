"""Deciding on mass actions: one person proposes what a preview showed, another confirms; also to lift one."""

from datetime import timedelta

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from issuance.audit import Audit
from issuance.database import Database
from issuance.errors import ForbiddenTransitionError, InvalidInputError
from issuance.identifiers import Randomness, new_identifier
from issuance.massactions.errors import (
    MassBusyError,
    NothingSelectedError,
    OwnProposalError,
    ProposalOverError,
    SelectionChangedError,
)
from issuance.massactions.models import REASON_LENGTH, MassAction
from issuance.massactions.preview import Drift, drift, fix_items, preview, refit
from issuance.massactions.selection import KeySelection, read_selection
from issuance.massactions.states import MASS_ACTION, ActionEvent, ActionState
from issuance.massactions.views import ActionView, Report, get_action, latest, report_of, view_of
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.registry.text import fold
from pki.auditchain import Json
from pki.auditchain.canonical import canonical_text
from pki.clock import Clock
from pki.errors import OfficerLabelError
from pki.officers import officer_label, same_officer

DECIDERS = (Role.SUPERVISOR, Role.PKI_OFFICER)
"""Who proposes, confirms, runs and lifts."""
READERS = (*DECIDERS, Role.AUDITOR)
PROPOSAL_LIFE = timedelta(days=7)
MAX_TOLERANCE = 100_000


class MassActions:
    """The decisions. Everything raises RoleRequiredError for who may not, and NotFoundError.

    Each is one transaction, its entry in the audit chain with it.
    """

    def __init__(self, database: Database, audit: Audit, clock: Clock, randomness: Randomness) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock
        self._randomness = randomness

    def preview(self, actor: Actor, selection: KeySelection) -> dict[str, Json]:
        """What the selection means now (`issuance.massactions.preview`). Raises InvalidInputError."""
        actor.require(*DECIDERS)
        selection.check()
        with self._database.reading() as session:
            return preview(session, selection)

    def propose(self, actor: Actor, selection: KeySelection, reason: str, tolerance: int = 0) -> ActionView:
        """Fixes the keys that the selection means; nothing is held yet.

        `tolerance`: by how many keys, come or gone, the selection may differ at the confirmation. Raises
        InvalidInputError or NothingSelectedError.
        """
        officer = _decider(actor)
        selection.check()
        if not 0 <= tolerance <= MAX_TOLERANCE:
            raise InvalidInputError(f"a tolerance is 0 to {MAX_TOLERANCE:,} keys")
        with self._database.writing() as session:
            shown = preview(session, selection)
            keys = shown["keys"]
            if not isinstance(keys, int) or not keys:
                raise NothingSelectedError
            row = MassAction(
                id=new_identifier(self._randomness),
                state=ActionState.PROPOSED.value,
                selection=selection.canonical(),
                preview=canonical_text(shown),
                tolerance=tolerance,
                reason=_reason(reason),
                proposed_by=officer,
                proposed_at=self._clock(),
                keys=keys,
                round=0,
            )
            session.add(row)
            session.flush()
            fix_items(session, row.id, selection)
            self._record(session, actor, row, "proposed", {"keys": keys, "tolerance": tolerance})
            return view_of(row)

    def confirm(self, actor: Actor, action_id: str) -> ActionView:
        """A second person's consent; counts once more what the selection means, and takes that.

        Raises OwnProposalError, ProposalOverError, SelectionChangedError or ForbiddenTransitionError.
        """
        officer = _decider(actor)
        with self._database.writing() as session:
            row = get_action(session, action_id, lock=True)
            confirmed = MASS_ACTION.after(ActionState(row.state), ActionEvent.CONFIRM)
            _require_another(officer, row.proposed_by)
            self._require_in_time(row)
            found = self._refit(session, row)
            row.state, row.keys, row.round = confirmed.value, found.selected, 1
            row.confirmed_by, row.confirmed_at = officer, self._clock()
            details: dict[str, Json] = {"keys": found.selected, "come": found.come, "gone": found.gone}
            self._record(session, actor, row, "confirmed", details)
            return view_of(row)

    def _require_in_time(self, row: MassAction) -> None:
        ended = row.proposed_at + PROPOSAL_LIFE
        if self._clock() > ended:
            raise ProposalOverError(ended)

    def _refit(self, session: Session, row: MassAction) -> Drift:
        selection = read_selection(row.selection)
        found = drift(session, row.id, selection)
        if found.come + found.gone > row.tolerance:
            raise SelectionChangedError(found.come, found.gone, row.tolerance)
        if not found.selected:
            raise NothingSelectedError
        refit(session, row.id, selection, found)
        return found

    def cancel(self, actor: Actor, action_id: str) -> ActionView:
        """Ends an action that has not begun. Raises ForbiddenTransitionError."""
        _decider(actor)
        with self._database.writing() as session:
            row = get_action(session, action_id, lock=True)
            _move(row, ActionEvent.CANCEL)
            row.closed_at = self._clock()
            self._record(session, actor, row, "cancelled", {})
            return view_of(row)

    def propose_lift(self, actor: Actor, action_id: str, reason: str) -> ActionView:
        """The first of two people: what is left of the action is to be released. May be proposed anew.

        Raises ForbiddenTransitionError or InvalidInputError.
        """
        officer = _decider(actor)
        with self._database.writing() as session:
            row = get_action(session, action_id, lock=True)
            if not MASS_ACTION.allows(ActionState(row.state), ActionEvent.LIFT):
                raise ForbiddenTransitionError("mass action", row.state, ActionEvent.LIFT)
            row.lift_reason = _reason(reason)
            row.lift_proposed_by, row.lift_proposed_at = officer, self._clock()
            self._record(session, actor, row, "lift-proposed", {})
            return view_of(row)

    def confirm_lift(self, actor: Actor, action_id: str) -> ActionView:
        """The second of two people; `run` releases.

        Raises OwnProposalError, ForbiddenTransitionError, or MassBusyError while another action is at work.
        """
        officer = _decider(actor)
        try:
            with self._database.writing() as session:
                row = get_action(session, action_id, lock=True)
                if row.lift_proposed_by is None:
                    raise ForbiddenTransitionError("mass action", row.state, "lift without a proposal")
                _move(row, ActionEvent.LIFT)
                _require_another(officer, row.lift_proposed_by)
                row.lift_confirmed_by, row.lift_confirmed_at = officer, self._clock()
                take_turn(row, self._clock)
                row.round, row.authority_number = row.round + 1, None
                self._record(session, actor, row, "lift-confirmed", {})
                return view_of(row)
        except IntegrityError as error:
            raise MassBusyError from error

    def view(self, actor: Actor, action_id: str) -> ActionView:
        """One, as it is on record."""
        actor.require(*READERS)
        with self._database.reading() as session:
            return view_of(get_action(session, action_id))

    def latest(self, actor: Actor) -> list[ActionView]:
        """The newest fifty."""
        actor.require(*READERS)
        with self._database.reading() as session:
            return latest(session)

    def report(self, actor: Actor, action_id: str) -> Report:
        """What came of it so far."""
        actor.require(*READERS)
        with self._database.reading() as session:
            return report_of(session, get_action(session, action_id))

    def _record(
        self, session: Session, actor: Actor, row: MassAction, what: str, details: dict[str, Json]
    ) -> None:
        session.flush()
        self._audit.record(session, actor.username, f"mass-action.{what}", f"mass-action:{row.id}", details)


def take_turn(row: MassAction, clock: Clock) -> None:
    """From now on this action is at work; at its flush the database refuses it while another is."""
    row.turn, row.moved_at = 1, clock()


def _move(row: MassAction, event: ActionEvent) -> None:
    row.state = MASS_ACTION.after(ActionState(row.state), event).value


def _require_another(officer: str, proposed_by: str) -> None:
    if same_officer(officer, proposed_by):
        raise OwnProposalError


def _decider(actor: Actor) -> str:
    """The operator's name, which the authority's record takes as an officer's. Raises InvalidInputError."""
    actor.require(*DECIDERS)
    try:
        return officer_label(actor.username)
    except OfficerLabelError as error:
        raise InvalidInputError(
            "this user name can't stand for an officer in the authority's record"
        ) from error


def _reason(text: str) -> str:
    tidy = fold(text)
    if not 1 <= len(tidy) <= REASON_LENGTH:
        raise InvalidInputError(f"a reason has 1 to {REASON_LENGTH} characters")
    return tidy
