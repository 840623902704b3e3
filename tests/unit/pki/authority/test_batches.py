"""Batches: one request that is refused, repeated or torn stops no other."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import HashAlgorithm
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pki.auditchain import verify_table
from pki.authority import Authority, CertificateRequest, IssuedCertificate, PersonSubject, issuing
from pki.authority.issuers import Issuers, certified_ca
from pki.authority.seal import IntentSeal
from pki.bootstrap import Pki, open_pki
from pki.errors import (
    ClockSetBackError,
    CsrError,
    IssuanceError,
    KeyCheckError,
    KeyReusedError,
    KeyStoreError,
    LintError,
    PkiError,
    RequestConflictError,
    SerialsExhaustedError,
    SubjectError,
)
from pki.home import Home
from pki.keys.files import FileSigner
from pki.keys.signer import SignerPublicKey
from pki.profiles import Profile
from pki.profiles.extensions import PublicAddresses
from pki.store.models import AuditEntry, CertificateRow, Intent
from tests.delivery import issue_delivered

CITIZEN = "citizen-auth-g1"
ADDRESSES = PublicAddresses("http://127.0.0.1:8080")
Requests = Callable[..., CertificateRequest]
LINTED_OUT = PersonSubject("0012345670", "سارا", "محمدی")
"""Its national code's check digit is wrong."""


class FailingSigner:
    """A CA key that does as told: works, fails from some signature on, or signs wrongly."""

    def __init__(self, signer: FileSigner) -> None:
        self._signer = signer
        self.signed = 0
        self.fails_at: int | None = None
        self.forges = False

    @property
    def public_key(self) -> SignerPublicKey:
        return self._signer.public_key

    def sign(self, message: bytes, algorithm: HashAlgorithm) -> bytes:
        self.signed += 1
        if self.fails_at is not None and self.signed >= self.fails_at:
            raise KeyStoreError("token", "has gone")
        return self._signer.sign(message + b"!" * self.forges, algorithm)

    def sign_digest(self, digest: bytes, algorithm: HashAlgorithm) -> bytes:
        return self._signer.sign_digest(digest, algorithm)


@pytest.fixture
def signer(home: Home) -> FailingSigner:
    return FailingSigner(FileSigner.load(home.keys / f"{CITIZEN}.pem", home.passphrase()))


@pytest.fixture
def authority(pki: Pki, signer: FailingSigner, clock: Any) -> Authority:
    issuer = certified_ca(CITIZEN, signer, pki.certificates[CITIZEN])
    return Authority(
        pki.engine, Issuers([*pki.issuers, issuer]), ADDRESSES, IntentSeal.of(pki.master_keys), clock
    )


def kinds(results: list[Any]) -> list[type]:
    return [type(result) for result in results]


def count(pki: Pki, model: type[Any], *conditions: Any) -> int:
    with Session(pki.engine) as session:
        verify_table(session, AuditEntry)
        return session.scalar(select(func.count()).select_from(model).where(*conditions)) or 0


def test_refused_ones_in_the_middle_stop_no_other(
    pki: Pki, authority: Authority, citizen_request: Requests
) -> None:
    before = count(pki, CertificateRow)
    taken = FileSigner.generate(ec.SECP256R1())
    first = citizen_request("first", signer=taken)
    broken = replace(first, request_id="bad-csr", csr=b"0")
    results = authority.issue_many(
        [
            first,
            citizen_request("linted", subject=LINTED_OUT),
            citizen_request("name", subject=PersonSubject("0012345679", "\x00", "محمدی")),
            broken,
            citizen_request("reused", Profile.SIGNATURE, signer=taken),
            citizen_request("profile", Profile.ROOT_CA),
            citizen_request("last"),
        ]
    )
    assert kinds(results) == [
        IssuedCertificate,
        LintError,
        SubjectError,
        *kinds(results)[3:4],
        KeyReusedError,
        IssuanceError,
        IssuedCertificate,
    ]
    assert isinstance(results[3], CsrError)
    assert count(pki, CertificateRow) == before + 2
    assert count(pki, Intent, Intent.outcome == "pending") == 0


