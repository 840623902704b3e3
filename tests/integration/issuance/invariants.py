"""What DESIGN.md says must always hold, read from the databases of registry and authority themselves."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from issuance.audit import AuditEntry
from issuance.chaincheck import discrepancies
from issuance.delivery.models import Delivery
from issuance.delivery.states import DeliveryState
from issuance.enrolment.models import Application
from issuance.lifecycle.models import Card, CardCertificate
from issuance.lifecycle.states import (
    LIVE_CARD_STATES,
    OPEN_APPLICATION_STATES,
    ApplicationState,
    CardState,
)
from issuance.operators.models import Operator, Role
from issuance.orders.models import Order
from issuance.production.models import Production, Renewal, RenewalState
from issuance.stock.check import faults
from pki.status.state import Status
from pki.store.models import CertificateRow
from tests.integration.issuance.invariantsofdelivery import check_handing_over
from tests.integration.issuance.invariantsofpeople import check_people
from tests.integration.issuance.invariantsoftwo import check_decisions_of_two

Statuses = Mapping[int, Status]
"""Of citizens' certificates, by serial."""
_CITIZENS = ("authentication", "signature")
_HANDED_OVER = frozenset({CardState.ACTIVE, CardState.SUSPENDED})
_ENDED = frozenset({CardState.VOIDED, CardState.REVOKED})
_AFTER_APPROVAL = frozenset(
    {
        ApplicationState.APPROVED,
        ApplicationState.IN_PRODUCTION,
        ApplicationState.INSPECTION,
        ApplicationState.READY,
        ApplicationState.DELIVERED,
    }
)
_TOLD_OF_APPLICATIONS: Mapping[str, frozenset[ApplicationState]] = {
    "opened": frozenset({ApplicationState.DRAFT}),
    "corrected": frozenset({ApplicationState.DRAFT}),
    "record_accepted": frozenset({ApplicationState.DRAFT}),
    "submitted": frozenset({ApplicationState.SUBMITTED}),
    "return": frozenset({ApplicationState.RETURNED}),
    "refuse": frozenset({ApplicationState.REFUSED}),
    "approve": _AFTER_APPROVAL,
    "withdrawn": frozenset({ApplicationState.WITHDRAWN}),
}
_TOLD_OF_CARDS: Mapping[str, CardState] = {
    "taken": CardState.IN_PRODUCTION,
    "produced": CardState.PRODUCED,
    "delivered": CardState.ACTIVE,
    "suspended": CardState.SUSPENDED,
    "resumed": CardState.ACTIVE,
    "revoked": CardState.REVOKED,
}
_EDITS = frozenset({"opened", "corrected", "record_accepted"})


def citizens_statuses(authority: Engine) -> dict[int, Status]:
    """Of every citizen's certificate that the authority issued, whether the registry knows of it or not."""
    query = select(CertificateRow.serial, CertificateRow.status)
    with authority.connect() as connection:
        rows = connection.execute(query.where(CertificateRow.profile.in_(_CITIZENS)))
        return {row.serial: Status(row.status) for row in rows}


def check(session: Session, statuses: Statuses, later: Statuses | None = None) -> None:
    """At any moment, whatever is half done.

    Where somebody is at work meanwhile, `session` is one snapshot, `statuses` is of before it and `later` of
    after it.
    """
    _good_means_handed_over(session, statuses)
    _ended_means_revoked(session, statuses if later is None else later)
    _one_of_each(session)
    _nobody_decides_alone(session)
    _the_chain_tells_what_is(session)
    check_handing_over(session)
    check_decisions_of_two(session)
    check_people(session)
    assert list(faults(session)) == []
    assert list(discrepancies(session)) == []


def check_ended(session: Session, statuses: Statuses) -> None:
    """Once nothing is half done: each card was handed over or has ended, and its certificates likewise."""
    check(session, statuses)
    left = dict(statuses)
    for card in session.scalars(select(Card)):
        assert card.state in _HANDED_OVER | _ENDED, f"card {card.card_number} is {card.state}"
        found = {certificate.serial_number for certificate in card.certificates}
        statuses_now = {serial: left.pop(serial) for serial in found}
        in_force = {certificate.serial_number for certificate in card.certificates_in_force}
        standing = {statuses_now[serial] for serial in in_force}
        assert standing <= _status_of(CardState(card.state)), f"{standing} on a card {card.state}"
        assert {statuses_now[serial] for serial in found - in_force} <= {Status.REVOKED}
        _has_its_keys(session, card)
    assert set(left.values()) <= {Status.REVOKED}, "a certificate that no card has"


def _has_its_keys(session: Session, card: Card) -> None:
    """One certificate in force for each, but where a renewal was given up that had ended the one before."""
    profiles = [certificate.profile for certificate in card.certificates_in_force]
    assert len(profiles) == len(set(profiles))
    given_up = select(Renewal.profile).where(
        Renewal.card_number == card.card_number, Renewal.state == RenewalState.GIVEN_UP
    )
    if card.state != CardState.VOIDED:
        assert set(_CITIZENS) - set(profiles) <= set(session.scalars(given_up))


