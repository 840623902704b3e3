"""Issuing: recorded, then linted, then signed; once for each request, whatever crashes between."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import HashAlgorithm
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from pki.auditchain import verify_table
from pki.authority import Authority, CertificateRequest, PersonSubject
from pki.authority.intentrows import read_intents
from pki.authority.issuers import Issuers, certified_ca
from pki.authority.seal import IntentSeal
from pki.bootstrap import Pki, open_pki
from pki.errors import (
    IssuanceError,
    IssuerExpiredError,
    IssuerRevokedError,
    KeyNotAllowedError,
    KeyReusedError,
    LintError,
    RequestConflictError,
    RequestRefusedError,
    SubjectError,
)
from pki.home import Home
from pki.keys.files import FileSigner
from pki.keys.signer import SignerPublicKey
from pki.profiles import Profile
from pki.profiles.extensions import PublicAddresses
from pki.profiles.names import encode_institution
from pki.status import Status
from pki.store.models import AuditEntry, CertificateRow, Intent

CITIZEN = "citizen-auth-g1"
Requests = Callable[..., CertificateRequest]


class PowerCutError(BaseException):
    """The process ends here; nothing below may catch it."""


class WatchedSigner:
    """A CA key that counts what it signs, and may lose power before or after."""

    def __init__(self, signer: FileSigner) -> None:
        self.signer = signer
        self.signed: list[bytes] = []
        self.cut_before = self.cut_after = False

    @property
    def public_key(self) -> SignerPublicKey:
        return self.signer.public_key

    def sign(self, message: bytes, algorithm: HashAlgorithm) -> bytes:
        if self.cut_before:
            raise PowerCutError
        self.signed.append(message)
        signature = self.signer.sign(message, algorithm)
        if self.cut_after:
            raise PowerCutError
        return signature

    def sign_digest(self, digest: bytes, algorithm: HashAlgorithm) -> bytes:
        return self.signer.sign_digest(digest, algorithm)


@pytest.fixture
def watched(home: Home) -> WatchedSigner:
    return WatchedSigner(FileSigner.load(home.keys / "citizen-auth-g1.pem", home.passphrase()))


@pytest.fixture
def authority(pki: Pki, watched: WatchedSigner, clock: Any) -> Authority:
    issuer = certified_ca(CITIZEN, watched, pki.certificates[CITIZEN])
    return Authority(
        pki.engine,
        Issuers([*pki.issuers, issuer]),
        PublicAddresses("http://127.0.0.1:8080"),
        IntentSeal.of(pki.master_keys),
        clock,
    )


def rows(pki: Pki, model: type[Any]) -> int:
    with Session(pki.engine) as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def reseal(pki: Pki, request_id: str) -> None:
    """Seals a forged row: what seals don't stop, lint stops."""
    seal = IntentSeal.of(pki.master_keys)
    with Session(pki.engine) as session, session.begin():
        intent = read_intents(session, [request_id])[request_id]
        row = update(Intent).where(Intent.request_id == request_id)
        session.execute(row.values(seal=seal.seal(intent)))


def test_a_certificate_ends_when_it_was_asked_to_at_the_latest(
    authority: Authority, citizen_request: Requests, clock: Any
) -> None:
    signer = FileSigner.generate(ec.SECP256R1())
    now = clock().replace(microsecond=0)
    request = replace(citizen_request(signer=signer), not_after=now + timedelta(days=7))
    issued = authority.issue(request)
    assert issued.not_after == now + timedelta(days=7)
    assert authority.issue(request) == issued
    with pytest.raises(RequestConflictError):
        authority.issue(replace(request, not_after=None))


def test_a_late_end_is_no_longer_life(authority: Authority, citizen_request: Requests, clock: Any) -> None:
    usual = authority.issue(citizen_request(request_id="usual"))
    late = replace(citizen_request(request_id="late"), not_after=usual.not_after + timedelta(days=1))
    assert authority.issue(late).not_after - clock() <= usual.not_after - usual.not_before


def test_an_end_that_has_passed_is_refused(
    authority: Authority, citizen_request: Requests, clock: Any
) -> None:
    with pytest.raises(IssuanceError):
        authority.issue(replace(citizen_request(), not_after=clock().replace(microsecond=0)))


