"""Giving a run up: every certificate it got, or may have got, is revoked, and the body is waste."""

import base64

from sqlalchemy.orm import Session

from issuance.enrolment.repository import move
from issuance.lifecycle.cards import get_card, move_card
from issuance.lifecycle.lives import CARD
from issuance.lifecycle.models import Card
from issuance.lifecycle.states import (
    ApplicationEvent,
    ApplicationState,
    CardEvent,
    CardState,
    RevocationCause,
)
from issuance.massactions.closing import close_ended
from issuance.production.errors import NothingToVoidError, ProductionRunningError, failure_kind
from issuance.production.journal import Journal, get_production, production_of
from issuance.production.models import DETAIL_LENGTH, Production
from issuance.production.personalisation import KEY_PLANS, KeyPlan
from issuance.production.steps import ENDED, ProductionState, Step
from issuance.production.work import Order, Workshop, certificate_request, read_order
from issuance.stock.repository import Hand
from issuance.stock.taking import void_body
from pki.errors import (
    CsrError,
    IssuerExpiredError,
    IssuerRevokedError,
    KeyNotAllowedError,
    KeyReusedError,
    LintError,
    PkiError,
    RequestRefusedError,
    SubjectError,
)
from pki.status.state import RevocationReason

_NOTE = "production voided"
_NEVER_ISSUED = (
    CsrError,
    IssuerExpiredError,
    IssuerRevokedError,
    KeyNotAllowedError,
    KeyReusedError,
    LintError,
    RequestRefusedError,
    SubjectError,
)
"""With these the authority says that the request gets no certificate, now or later. Any other refusal leaves
it open whether it has one."""


def begin_voiding(session: Session, card: Card) -> Production:
    """From here on the finished card can only be voided, whatever happens to this process.

    The caller commits, then calls `ProductionLine.finish_voiding`. Raises NotFoundError.
    """
    production = production_of(session, card.card_number)
    production.state = ProductionState.VOIDING.value
    return production


def claim(shop: Workshop, production_id: str) -> Order:
    """Records the intent: whoever is at work on the run writes nothing more from here on.

    Raises NothingToVoidError, or ProductionRunningError for a run whose process shows signs of life.
    """
    now = shop.clock()
    with shop.database.writing() as session:
        production = get_production(session, production_id)
        session.refresh(production, with_for_update=True)
        if ProductionState(production.state) in ENDED:
            raise NothingToVoidError(production.state)
        if production.state == ProductionState.RUNNING and production.lease_expires_at > now:
            raise ProductionRunningError(production_id)
        production.state = ProductionState.VOIDING.value
        production.lease_expires_at = now + shop.lease
        return read_order(session, production.id)


def void(shop: Workshop, journal: Journal, order: Order, actor: str) -> None:
    """Revokes, and records the end. Safe to call again after a torn call.

    `journal`: read after the claim, so that it knows all that was begun before. Raises what the authority
    says: then the voiding stays open, and the run says why.
    """
    try:
        _revoke(shop, journal, order, actor)
    except PkiError as error:
        _record_refusal(shop, journal, actor, error)
        raise
    with shop.database.writing() as session:
        _finish(session, shop, get_production(session, journal.production_id), actor)


def _revoke(shop: Workshop, journal: Journal, order: Order, actor: str) -> None:
    requests = journal.result(Step.SIGN_REQUESTS)
    if requests is None or not journal.was_begun(Step.ISSUE_CERTIFICATES):
        return  # the authority was never asked
    for plan in KEY_PLANS:
        serial = _serial(shop, order, plan, base64.b64decode(requests[plan.profile.value]))
        if serial is not None:
            shop.certificates.revoke_serial(serial, RevocationReason.CESSATION_OF_OPERATION, actor, _NOTE)


def _serial(shop: Workshop, order: Order, plan: KeyPlan, csr: bytes) -> int | None:
    # The same request again tells the serial, even when the first answer was lost, and completes what began.
    request = certificate_request(order, plan, csr)
    try:
        return shop.certificates.issue(request).serial
    except _NEVER_ISSUED:
        return shop.certificates.serial_of(request.request_id)


def _record_refusal(shop: Workshop, journal: Journal, actor: str, error: PkiError) -> None:
    with shop.database.writing() as session:
        production = get_production(session, journal.production_id)
        production.lease_expires_at = shop.clock()  # nobody is at work on it any more
        production.failure_kind, production.failure_detail = failure_kind(error), str(error)[:DETAIL_LENGTH]
        subject, details = f"production:{production.id}", {"kind": failure_kind(error)}
        shop.audit.record(session, actor, "production.voiding-refused", subject, details)


def _finish(session: Session, shop: Workshop, production: Production, actor: str) -> None:
    if production.state != ProductionState.VOIDING:
        return  # a parallel call has finished it
    now = shop.clock()
    production.state, production.finished_at = ProductionState.VOIDED.value, now
    application = production.application
    ended = production.card_number is not None and _end_card(
        session, production, Hand(actor, now, f"production {production.id}")
    )
    if application.state in _WAITING_FOR_THIS:
        move(application, ApplicationEvent.VOID_PRODUCTION)
    elif ended and application.state == ApplicationState.READY:
        move(application, ApplicationEvent.TAKE_BACK)
    shop.audit.record(session, actor, "production.voided", f"production:{production.id}")


_WAITING_FOR_THIS = frozenset({ApplicationState.IN_PRODUCTION, ApplicationState.INSPECTION})
"""Else its rejected card was revoked meanwhile, and the application waits for another already."""


def _end_card(session: Session, production: Production, hand: Hand) -> bool:
    """Whether the card was not revoked already."""
    card = get_card(session, production.card_number or "")
    void_body(session, card.card_number, hand)
    close_ended(session, card.card_number)
    if card.state == CardState.REVOKED:
        return False
    if CARD.allows(CardState(card.state), CardEvent.VOID):
        move_card(card, CardEvent.VOID)
    else:  # it went live meanwhile, and its certificates have just been revoked
        move_card(card, CardEvent.REVOKE)
        card.revocation_cause = RevocationCause.WITHDRAWN.value
    card.ended_at = hand.at
    return True
