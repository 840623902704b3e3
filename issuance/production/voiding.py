"""Giving a run up: every certificate it got, or may have got, is revoked, and the body is waste."""

import base64

from sqlalchemy.orm import Session

from issuance.enrolment.repository import move
from issuance.lifecycle.cards import get_card, move_card
from issuance.lifecycle.states import ApplicationEvent, CardEvent
from issuance.production.errors import NothingToVoidError
from issuance.production.journal import Journal, get_production
from issuance.production.models import Production
from issuance.production.personalisation import KEY_PLANS, KeyPlan
from issuance.production.steps import ENDED, ProductionState, Step
from issuance.production.work import Order, Workshop, certificate_request, read_order
from pki.errors import IssuanceError as AuthorityRefusedError
from pki.status.state import RevocationReason

_NOTE = "production voided"


def void(shop: Workshop, journal: Journal, actor: str) -> None:
    """Records the intent, revokes, records the end. Safe to call again after a torn call."""
    with shop.database.writing() as session:
        production = get_production(session, journal.production_id)
        if ProductionState(production.state) in ENDED:
            raise NothingToVoidError(production.state)
        production.state = ProductionState.VOIDING.value
        order = read_order(session, production.id)
    _revoke(shop, journal, order, actor)
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
    # The same request again tells the serial, even when the first answer was lost.
    try:
        return shop.certificates.issue(certificate_request(order, plan, csr)).serial
    except AuthorityRefusedError:
        return None


def _finish(session: Session, shop: Workshop, production: Production, actor: str) -> None:
    if production.state != ProductionState.VOIDING:
        return  # a parallel call has finished it
    now = shop.clock()
    production.state, production.finished_at = ProductionState.VOIDED.value, now
    if production.card_number is not None:
        card = get_card(session, production.card_number)
        move_card(card, CardEvent.VOID)
        card.ended_at = now
    move(production.application, ApplicationEvent.VOID_PRODUCTION)
    shop.audit.record(session, actor, "production.voided", f"production:{production.id}")