def test_the_same_request_gives_the_same_certificate(
    authority: Authority, watched: WatchedSigner, citizen_request: Requests
) -> None:
    signer = FileSigner.generate(ec.SECP256R1())
    first = authority.issue(citizen_request(signer=signer))
    again = authority.issue(citizen_request(signer=signer))  # another CSR: its signature is random
    assert again == first
    assert authority.certificate("request-1") == first
    assert len(watched.signed) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"profile": Profile.SIGNATURE},
        {"subject": PersonSubject("0012345679", "زهرا", "محمدی")},
    ],
    ids=["profile", "subject"],
)
def test_the_same_request_id_with_other_content_is_refused(
    authority: Authority, citizen_request: Requests, change: dict[str, Any]
) -> None:
    request = citizen_request()
    authority.issue(request)
    with pytest.raises(RequestConflictError) as caught:
        authority.issue(replace(request, **change))
    assert caught.value.request_id == "request-1"


@pytest.mark.parametrize("moment", ["cut_before", "cut_after"])
def test_a_crash_between_intent_and_record_is_repaired_by_the_same_request(
    pki: Pki, authority: Authority, watched: WatchedSigner, citizen_request: Requests, moment: str
) -> None:
    request = citizen_request()
    setattr(watched, moment, True)
    with pytest.raises(PowerCutError):
        authority.issue(request)
    before = rows(pki, CertificateRow)
    setattr(watched, moment, False)
    issued = authority.issue(request)
    assert rows(pki, CertificateRow) == before + 1
    assert len(set(watched.signed)) == 1, "another certificate was signed for the same request"
    state = pki.status.lookup(CITIZEN, issued.serial)
    assert state is not None
    assert state.status is Status.ON_HOLD


def test_a_crash_is_repaired_at_the_next_start(
    home: Home, authority: Authority, watched: WatchedSigner, citizen_request: Requests, clock: Any
) -> None:
    watched.cut_after = True
    requests = [citizen_request(f"request-{number}") for number in range(3)]
    for request in requests:
        with pytest.raises(PowerCutError):
            authority.issue(request)
    clock.advance(days=3)
    reopened = open_pki(home, clock)
    try:
        issued = [reopened.authority.certificate(request.request_id) for request in requests]
        assert all(issued)
        assert len({certificate.serial for certificate in issued if certificate}) == 3
        assert reopened.authority.repair() == 0
        with Session(reopened.engine) as session:
            verify_table(session, AuditEntry)
    finally:
        reopened.close()


def test_the_slower_of_two_processes_gets_the_recorded_certificate(
    pki: Pki, authority: Authority, watched: WatchedSigner, citizen_request: Requests
) -> None:
    request = citizen_request()
    watched.cut_before = True
    with pytest.raises(PowerCutError):
        authority.issue(request)
    watched.cut_before = False
    with Session(pki.engine) as session:
        pending = read_intents(session, [request.request_id])[request.request_id]
    first = pki.authority.issue(request)
    slower = authority._issuing._complete([pending], {})  # it read the intent before the other recorded
    assert slower == [first]
    assert rows(pki, CertificateRow) == rows(pki, Intent)


def test_what_lint_refuses_is_recorded_and_never_signed(
    pki: Pki, authority: Authority, watched: WatchedSigner, citizen_request: Requests
) -> None:
    request = citizen_request(subject=PersonSubject("0012345670", "سارا", "محمدی"))
    with pytest.raises(LintError) as caught:
        authority.issue(request)
    assert caught.value.rule == "national_code"
    with pytest.raises(RequestRefusedError):
        authority.issue(request)
    assert watched.signed == []
    with Session(pki.engine) as session:
        last = session.scalars(select(AuditEntry).order_by(AuditEntry.sequence.desc())).first()
        assert last is not None
        assert (last.action, last.details["rule"]) == ("certificate.refused", "national_code")
        verify_table(session, AuditEntry)


