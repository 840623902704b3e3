"""A delivery goes live by the card's own signature, also where somebody else wrote its row."""

import base64

import pytest
from cryptography import x509
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from issuance.audit import AuditEntry
from issuance.delivery.models import Delivery
from issuance.production.models import JournalEntry
from issuance.production.steps import Step
from pki.profiles import Profile
from pki.status.state import Status
from tests.integration.issuance.office import CLERK, Office
from tests.integration.issuance.test_deliveries import produced, statuses

MOMENT = "'2026-01-01 00:00:00'"
CHECK = f"""
INSERT INTO identity_checks (id, card_number, application_id, purpose, outcome, document, register_answer,
    checked_by, checked_at)
SELECT 'FORGED', card_number, application_id, 'delivery', 'passed', 'passport', 1, 'clerk-1', {MOMENT}
FROM cards
"""  # noqa: S608 - ours
DELIVERY = f"""
INSERT INTO deliveries (id, card_number, state, version, identity_check_id, check_outcome, challenge,
    tries_left, opened_by, opened_at, expires_at, matched_at, proven_at, signature, unsigned)
SELECT 'FORGED', card_number, 'proven', 1, 'FORGED', 'passed', :challenge, 1, 'clerk-1', {MOMENT}, {MOMENT},
    {MOMENT}, {MOMENT}, :signature, :unsigned FROM cards
"""  # noqa: S608 - ours


def forge(
    session: Session, challenge: bytes = bytes(32), signature: bytes | None = b"0", *, unsigned: bool = False
) -> None:
    session.execute(text(CHECK))
    said = {"challenge": challenge, "signature": signature, "unsigned": unsigned}
    session.execute(text(DELIVERY), said)


def stays_on_hold(office: Office, card: str) -> None:
    before = statuses(office)
    office.registry.deliveries.finish_proven()
    assert statuses(office) == before
    assert Status.GOOD not in before
    with office.registry.database.reading() as session:
        delivery = session.get_one(Delivery, "FORGED")
        assert (delivery.state, delivery.closed_for) == ("closed", "unproven")
        told = select(AuditEntry).where(AuditEntry.action == "delivery.given-up")
        assert session.scalars(told).one().subject == f"card:{card}"


def test_a_proof_that_nobody_signed(office: Office) -> None:
    card = produced(office)
    with office.registry.database.writing() as session:
        forge(session)
    stays_on_hold(office, card)


def test_what_the_card_signed_elsewhere_is_no_proof(office: Office) -> None:
    """Its request for a certificate lies in the run's journal, signed by the same key."""
    card = produced(office)
    with office.registry.database.writing() as session:
        query = select(JournalEntry).where(JournalEntry.step == Step.SIGN_REQUESTS.value)
        requests = [entry.data for entry in session.scalars(query) if entry.data]
        csr = x509.load_der_x509_csr(base64.b64decode(str(requests[-1][Profile.AUTHENTICATION.value])))
        forge(session, csr.tbs_certrequest_bytes, csr.signature)
    stays_on_hold(office, card)


def test_the_card_is_handed_over_afterwards_all_the_same(office: Office) -> None:
    card = produced(office)
    with office.registry.database.writing() as session:
        forge(session)
    stays_on_hold(office, card)
    delivery = office.open_delivery(card)
    office.registry.deliveries.complete(CLERK, delivery.delivery_id, office.accept(delivery))
    assert set(statuses(office)) == {Status.GOOD}
    with office.registry.database.reading() as session:
        assert session.get_one(Delivery, delivery.delivery_id).signature


@pytest.mark.parametrize(("signature", "unsigned"), [(None, False), (None, True), (b"0", True)])
def test_no_new_delivery_is_without_signature(
    office: Office, signature: bytes | None, unsigned: bool
) -> None:
    produced(office)
    with (
        pytest.raises(DBAPIError, match=r"ck_deliveries_signed|their signature"),
        office.registry.database.writing() as session,
    ):
        forge(session, signature=signature, unsigned=unsigned)


@pytest.mark.parametrize(
    "statement",
    [
        CHECK.replace("'passed', 'passport', 1, 'clerk-1'", "'unrecorded', NULL, NULL, NULL"),
        "UPDATE deliveries SET unsigned = 1",
        "UPDATE deliveries SET challenge = x'00'",
        "UPDATE deliveries SET signature = x'00'",
        "UPDATE deliveries SET signature = NULL",
        "UPDATE deliveries SET state = 'open'",
        "UPDATE deliveries SET state = 'proven'",
        "UPDATE deliveries SET state = 'closed', closed_for = 'refused'",
        "UPDATE deliveries SET opened_by = 'supervisor-1'",
        "UPDATE deliveries SET opened_at = proven_at",
    ],
)
def test_what_the_database_refuses_by_itself(office: Office, statement: str) -> None:
    office.issue()
    with (
        pytest.raises(DBAPIError, match=r"record|keeps its check|their arrows"),
        office.registry.database.writing() as session,
    ):
        session.execute(text(statement))
