"""Ending the card that an approved application replaces, before a body is taken for the new one."""

from issuance.database import Database
from issuance.enrolment.errors import NoCardToReplaceError
from issuance.enrolment.evidence import kind_of
from issuance.enrolment.kinds import ApplicationKind, ReplacementCause
from issuance.enrolment.repository import get_application
from issuance.errors import ForbiddenTransitionError
from issuance.lifecycle.cards import get_card
from issuance.lifecycle.service import Lifecycle
from issuance.lifecycle.states import LIVE_CARD_STATES, ApplicationState, RevocationCause
from issuance.operators.service import Actor

_CAUSES: dict[tuple[ApplicationKind, ReplacementCause | None], RevocationCause] = {
    (ApplicationKind.RENEWAL, None): RevocationCause.WITHDRAWN,
    (ApplicationKind.CORRECTION, None): RevocationCause.DATA_CHANGED,
    (ApplicationKind.REPLACEMENT, ReplacementCause.LOST): RevocationCause.LOST,
    (ApplicationKind.REPLACEMENT, ReplacementCause.STOLEN): RevocationCause.STOLEN,
    (ApplicationKind.REPLACEMENT, ReplacementCause.DAMAGED): RevocationCause.DAMAGED,
}


class Replacement:
    """The old card's end."""

    def __init__(self, database: Database, lifecycle: Lifecycle) -> None:
        self._database = database
        self._lifecycle = lifecycle

    def end_old_card(self, actor: Actor, application_id: str) -> None:
        """Revokes it, for the application's cause; one that has ended already stays as it is.

        Raises ForbiddenTransitionError before the approval, NoCardToReplaceError for a first card.
        """
        with self._database.reading() as session:
            application = get_application(session, application_id)
            if application.state != ApplicationState.APPROVED:
                raise ForbiddenTransitionError("application", application.state, "end the old card")
            if application.replaces is None:
                raise NoCardToReplaceError
            card, kind = get_card(session, application.replaces), kind_of(application)
        if card.state in LIVE_CARD_STATES:
            self._lifecycle.revoke(actor, card.card_number, _CAUSES[kind])
