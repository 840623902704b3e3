"""Who came for a card: checks on record, and what follows from those that fail; refusals."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from issuance.audit import Audit
from issuance.database import Database
from issuance.delivery.errors import ChecksFailedError
from issuance.delivery.models import IdentityCheck, Refusal
from issuance.delivery.repository import card_to_hand_over, close_open, failed_checks
from issuance.delivery.rules import MAX_SCORE, CheckFault, DeliveryRules, Seen, fault_of
from issuance.delivery.states import CheckOutcome, CheckPurpose, DeliveryEnd, RefusalReason
from issuance.enrolment.confirmation import Confirmation, latest_answer
from issuance.enrolment.errors import UnknownDocumentError
from issuance.enrolment.seals import require_approved
from issuance.errors import (
    DeceasedError,
    ForbiddenTransitionError,
    InvalidInputError,
    RecordChangedError,
)
from issuance.identifiers import Randomness, new_identifier
from issuance.lifecycle.cards import get_card
from issuance.lifecycle.models import Card
from issuance.lifecycle.states import CardState
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.production.service import ProductionLine
from issuance.production.voiding import begin_voiding
from pki.auditchain import Json
from pki.clock import Clock

_FAILED_COUNT_FOR = timedelta(days=1)
DELIVERERS = (Role.CLERK, Role.SUPERVISOR)
"""Who hands cards over."""


@dataclass(frozen=True)
class CheckView:
    """A check as others see it."""

    id: str
    card_number: str
    outcome: CheckOutcome
    fault: CheckFault | None
    document: str | None
    score: int | None
    threshold: int | None
    checked_by: str | None
    checked_at: datetime


@dataclass(frozen=True)
class Checked:
    """What a check came to."""

    check: CheckView
    failures_left: int
    """Checks that may still fail before the card is void; none left: it is."""


class IdentityChecks:
    """All checks of one registry."""

    def __init__(
        self,
        database: Database,
        audit: Audit,
        confirmation: Confirmation,
        line: ProductionLine,
        finish_proven: Callable[[str], None],
        rules: DeliveryRules,
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self._database = database
        self._audit = audit
        self._confirmation = confirmation
        self._line = line
        self._finish_proven = finish_proven
        self._rules = rules
        self._clock = clock
        self._randomness = randomness

    def check(self, actor: Actor, number: str, seen: Seen) -> Checked:
        """Records who came for a produced card, and asks the civil register where its word is old.

        A check that fails closes the card's open delivery; the last one allowed has the card voided. Raises
        UnknownDocumentError, InvalidInputError, NotFoundError, ForbiddenTransitionError,
        CivilRegisterUnavailableError (nothing is recorded then), or a PkiError while it is voided (tried anew
        at every start).
        """
        actor.require(*DELIVERERS)
        self._require_possible(seen)
        self._finish_proven(number)
        with self._database.reading() as session:
            card = card_to_hand_over(session, actor, number, locked=False)
            require_approved(session, card.application)  # the portrait that the person is held against
            application = card.application_id
        fault = fault_of(seen, self._rules) or self._register_fault(actor, application)
        voiding = None
        with self._database.writing() as session:
            card = card_to_hand_over(session, actor, number)
            check = self._add(session, actor, card, seen, fault, CheckPurpose.DELIVERY)
            left = max(0, self._rules.failed_checks - failed_checks(session, card.card_number))
            if fault is not None:
                close_open(session, card.card_number, DeliveryEnd.CHECK_FAILED)
                voiding = begin_voiding(session, card).id if left == 0 else None
            self._record(session, actor, check, left)
            view = _view(check)
        if voiding is not None:
            self._line.finish_voiding(voiding, actor.username)
        return Checked(view, left)

    def meet(self, actor: Actor, number: str, seen: Seen) -> CheckView:
        """Records who came with, or about, a card in use: what is done in person alone goes by it.

        Raises as `check`; ForbiddenTransitionError for a card that is not in use; ChecksFailedError.
        """
        actor.require(*DELIVERERS)
        self._require_possible(seen)
        with self._database.reading() as session:
            card = _card_in_use(session, number)
            application = card.application_id
            self._require_fresh_eyes(session, actor, card)
        fault = fault_of(seen, self._rules) or self._register_fault(actor, application)
        with self._database.writing() as session:
            card = _card_in_use(session, number)
            check = self._add(session, actor, card, seen, fault, CheckPurpose.PRESENCE)
            self._record(session, actor, check, None)
            return _view(check)

    def refuse(self, actor: Actor, number: str, reason: RefusalReason) -> None:
        """The person doesn't take the card: it goes back to safe keeping, its certificates stay on hold.

        Raises NotFoundError or ForbiddenTransitionError.
        """
        actor.require(*DELIVERERS)
        self._finish_proven(number)
        with self._database.writing() as session:
            card = card_to_hand_over(session, actor, number)
            close_open(session, card.card_number, DeliveryEnd.REFUSED)
            session.add(
                Refusal(
                    id=new_identifier(self._randomness),
                    card_number=card.card_number,
                    reason=reason.value,
                    recorded_by=actor.username,
                    recorded_at=self._clock(),
                )
            )
            subject, details = f"card:{card.card_number}", {"reason": reason.value}
            self._audit.record(session, actor.username, "card.refused", subject, details)

    def of(self, number: str) -> list[CheckView]:
        """The card's checks, oldest first. Raises NotFoundError."""
        with self._database.reading() as session:
            card = get_card(session, number)
            query = select(IdentityCheck).where(IdentityCheck.card_number == card.card_number)
            found = session.scalars(query.order_by(IdentityCheck.checked_at, IdentityCheck.id))
            return [_view(check) for check in found]

    def _require_fresh_eyes(self, session: Session, actor: Actor, card: Card) -> None:
        """After as many failed checks in a day as would void a card at its delivery."""
        query = select(IdentityCheck.checked_by).where(
            IdentityCheck.card_number == card.card_number,
            IdentityCheck.purpose == CheckPurpose.PRESENCE.value,
            IdentityCheck.outcome == CheckOutcome.FAILED.value,
            IdentityCheck.checked_at > self._clock() - _FAILED_COUNT_FOR,
        )
        failed_by = session.scalars(query).all()
        if len(failed_by) < self._rules.failed_checks:
            return
        if actor.role is not Role.SUPERVISOR or actor.username in failed_by:
            raise ChecksFailedError

    def _require_possible(self, seen: Seen) -> None:
        if seen.document not in self._rules.documents:
            raise UnknownDocumentError(seen.document, "nobody is identified by this")
        if seen.score is not None and not 0 <= seen.score <= MAX_SCORE:
            raise InvalidInputError(f"a score is 0 to {MAX_SCORE}")
        if seen.score is None and self._rules.score_required and seen.same_person:
            raise InvalidInputError("the score of the comparison is missing")

    def _register_fault(self, actor: Actor, application_id: str) -> CheckFault | None:
        try:
            self._confirmation.require(actor.username, application_id, self._rules.register_age)
        except DeceasedError:
            return CheckFault.DECEASED
        except RecordChangedError:
            return CheckFault.RECORD_CHANGED
        return None

    def _add(
        self,
        session: Session,
        actor: Actor,
        card: Card,
        seen: Seen,
        fault: CheckFault | None,
        purpose: CheckPurpose,
    ) -> IdentityCheck:
        answer = latest_answer(session, card.application_id)
        check = IdentityCheck(
            id=new_identifier(self._randomness),
            card_number=card.card_number,
            application_id=card.application_id,
            purpose=purpose.value,
            outcome=(CheckOutcome.PASSED if fault is None else CheckOutcome.FAILED).value,
            fault=None if fault is None else fault.value,
            document=seen.document,
            register_answer=None if answer is None else answer.number,
            score=seen.score,
            threshold=None if seen.score is None else self._rules.score_threshold,
            checked_by=actor.username,
            checked_at=self._clock(),
        )
        session.add(check)
        session.flush()
        return check

    def _record(self, session: Session, actor: Actor, check: IdentityCheck, left: int | None) -> None:
        details = {"check": check.id, "outcome": check.outcome, "document": check.document}
        details |= {"fault": check.fault} if check.fault else {}
        told: dict[str, Json] = {**details, **({} if left is None else {"left": left})}
        action, subject = f"{check.purpose}.checked", f"card:{check.card_number}"
        self._audit.record(session, actor.username, action, subject, told)


def _card_in_use(session: Session, number: str) -> Card:
    card = get_card(session, number)
    if card.state not in {CardState.ACTIVE, CardState.SUSPENDED}:
        raise ForbiddenTransitionError("card", card.state, "meet its holder")
    return card


def _view(check: IdentityCheck) -> CheckView:
    return CheckView(
        id=check.id,
        card_number=check.card_number,
        outcome=CheckOutcome(check.outcome),
        fault=None if check.fault is None else CheckFault(check.fault),
        document=check.document,
        score=check.score,
        threshold=check.threshold,
        checked_by=check.checked_by,
        checked_at=check.checked_at,
    )