def test_recorded_bytes_that_were_changed_are_not_signed(
    pki: Pki, authority: Authority, watched: WatchedSigner, citizen_request: Requests
) -> None:
    request = citizen_request()
    watched.cut_before = True
    with pytest.raises(PowerCutError):
        authority.issue(request)
    watched.cut_before = False
    with Session(pki.engine) as session, session.begin():
        tbs = session.get_one(Intent, request.request_id).tbs
        assert tbs is not None
        forged = tbs.replace("سارا".encode(), "زهرا".encode())
        session.execute(update(Intent).where(Intent.tbs == tbs).values(tbs=forged))
    reseal(pki, request.request_id)
    assert authority.repair() == 1
    assert watched.signed == []
    assert authority.certificate(request.request_id) is None


def test_a_key_serves_one_purpose_of_one_person(authority: Authority, citizen_request: Requests) -> None:
    signer = FileSigner.generate(ec.SECP256R1())
    authority.issue(citizen_request(signer=signer))
    with pytest.raises(KeyReusedError):
        authority.issue(citizen_request("request-2", Profile.SIGNATURE, signer=signer))
    stranger = PersonSubject("0012345679", "زهرا", "محمدی")
    with pytest.raises(KeyReusedError):
        authority.issue(citizen_request("request-3", signer=signer, subject=stranger))
    authority.issue(citizen_request("request-4", signer=signer))  # a renewal


def test_a_refused_request_leaves_its_key_free(
    pki: Pki, authority: Authority, citizen_request: Requests, watched: WatchedSigner
) -> None:
    signer = FileSigner.generate(ec.SECP256R1())
    stranger = PersonSubject("0012345679", "زهرا", "محمدی")
    request = citizen_request("request-2", signer=signer, subject=stranger)
    watched.cut_before = True
    with pytest.raises(PowerCutError):
        authority.issue(request)
    watched.cut_before = False
    with Session(pki.engine) as session, session.begin():
        session.execute(update(Intent).values(seal=bytes(32)))
    authority.repair()
    issued = authority.issue(citizen_request("request-3", signer=signer))
    with (
        Session(pki.engine) as session,
        session.begin(),
    ):  # who writes SQL frees no key that has a certificate
        session.execute(update(Intent).where(Intent.serial == issued.serial).values(outcome="refused"))
    with pytest.raises(KeyReusedError):
        authority.issue(citizen_request("request-4", signer=signer, subject=stranger))


def test_a_host_s_name_that_no_cn_takes_is_refused_in_clear_words() -> None:
    with pytest.raises(SubjectError, match="1 to 64 characters"):
        encode_institution("a" * 30 + "." + "b" * 40)


@pytest.mark.parametrize("profile", [Profile.ROOT_CA, Profile.ISSUING_CA, Profile.OCSP_RESPONDER])
def test_citizens_get_no_other_profiles(pki: Pki, citizen_request: Requests, profile: Profile) -> None:
    with pytest.raises(IssuanceError):
        pki.authority.issue(citizen_request(profile=profile))


@pytest.mark.parametrize("request_id", ["", "x" * 65])
def test_request_ids_are_bounded(pki: Pki, citizen_request: Requests, request_id: str) -> None:
    with pytest.raises(IssuanceError):
        pki.authority.issue(citizen_request(request_id))


def test_keys_that_the_profile_does_not_take_are_refused(pki: Pki, citizen_request: Requests) -> None:
    signer = FileSigner(rsa.generate_private_key(65537, 4096))
    with pytest.raises(KeyNotAllowedError):
        pki.authority.issue(citizen_request(signer=signer))


def test_a_refused_name_leaves_nothing_behind(pki: Pki, citizen_request: Requests) -> None:
    before = rows(pki, Intent)
    with pytest.raises(SubjectError):
        pki.authority.issue(citizen_request(subject=PersonSubject("0012345679", "سارا\x00", "محمدی")))
    assert rows(pki, Intent) == before


def test_an_expired_ca_issues_nothing(pki: Pki, citizen_request: Requests, clock: Any) -> None:
    before = rows(pki, Intent)
    clock.advance(days=366 * 12)
    with pytest.raises(IssuerExpiredError):
        pki.authority.issue(citizen_request())
    assert rows(pki, Intent) == before


