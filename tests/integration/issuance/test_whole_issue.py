from sqlalchemy import select

from issuance.audit import AuditEntry
from issuance.lifecycle.models import Card, CardCertificate
from issuance.lifecycle.states import CardState, RevocationCause
from issuance.production.steps import ProductionState, Step, StepState
from pki.auditchain import verify_table
from pki.status.state import RevocationReason, Status
from tests.integration.issuance.office import CLERK, SUPERVISOR, Office


def certificates_of(office: Office, number: str) -> list[CardCertificate]:
    with office.registry.database.reading() as session:
        query = select(CardCertificate).where(CardCertificate.card_number == number)
        return list(session.scalars(query))


def statuses(office: Office, number: str) -> list[Status]:
    return [office.status(row.serial_number).status for row in certificates_of(office, number)]


def card_state(office: Office, number: str) -> str:
    with office.registry.database.reading() as session:
        return session.get_one(Card, number).state


def test_a_card_goes_from_the_civil_register_into_its_holders_hands(office: Office) -> None:
    application = office.approved()
    office.insert(office.blank())
    run = office.produce(application)
    assert run.state is ProductionState.PRODUCED, (run.failure_kind, run.failure_detail)
    assert [step.step for step in run.steps] == list(Step)
    assert {step.state for step in run.steps} == {StepState.DONE}
    assert run.apdus == sum(step.apdus for step in run.steps)
    assert run.card_number is not None
    assert statuses(office, run.card_number) == [Status.ON_HOLD, Status.ON_HOLD]

    delivery = office.open_delivery(run.card_number)
    signature = office.accept(delivery)
    assert statuses(office, run.card_number) == [Status.ON_HOLD, Status.ON_HOLD]
    office.registry.deliveries.complete(CLERK, delivery.delivery_id, signature)
    assert statuses(office, run.card_number) == [Status.GOOD, Status.GOOD]
    assert card_state(office, run.card_number) == CardState.ACTIVE


def test_suspended_resumed_revoked_and_replaced(office: Office) -> None:
    number = office.issue()
    office.registry.lifecycle.suspend(CLERK, number)
    assert statuses(office, number) == [Status.ON_HOLD, Status.ON_HOLD]
    office.registry.lifecycle.resume(SUPERVISOR, number)
    assert statuses(office, number) == [Status.GOOD, Status.GOOD]
    office.registry.lifecycle.revoke(CLERK, number, RevocationCause.LOST)
    assert statuses(office, number) == [Status.REVOKED, Status.REVOKED]
    reasons = {office.status(row.serial_number).reason for row in certificates_of(office, number)}
    assert reasons == {RevocationReason.KEY_COMPROMISE}
    replacement = office.issue()
    assert replacement != number
    assert statuses(office, replacement) == [Status.GOOD, Status.GOOD]


def test_everything_is_in_an_unbroken_audit_chain_without_personal_data(office: Office) -> None:
    office.issue()
    person = office.people.person(0)
    with office.registry.database.reading() as session:
        verify_table(session, AuditEntry)
        entries = list(session.scalars(select(AuditEntry).order_by(AuditEntry.sequence)))
    actions = [entry.action for entry in entries]
    for action in (
        "application.opened",
        "application.submitted",
        "application.approve",
        "production.started",
        "card.produced",
        "delivery.opened",
        "delivery.proven",
        "card.delivered",
    ):
        assert action in actions
    told = " ".join(f"{e.subject} {e.details}" for e in entries)
    assert person.national_code not in told
    assert person.surname.persian not in told