def test_a_request_twice_in_a_batch_is_signed_once(
    pki: Pki, authority: Authority, signer: FailingSigner, citizen_request: Requests
) -> None:
    request = citizen_request("twice")
    other = citizen_request("twice")  # another key
    one, again, conflict, third = authority.issue_many([request, request, other, request])
    assert one == again == third
    assert isinstance(conflict, RequestConflictError)
    assert signer.signed == 1
    assert count(pki, Intent, Intent.request_id == "twice") == 1


def test_a_key_twice_in_a_batch_serves_the_first(authority: Authority, citizen_request: Requests) -> None:
    key = FileSigner.generate(ec.SECP256R1())
    stranger = PersonSubject("0012345679", "زهرا", "محمدی")
    results = authority.issue_many(
        [
            citizen_request("one", signer=key),
            citizen_request("two", signer=key, subject=stranger),
            citizen_request("three", signer=key),  # a renewal
        ]
    )
    assert kinds(results) == [IssuedCertificate, KeyReusedError, IssuedCertificate]


def test_a_key_that_fails_midway_leaves_the_rest_to_the_next_try(
    pki: Pki, authority: Authority, signer: FailingSigner, citizen_request: Requests
) -> None:
    requests = [citizen_request(f"request-{number}") for number in range(5)]
    requests.insert(4, citizen_request("other-ca", Profile.SIGNATURE))
    signer.fails_at = 3
    results = authority.issue_many(requests)
    assert kinds(results) == [
        *[IssuedCertificate] * 2,
        *[KeyStoreError] * 2,
        IssuedCertificate,
        KeyStoreError,
    ]
    assert signer.signed == 3, "a key that failed was asked again"
    assert count(pki, Intent, Intent.outcome == "pending") == 3
    signer.fails_at = None
    again = authority.issue_many(requests)
    assert kinds(again) == [IssuedCertificate] * 6
    assert again[:2] == results[:2]
    assert signer.signed == 3 + 3


def test_a_signature_that_does_not_verify_is_not_let_out(
    pki: Pki, authority: Authority, signer: FailingSigner, citizen_request: Requests
) -> None:
    before = count(pki, CertificateRow)
    signer.forges = True
    with pytest.raises(KeyCheckError):
        authority.issue(citizen_request())
    assert count(pki, CertificateRow) == before
    signer.forges = False
    assert authority.repair() == 1
    assert authority.certificate("request-1") is not None