def _status_of(state: CardState) -> set[Status]:
    if state is CardState.ACTIVE:
        return {Status.GOOD}
    return {Status.ON_HOLD} if state is CardState.SUSPENDED else {Status.REVOKED}


def _good_means_handed_over(session: Session, statuses: Statuses) -> None:
    """Invariant 1; a delivery that is proven is only written to the end after the authority has acted."""
    cards = {row.serial_number: row.card for row in session.scalars(select(CardCertificate))}
    for serial, status in statuses.items():
        if status is Status.GOOD:
            assert serial in cards, "a good certificate that no card has"
            card = cards[serial]
            assert card.state in _HANDED_OVER or _is_proven(session, card), f"good on a card {card.state}"


def _is_proven(session: Session, card: Card) -> bool:
    query = select(Delivery).where(
        Delivery.card_number == card.card_number, Delivery.state == DeliveryState.PROVEN
    )
    return session.scalar(query) is not None


def _ended_means_revoked(session: Session, statuses: Statuses) -> None:
    """Invariants 2 and 7: the authority acts before the registry commits; with a key that gave way, too."""
    for card in session.scalars(select(Card).where(Card.state.in_(_ENDED))):
        found = {statuses[certificate.serial_number] for certificate in card.certificates}
        assert found <= {Status.REVOKED}, f"card {card.card_number} is {card.state}, its certificates {found}"
    for old in session.scalars(select(CardCertificate).where(CardCertificate.superseded_at.is_not(None))):
        assert statuses[old.serial_number] is Status.REVOKED, "a key gave way, and its certificate did not"


def _one_of_each(session: Session) -> None:
    """Invariant 1: one live card and one open application per person; orders go with their applications."""
    live = list(session.scalars(select(Card.national_code).where(Card.state.in_(LIVE_CARD_STATES))))
    assert len(live) == len(set(live)), "two live cards of one person"
    query = select(Application.national_code).where(Application.state.in_(OPEN_APPLICATION_STATES))
    opened = list(session.scalars(query))
    assert len(opened) == len(set(opened)), "two open applications of one person"
    rows = select(Application.state, Order.state).outerjoin(Order, Order.application_id == Application.id)
    for application, order in session.execute(rows):
        assert order == application if application in _AFTER_APPROVAL else order in {None, application}


def _nobody_decides_alone(session: Session) -> None:
    """Invariant 5, by the chain: who approved had no hand in the application, and is a supervisor."""
    supervisors = set(
        session.scalars(select(Operator.username).where(Operator.role == Role.SUPERVISOR.value))
    )
    hands: dict[str, set[str]] = defaultdict(set)
    for subject, action, actor in _entries(session, "application"):
        if action in _EDITS:
            hands[subject].add(actor)
        if action == "approve":
            assert actor in supervisors
            assert actor not in hands[subject], "approved by who had a hand in it"


def _the_chain_tells_what_is(session: Session) -> None:
    """Invariant 5: each state is the one that the chain's last word of it leads to."""
    last = {
        subject: action
        for subject, action, _ in _entries(session, "application")
        if action in _TOLD_OF_APPLICATIONS
    }
    voided = {subject for subject, action, _ in _entries(session, "production") if action == "voided"}
    taken_back = set(session.scalars(select(Production.application_id).where(Production.id.in_(voided))))
    for application in session.scalars(select(Application)):
        state, told_last = ApplicationState(application.state), last[application.id]
        with_its_card = state is ApplicationState.WITHDRAWN and application.id in taken_back
        assert state in _TOLD_OF_APPLICATIONS[told_last] or (with_its_card and told_last == "approve")
    told = {
        subject: _TOLD_OF_CARDS[action]
        for subject, action, _ in _entries(session, "card")
        if action in _TOLD_OF_CARDS
    }
    runs = {run.card_number: run.id for run in session.scalars(select(Production)) if run.card_number}
    for card in session.scalars(select(Card)):
        if card.state == CardState.VOIDED:
            assert runs[card.card_number] in voided
        else:
            assert card.state == told[card.card_number]


def _entries(session: Session, kind: str) -> Iterable[tuple[str, str, str]]:
    """Subject's name, action and actor of each entry of that kind on such subjects, oldest first."""
    query = select(AuditEntry.subject, AuditEntry.action, AuditEntry.actor)
    mine = AuditEntry.subject.startswith(f"{kind}:"), AuditEntry.action.startswith(f"{kind}.")
    found = query.where(*mine).order_by(AuditEntry.sequence)
    return [
        (row.subject.partition(":")[2], row.action.partition(".")[2], row.actor)
        for row in session.execute(found)
    ]
