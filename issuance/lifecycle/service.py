"""Suspending, resuming and revoking cards.

What an operator decides is recorded first (`decisions`). Then it is done in one transaction, in which the
authority acts last: if it refuses, nothing is changed and the decision is dropped; if the process dies, the
decision is still there and is carried out by the clock (`issuance.housekeeping`), at the next start, or
before anything else is decided of the card. The same when the authority can't be reached.
"""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from issuance.audit import Audit
from issuance.database import Database
from issuance.delivery.errors import IdentityUncheckedError
from issuance.delivery.repository import is_good, last_check
from issuance.delivery.states import CheckOutcome
from issuance.enrolment.repository import move
from issuance.errors import InvalidInputError
from issuance.identifiers import Randomness, new_identifier
from issuance.lifecycle.cards import get_card, move_card, open_suspension
from issuance.lifecycle.certificates import Certificates
from issuance.lifecycle.decisions import (
    add_decision,
    decided_cards,
    is_decided,
    is_on_record,
    locked_card,
    take_decision,
)
from issuance.lifecycle.lives import CARD, who_may
from issuance.lifecycle.models import Card, CardCertificate, CardDecision, Suspension
from issuance.lifecycle.states import (
    ApplicationEvent,
    CardEvent,
    CardState,
    RevocationCause,
    SuspensionReason,
)
from issuance.massactions.closing import close_ended, require_not_held
from issuance.massactions.errors import CardHeldError
from issuance.operators.service import Actor
from pki.clock import Clock
from pki.errors import PkiError, StatusError

_LOG = logging.getLogger(__name__)


class TornRenewals(Protocol):
    """Renewals that have not ended: what they got may be good at the authority already."""

    def issued_on(self, session: Session, number: str) -> set[int]:
        """Serials of what the card's torn renewals got."""
        ...

    def end_on(self, session: Session, number: str, actor: str) -> None:
        """Gives them up; the caller revokes what they got."""
        ...