def test_of_a_batch_that_was_signed_wrongly_nothing_is_let_out(
    pki: Pki, authority: Authority, signer: FailingSigner, citizen_request: Requests
) -> None:
    requests = [citizen_request(f"request-{number}") for number in range(3)]
    requests.insert(1, citizen_request("other-ca", Profile.SIGNATURE))
    signer.forges = True
    results = authority.issue_many(requests)
    assert kinds(results) == [KeyCheckError, IssuedCertificate, KeyCheckError, KeyCheckError]
    assert count(pki, Intent, Intent.outcome == "pending") == 3
    signer.forges = False
    assert kinds(authority.issue_many(requests)) == [IssuedCertificate] * 4


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5, 7])
def test_batches_of_any_size_keep_the_order(
    pki: Pki, authority: Authority, citizen_request: Requests, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(issuing, "MAX_BATCH", 3)
    before = count(pki, CertificateRow)
    requests = [citizen_request(f"request-{number}") for number in range(size)]
    results = authority.issue_many(requests)
    assert results == [authority.certificate(request.request_id) for request in requests]
    assert count(pki, CertificateRow) == before + size


def test_a_whole_batch_and_one_more(authority: Authority, citizen_request: Requests) -> None:
    requests = [citizen_request(f"request-{number}") for number in range(issuing.MAX_BATCH + 1)]
    results = authority.issue_many(requests)
    assert kinds(results) == [IssuedCertificate] * len(requests)
    assert len({result.serial for result in results if isinstance(result, IssuedCertificate)}) == len(
        requests
    )


def test_a_random_source_that_repeats_itself_ends_in_an_error(
    pki: Pki, clock: Any, citizen_request: Requests
) -> None:
    def repeating() -> Iterator[int]:
        yield from [secrets.randbits(126)] * 8

    numbers = repeating()
    authority = Authority(
        pki.engine, pki.issuers, ADDRESSES, IntentSeal.of(pki.master_keys), clock, lambda _bits: next(numbers)
    )
    authority.issue(citizen_request("one"))
    with pytest.raises(SerialsExhaustedError):
        authority.issue(citizen_request("two"))
    assert count(pki, Intent, Intent.request_id == "two") == 0


def test_nothing_is_signed_while_the_clock_is_set_back(
    pki: Pki, authority: Authority, signer: FailingSigner, citizen_request: Requests, clock: Any
) -> None:
    request = citizen_request()
    serial = issue_delivered(authority, citizen_request("before")).serial
    signed, intents = signer.signed, count(pki, Intent)
    clock.advance(hours=-2)
    with pytest.raises(ClockSetBackError) as caught:
        authority.issue(request)
    assert caught.value.recorded - caught.value.now == timedelta(hours=2)
    with pytest.raises(ClockSetBackError):
        authority.issue_many([request])
    authority.suspend(serial, "clerk-1", "")  # what must be stopped is stopped at any time
    with pytest.raises(ClockSetBackError):
        authority.resume(serial, "clerk-1", "")
    with pytest.raises(ClockSetBackError):
        pki.crls.publish(CITIZEN)
    with pytest.raises(ClockSetBackError):
        authority.issue(request)
    assert (signer.signed, count(pki, Intent)) == (signed, intents)
    assert not pki.status.state_of(serial).is_good
    clock.advance(hours=2)
    authority.resume(serial, "clerk-1", "")
    authority.issue(request)


def test_repair_waits_until_the_clock_is_right(
    home: Home, pki: Pki, authority: Authority, signer: FailingSigner, citizen_request: Requests, clock: Any
) -> None:
    signer.fails_at = 1
    with pytest.raises(KeyStoreError):
        authority.issue(citizen_request())
    with Session(pki.engine) as session:
        serial = session.scalars(
            select(CertificateRow.serial).where(CertificateRow.request_id == "ds-g1")
        ).one()
    clock.advance(hours=-2)
    waiting = open_pki(home, clock)  # to stop certificates, to list, to serve what was made before
    try:
        assert waiting.authority.repair() == 0
        waiting.authority.suspend(serial, "officer-1", "")
    finally:
        waiting.close()
    assert count(pki, Intent, Intent.outcome == "pending") == 1
    clock.advance(hours=2)
    reopened = open_pki(home, clock)
    try:
        assert reopened.authority.certificate("request-1") is not None
    finally:
        reopened.close()


def test_an_error_of_any_kind_is_a_pki_error(authority: Authority, citizen_request: Requests) -> None:
    (result,) = authority.issue_many([citizen_request("", Profile.AUTHENTICATION)])
    assert isinstance(result, PkiError)


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "b\udfffa"], ids=ascii)
@pytest.mark.parametrize("field", ["request_id", "actor", "provenance"])
def test_text_that_no_database_takes_is_refused_by_itself(
    either_pki: Pki, citizen_request: Requests, field: str, text: Any
) -> None:
    requests = [citizen_request(f"request-{number}") for number in range(9)]
    requests[3] = replace(requests[3], **{field: text})
    results = either_pki.authority.issue_many(requests)
    refused = results.pop(3)
    assert type(refused) is IssuanceError
    str(refused).encode()
    assert all(isinstance(result, IssuedCertificate) for result in results)
