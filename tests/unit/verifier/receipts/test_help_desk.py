"""The help desk sees more, on record; old receipts go and the audit stays, on both databases."""

import hashlib
from datetime import timedelta

import pytest
from sqlalchemy import select

from pki.auditchain import verify_table
from pki.errors import OfficerLabelError
from tests.unit.verifier.receipts.world import CARD, ORIGIN, World
from verifier.audit import AuditEntry
from verifier.authentication.status import CertificateStatus
from verifier.receipts import retention
from verifier.receipts.codes import ReceiptCodeError
from verifier.receipts.helpdesk import Case, HelpDesk, LookReasonError
from verifier.receipts.proof import Proof
from verifier.receipts.service import ReceiptAlteredError, ReceiptMissingError

EVIL = "https://evil.example.ir"


def look(world: World, code: str, operator: str = "desk-7", reason: str = "ticket 812") -> Case:
    return HelpDesk(world.verifier.database, world.keys.public, lambda: world.now).look(
        code, operator, reason
    )


def audited(world: World) -> list[AuditEntry]:
    with world.verifier.database.read() as session:
        verify_table(session, AuditEntry)
        return list(session.scalars(select(AuditEntry).order_by(AuditEntry.sequence)))


def test_a_case_with_its_neighbours(both: World) -> None:
    nonce = both.nonce()
    wrong = both.log_in(EVIL, nonce)
    again = both.log_in(nonce=nonce)
    both.later(hours=1)
    good, better = both.log_in(), both.log_in()
    case = look(both, wrong["code"].lower())
    assert (case.site, case.origin, case.proof) == ("portal", ORIGIN, Proof.VALID)
    assert case.detail == "the certificate's key did not sign this origin and this nonce"
    assert [
        (near.code, near.outcome, near.same_challenge, near.same_certificate) for near in case.neighbours
    ] == [
        (again["code"], "challenge-used", True, True),
        (good["code"], "accepted", False, True),
        (better["code"], "accepted", False, True),
    ]
    case = look(both, good["code"])
    assert case.certificate_sha256 is not None
    kin = {(near.code, near.same_certificate, near.same_challenge) for near in case.neighbours}
    assert kin == {(other["code"], True, False) for other in (wrong, again, better)}
    shown = case.as_json()
    assert (shown["site_id"], shown["origin"]) == (good["site"], ORIGIN)
    for personal in ("0499370899", "احمدی"):
        assert personal not in str(shown)


def test_a_day_later_is_not_near(world: World) -> None:
    first = world.log_in()
    world.later(days=1, seconds=1)
    world.log_in()
    assert look(world, first["code"]).neighbours == []


def test_every_look_is_on_record(both: World) -> None:
    code = both.log_in()["code"]
    look(both, code)
    with pytest.raises(ReceiptMissingError):
        look(both, "0000000000")
    entries = audited(both)[-2:]
    assert [(entry.actor, entry.action, entry.subject) for entry in entries] == [
        ("desk-7", "receipt.look", code),
        ("desk-7", "receipt.look", "0000000000"),
    ]
    assert [dict(entry.details) for entry in entries] == [
        {"reason": "ticket 812", "found": True},
        {"reason": "ticket 812", "found": False},
    ]


@pytest.mark.parametrize("operator", ["", "Desk", "a b", "x" * 64, "cli"])
def test_nobody_looks_without_a_label(world: World, operator: str) -> None:
    code = world.log_in()["code"]
    before = len(audited(world))
    with pytest.raises(OfficerLabelError):
        look(world, code, operator)
    assert len(audited(world)) == before


@pytest.mark.parametrize("reason", ["", " ", "x" * 201, "a\nb", "\x1b[2J"])
def test_nobody_looks_without_a_reason(world: World, reason: str) -> None:
    with pytest.raises(LookReasonError):
        look(world, world.log_in()["code"], reason=reason)


def test_what_is_no_code(world: World) -> None:
    with pytest.raises(ReceiptCodeError):
        look(world, "' OR 1=1")


def test_a_changed_row_is_told(world: World) -> None:
    code = world.log_in(EVIL)["code"]
    world.change("policy = 'webeid'")
    assert look(world, code).proof is Proof.INVALID
    world.change("outcome = 'nonsense'")
    with pytest.raises(ReceiptAlteredError):
        look(world, code)
    assert audited(world)[-1].action == "receipt.look"


def test_old_receipts_go_and_the_audit_stays(both: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_BATCH", 2)
    old = [both.log_in()["code"] for _ in range(5)]
    both.later(days=30)
    kept = both.log_in()["code"]
    deleted = retention.purge(both.verifier.database, lambda: both.now, timedelta(days=30), "desk-7")
    assert deleted == 0, "exactly as old is kept"
    both.later(seconds=1)
    assert retention.purge(both.verifier.database, lambda: both.now, timedelta(days=30), "desk-7") == 5
    assert [both.page(code).status_code for code in (*old, kept)] == [*[404] * 5, 200]
    entries = audited(both)
    assert {entry.subject for entry in entries if entry.action == "login.accept"} == {*old, kept}
    purges = [dict(entry.details) for entry in entries if entry.action == "receipt.purge"]
    assert [entry["count"] for entry in purges] == [2, 2, 1]


def test_nobody_purges_without_a_label(world: World) -> None:
    with pytest.raises(OfficerLabelError):
        retention.purge(world.verifier.database, lambda: world.now, timedelta(days=1), "Somebody Else")


def test_all_attempts_with_a_card_are_found_refused_ones_too(world: World) -> None:
    """At every step from the one on that reads its certificate; the outcome says what it proved."""
    accepted, forged = world.log_in(), world.log_in(EVIL)
    world.status = CertificateStatus.REVOKED
    revoked = world.log_in()
    case = look(world, revoked["code"])
    assert case.certificate_sha256 == hashlib.sha256(CARD.der).hexdigest()
    found = {(near.code, near.outcome, near.same_certificate) for near in case.neighbours}
    assert found == {(accepted["code"], "accepted", True), (forged["code"], "signature-invalid", True)}


def test_a_refused_cards_fingerprint_is_the_help_desks_alone(world: World) -> None:
    """Site and citizen are shown no more than a hash that two receipts of one card don't share."""
    first, second = world.log_in(EVIL), world.log_in(EVIL)
    fingerprint = hashlib.sha256(CARD.der).hexdigest()
    assert first["certificate_hash"] != second["certificate_hash"]
    headers = {"Authorization": f"Bearer {world.key}"}
    site = world.http.get(f"/verifier/v1/receipts/{first['code']}", headers=headers).text
    assert fingerprint not in site
    for accept in ("text/html", "application/json"):
        page = world.page(first["code"], Accept=accept).text
        assert fingerprint not in page
        assert first["certificate_hash"] not in page


def test_what_is_no_certificate_leaves_no_fingerprint(world: World) -> None:
    nonce = world.nonce()
    token = CARD.token(nonce, ORIGIN) | {"unverifiedCertificate": "AAAA" * 40}
    answer = world.http.post(
        "/verifier/v1/authentications",
        json={"token": token, "nonce": nonce},
        headers={"Authorization": f"Bearer {world.key}"},
    )
    receipt = answer.json()["receipt"]
    assert (receipt["failed_step"], receipt["certificate_hash"]) == (3, None)
    assert look(world, receipt["code"]).certificate_sha256 is None