def test_a_late_certificate_ends_with_its_ca(pki: Pki, citizen_request: Requests, clock: Any) -> None:
    clock.advance(days=365 * 10)
    issued = pki.authority.issue(citizen_request())
    assert issued.not_after == pki.trust.intermediates[0].not_valid_after_utc


def test_requests_show_no_person() -> None:
    assert "سارا" not in repr(PersonSubject("0012345679", "سارا", "محمدی"))
    assert "0012345679" not in repr(PersonSubject("0012345679", "سارا", "محمدی"))


def test_the_audit_names_no_person(pki: Pki, citizen_request: Requests) -> None:
    pki.authority.issue(citizen_request())
    with Session(pki.engine) as session:
        text = str([(entry.subject, entry.details) for entry in session.scalars(select(AuditEntry))])
    assert "0012345679" not in text
    assert "محمدی" not in text


@pytest.mark.parametrize(
    "forged",
    [
        {"serial": 1 << 126 | 0x5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A >> 2},
        {"not_after": datetime(2040, 1, 1, tzinfo=UTC)},
    ],
    ids=["serial", "not_after"],
)
def test_bytes_that_differ_from_their_row_are_not_signed(
    pki: Pki, authority: Authority, watched: WatchedSigner, citizen_request: Requests, forged: dict[str, Any]
) -> None:
    request = citizen_request()
    watched.cut_before = True
    with pytest.raises(PowerCutError):
        authority.issue(request)
    watched.cut_before = False
    with Session(pki.engine) as session, session.begin():
        session.execute(update(Intent).where(Intent.request_id == request.request_id).values(**forged))
    reseal(pki, request.request_id)
    assert authority.repair() == 1
    assert watched.signed == []
    with pytest.raises(RequestRefusedError) as caught:
        authority.issue(request)
    assert caught.value.rule == "recorded"


def test_a_row_changed_for_another_person_is_not_signed_for_the_first(
    pki: Pki, authority: Authority, watched: WatchedSigner, citizen_request: Requests
) -> None:
    mine = citizen_request("mine")
    theirs = citizen_request("theirs", subject=PersonSubject("0084575948", "زهرا", "محمدی"))
    watched.cut_before = True
    for request in (mine, theirs):
        with pytest.raises(PowerCutError):
            authority.issue(request)
    watched.cut_before = False
    with Session(pki.engine) as session, session.begin():
        other = session.get_one(Intent, "theirs")
        values = {
            name: getattr(other, name)
            for name in ("tbs", "key_hash", "holder_hash", "not_before", "not_after")
        }
        serial = other.serial
        session.execute(update(Intent).where(Intent.request_id == "theirs").values(serial=serial ^ 1))
        session.execute(update(Intent).where(Intent.request_id == "mine").values(serial=serial, **values))
    reseal(pki, "mine")
    with pytest.raises(LintError):
        authority.issue(mine)
    assert watched.signed == []


def test_a_row_alone_makes_no_ca(pki: Pki) -> None:
    with Session(pki.engine) as session, session.begin():
        made = session.get_one(Intent, "ca-card-g1")
        columns = {column.name: getattr(made, column.name) for column in Intent.__table__.columns}
        planted = {"request_id": "planted", "serial": made.serial ^ 1, "outcome": "pending", "tbs": b"0"}
        session.add(Intent(**{**columns, **planted}))
    reseal(pki, "planted")  # even who has the seal's key makes no CA
    assert pki.authority.repair() == 0


def test_a_revoked_ca_issues_nothing(pki: Pki, citizen_request: Requests) -> None:
    serial = pki.issuers[CITIZEN].serial
    assert serial is not None
    pki.authority.suspend(serial, "officer", "")
    with pytest.raises(IssuerRevokedError):
        pki.authority.issue(citizen_request())
    pki.authority.resume(serial, "officer", "")
    pki.authority.issue(citizen_request())


@pytest.mark.parametrize(
    "request_id", ["ca-card-g2", "cross-root-g2-root-g1", "ds-g2", "ocsp-card-g1-1", "mls-g9"]
)
def test_nobody_takes_the_names_of_the_authoritys_own_requests(
    pki: Pki, citizen_request: Requests, request_id: str
) -> None:
    with pytest.raises(IssuanceError):
        pki.authority.issue(citizen_request(request_id))
