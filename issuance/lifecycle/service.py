"""Suspending, resuming and revoking cards.

The authority acts inside the registry's transaction, before its commit: if it refuses, nothing changed; if
the commit is lost, asking again finishes the job.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Protocol

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
from issuance.lifecycle.lives import who_may
from issuance.lifecycle.models import Card, CardCertificate, Suspension
from issuance.lifecycle.states import (
    ApplicationEvent,
    CardEvent,
    CardState,
    RevocationCause,
    SuspensionReason,
)
from issuance.massactions.closing import close_ended, require_not_held
from issuance.operators.service import Actor
from pki.clock import Clock


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
        with self._database.writing() as session:
            self.hold(session, actor, get_card(session, number), reason)

    def hold(self, session: Session, actor: Actor, card: Card, reason: SuspensionReason) -> None:
        """The same in the caller's transaction, as its last act."""
        move_card(card, CardEvent.SUSPEND)
        suspension = Suspension(
            id=new_identifier(self._randomness),
            card_number=card.card_number,
            reason=reason.value,
            suspended_by=actor.username,
            suspended_at=self._clock(),
        )
        session.add(suspension)
        subject, details = f"card:{card.card_number}", {"reason": reason.value}
        self._audit.record(session, actor.username, "card.suspended", subject, details)
        session.flush()
        held = _serials(card.certificates_in_force) | self._renewals.issued_on(session, card.card_number)
        self._certificates.hold(held, actor.username, "suspended at the registry")

    def resume(self, actor: Actor, number: str) -> None:
        """Lets a suspended card work again; after a call its holder was just checked by the same operator.

        Raises NotFoundError, ForbiddenTransitionError, IdentityUncheckedError, or CardHeldError while a mass
        action holds its keys.
        """
        actor.require(*who_may(CardEvent.RESUME))
        with self._database.writing() as session:
            card = get_card(session, number)
            require_not_held(session, card.card_number)
            move_card(card, CardEvent.RESUME)
            check = self._presence(session, actor, card)
            self._end_suspension(session, actor, card, resumed=True, check=check)
            subject, details = f"card:{card.card_number}", {"check": check} if check else {}
            self._audit.record(session, actor.username, "card.resumed", subject, details)
            session.flush()
            note, torn = "resumed at the registry", self._renewals.issued_on(session, card.card_number)
            for serial in torn:
                self._certificates.resume_activated(serial, actor.username, note)
            whole = _serials(card.certificates_in_force) - torn
            self._certificates.resume(whole, actor.username, note)

    def revoke(self, actor: Actor, number: str, cause: RevocationCause) -> None:
        """Ends a card for good. One that was not delivered yet leaves its application approved."""
        actor.require(*who_may(CardEvent.REVOKE))
        with self._database.writing() as session:
            card = get_card(session, number)
            undelivered = card.state == CardState.PRODUCED
            move_card(card, CardEvent.REVOKE)
            self._end(card, cause)
            self._end_suspension(session, actor, card, resumed=False)
            if undelivered:
                move(card.application, ApplicationEvent.LOSE_CARD)
            subject = f"card:{card.card_number}"
            self._audit.record(session, actor.username, "card.revoked", subject, {"cause": cause.value})
            session.flush()
            serials = _serials(card.certificates) | self._renewals.issued_on(session, card.card_number)
            self._renewals.end_on(session, card.card_number, actor.username)
            close_ended(session, card.card_number)
            session.flush()
            self._certificates.revoke(serials, cause, actor.username, f"card {cause.value}")

    def _presence(self, session: Session, actor: Actor, card: Card) -> str | None:
        """The check by which the holder is there, if there is one; where one is needed there must be."""
        check = last_check(session, card.card_number)
        if is_good(check, actor, self._clock() - self._check_life) and check is not None:
            return check.id
        open_one = open_suspension(session, card.card_number)
        if open_one is not None and open_one.reason == SuspensionReason.CALL:
            raise IdentityUncheckedError
        return None

    def _end_suspension(
        self, session: Session, actor: Actor, card: Card, *, resumed: bool, check: str | None = None
    ) -> None:
        """Cards that were suspended before this was kept have none."""
        suspension = open_suspension(session, card.card_number)
        if suspension is None:
            return
        suspension.ended_by, suspension.ended_at = actor.username, self._clock()
        suspension.resumed, suspension.check_id = resumed, check
        suspension.check_outcome = None if check is None else CheckOutcome.PASSED.value

    def _end(self, card: Card, cause: RevocationCause) -> None:
        card.revocation_cause = cause.value
        card.ended_at = self._clock()


def _serials(certificates: Iterable[CardCertificate]) -> set[int]:
    return {certificate.serial_number for certificate in certificates}