class Lifecycle:
    """What happens to a card after it was produced."""

    def __init__(
        self,
        database: Database,
        audit: Audit,
        certificates: Certificates,
        clock: Clock,
        randomness: Randomness,
        renewals: TornRenewals,
        check_life: timedelta,
    ) -> None:
        self._database = database
        self._audit = audit
        self._certificates = certificates
        self._clock = clock
        self._randomness = randomness
        self._renewals = renewals
        self._check_life = check_life

    def suspend(self, actor: Actor, number: str, reason: SuspensionReason = SuspensionReason.HOLDER) -> None:
        """Stops an active card for a while.

        Raises NotFoundError or ForbiddenTransitionError; InvalidInputError for a call, which has its own way.
        """
        actor.require(*who_may(CardEvent.SUSPEND))
        if reason is SuspensionReason.CALL:
            raise InvalidInputError("a call is taken with the pass phrase")
        if self.carry_out(number) == (CardEvent.SUSPEND, reason):
            return
        with self._database.writing() as session:
            self.decide_hold(session, actor, locked_card(session, number), reason)
        self.carry_out(number)

    def decide_hold(self, session: Session, actor: Actor, card: Card, reason: SuspensionReason) -> None:
        """The decision alone, in the caller's transaction; `carry_out` stops the card."""
        add_decision(
            session, self._audit, card, CardEvent.SUSPEND, actor.username, self._clock(), reason.value
        )

    def bind_to_holder(self, session: Session, actor: Actor, card: Card) -> None:
        """The holder's call about a card that is stopped already: from now on it resumes in person alone."""
        now, standing = self._clock(), open_suspension(session, card.card_number)
        if standing is not None and standing.reason == SuspensionReason.CALL:
            return
        if standing is not None:
            standing.ended_by, standing.ended_at, standing.resumed = actor.username, now, False
            session.flush()  # one of a card is open
        self._add_suspension(session, card, SuspensionReason.CALL.value, actor.username, now)

    def resume(self, actor: Actor, number: str) -> None:
        """Lets a suspended card work again; after a call its holder was just checked by the same operator.

        Raises NotFoundError, ForbiddenTransitionError, IdentityUncheckedError, or CardHeldError while a mass
        action holds its keys.
        """
        actor.require(*who_may(CardEvent.RESUME))
        if self.carry_out(number) == (CardEvent.RESUME, None):
            return
        with self._database.writing() as session:
            card = locked_card(session, number)
            require_not_held(session, card.card_number)
            CARD.after(CardState(card.state), CardEvent.RESUME)
            check = self._presence(session, actor, card)
            add_decision(
                session, self._audit, card, CardEvent.RESUME, actor.username, self._clock(), check_id=check
            )
        self.carry_out(number)

    def revoke(self, actor: Actor, number: str, cause: RevocationCause) -> None:
        """Ends a card for good. One that was not delivered yet leaves its application approved."""
        actor.require(*who_may(CardEvent.REVOKE))
        if self.carry_out(number) == (CardEvent.REVOKE, cause):
            return
        with self._database.writing() as session:
            card = locked_card(session, number)
            add_decision(
                session, self._audit, card, CardEvent.REVOKE, actor.username, self._clock(), cause.value
            )
        self.carry_out(number)

    def finish_decided(self, age: timedelta = timedelta()) -> int:
        """Does what was decided that long ago; returns with how many cards something waited to be done."""
        with self._database.reading() as session:
            waiting = decided_cards(session, self._clock() - age)
        for number in waiting:
            try:
                self.carry_out(number)
            except (PkiError, CardHeldError, SQLAlchemyError) as error:
                # No other card waits for this one. What was refused is dropped, what failed is tried again.
                _LOG.error("card %s: a decision could not be carried out: %s", number, type(error).__name__)
        return len(waiting)

    def carry_out(self, number: str) -> tuple[str, str | None] | None:
        """Does what was decided of the card, if anything was: event and reason of what it did.

        Raises NotFoundError; StatusError where the authority refuses, CardHeldError where a mass action has
        taken the card's keys meanwhile: then it is no longer decided.
        """
        with self._database.reading() as session:
            if not is_decided(session, get_card(session, number)):
                return None
        try:
            with self._database.writing() as session:
                card = get_card(session, number)
                decision = take_decision(session, card.card_number)
                if decision is None:
                    return None
                session.delete(decision)
                if not is_on_record(session, decision):
                    _LOG.error("card %s: nobody has decided what waits there; it is dropped", number)
                    self._drop(session, decision, by="system")
                    return None
                if not CARD.allows(CardState(card.state), CardEvent(decision.event)):
                    self._drop(session, decision)  # something else ended the card meanwhile
                    return None
                self._do(session, card, decision)
                return decision.event, decision.reason
        except (StatusError, CardHeldError):
            self._refuse(number)
            raise

    def _refuse(self, number: str) -> None:
        """What was decided is dropped, and whatever a torn attempt did of it at the authority is undone."""
        with self._database.writing() as session:
            card = get_card(session, number)
            decision = take_decision(session, card.card_number)
            if decision is None:
                return
            session.delete(decision)
            self._drop(session, decision)
            session.flush()
            if decision.event == CardEvent.RESUME and card.state == CardState.SUSPENDED:
                # Somebody else's hold is all that is left there: when they lift it the card would be good.
                self._hold(session, card, decision.decided_by, "not resumed at the registry")

    def _drop(self, session: Session, decision: CardDecision, by: str | None = None) -> None:
        subject, details = f"card:{decision.card_number}", {"event": decision.event}
        self._audit.record(session, by or decision.decided_by, "card.decision-dropped", subject, details)

    def _do(self, session: Session, card: Card, decision: CardDecision) -> None:
        """The authority acts last: if the commit is lost, the decision is on record and this runs again."""
        match decision.event:
            case CardEvent.SUSPEND:
                self._suspend(session, card, decision)
            case CardEvent.RESUME:
                self._resume(session, card, decision)
            case CardEvent.REVOKE:
                self._revoke(session, card, decision)

    def _suspend(self, session: Session, card: Card, decision: CardDecision) -> None:
        move_card(card, CardEvent.SUSPEND)
        reason = str(decision.reason)
        self._add_suspension(session, card, reason, decision.decided_by, decision.decided_at)
        subject, details = f"card:{card.card_number}", {"reason": decision.reason}
        self._audit.record(session, decision.decided_by, "card.suspended", subject, details)
        session.flush()
        self._hold(session, card, decision.decided_by, "suspended at the registry")

    def _hold(self, session: Session, card: Card, actor: str, note: str) -> None:
        held = _serials(card.certificates_in_force) | self._renewals.issued_on(session, card.card_number)
        self._certificates.hold(held, actor, note)

    def _add_suspension(self, session: Session, card: Card, reason: str, by: str, at: datetime) -> None:
        suspension = Suspension(
            id=new_identifier(self._randomness),
            card_number=card.card_number,
            reason=reason,
            suspended_by=by,
            suspended_at=at,
        )
        session.add(suspension)

    def _resume(self, session: Session, card: Card, decision: CardDecision) -> None:
        require_not_held(session, card.card_number)
        move_card(card, CardEvent.RESUME)
        self._end_suspension(session, card, decision, resumed=True)
        check = decision.check_id
        subject, details = f"card:{card.card_number}", {"check": check} if check else {}
        self._audit.record(session, decision.decided_by, "card.resumed", subject, details)
        session.flush()
        note, torn = "resumed at the registry", self._renewals.issued_on(session, card.card_number)
        for serial in torn:
            self._certificates.resume_activated(serial, decision.decided_by, note)
        whole = _serials(card.certificates_in_force) - torn
        self._certificates.resume(whole, decision.decided_by, note)

    def _revoke(self, session: Session, card: Card, decision: CardDecision) -> None:
        undelivered = card.state == CardState.PRODUCED
        cause = RevocationCause(str(decision.reason))
        move_card(card, CardEvent.REVOKE)
        card.revocation_cause, card.ended_at = cause.value, decision.decided_at
        self._end_suspension(session, card, decision, resumed=False)
        if undelivered:
            move(card.application, ApplicationEvent.LOSE_CARD)
        subject = f"card:{card.card_number}"
        self._audit.record(session, decision.decided_by, "card.revoked", subject, {"cause": cause.value})
        session.flush()
        serials = _serials(card.certificates) | self._renewals.issued_on(session, card.card_number)
        self._renewals.end_on(session, card.card_number, decision.decided_by)
        close_ended(session, card.card_number)
        session.flush()
        self._certificates.revoke(serials, cause, decision.decided_by, f"card {cause.value}")

    def _presence(self, session: Session, actor: Actor, card: Card) -> str | None:
        """The check by which the holder is there, if there is one; where one is needed there must be.

        Who was there before the card was stopped has not come because of that.
        """
        open_one = open_suspension(session, card.card_number)
        since = self._clock() - self._check_life
        if open_one is not None:
            since = max(since, open_one.suspended_at)
        check = last_check(session, card.card_number)
        if is_good(check, actor, since) and check is not None:
            return check.id
        if open_one is not None and open_one.reason == SuspensionReason.CALL:
            raise IdentityUncheckedError
        return None

    def _end_suspension(self, session: Session, card: Card, decision: CardDecision, *, resumed: bool) -> None:
        """Cards that were suspended before this was kept have none."""
        suspension = open_suspension(session, card.card_number)
        if suspension is None:
            return
        suspension.ended_by, suspension.ended_at = decision.decided_by, decision.decided_at
        suspension.resumed, suspension.check_id = resumed, decision.check_id
        suspension.check_outcome = None if decision.check_id is None else CheckOutcome.PASSED.value


def _serials(certificates: Iterable[CardCertificate]) -> set[int]:
    return {certificate.serial_number for certificate in certificates}
