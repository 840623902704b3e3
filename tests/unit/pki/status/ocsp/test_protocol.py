"""The finer points of RFC 6960 and 9654: extensions, several CAs, what was never issued, who signs."""

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509 import ocsp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from pki import der, oids
from pki.authority import CertificateRequest, IssuedCertificate
from pki.bootstrap import Pki, open_pki
from pki.errors import ResponderEndedError, TokenUnavailableError
from pki.home import Home
from pki.profiles import Profile
from pki.status import RevocationReason
from pki.status.ocsp.forms import plain_request
from pki.status.ocsp.policy import SKEW
from pki.status.ocsp.request import parse_request
from pki.status.ocsp.response import ResponseStatus
from pki.store.models import KeyRow
from tests.delivery import issue_delivered

from .conftest import CITIZEN

Issue = Callable[..., IssuedCertificate]
Requests = Callable[..., CertificateRequest]
SIGNING = "citizen-sign-g1"


def request_of(
    *cert_ids: bytes, extensions: bytes = b"", single_extensions: bytes = b"", signature: bytes = b""
) -> bytes:
    requests = der.sequence(der.sequence((cert_id, single_extensions)) for cert_id in cert_ids)
    return der.sequence((der.sequence((requests, extensions)), signature))


def cert_id(pki: Pki, serial: int, issuer: str = CITIZEN) -> bytes:
    return parse_request(plain_request(pki.ocsp.forms.of_issuer(issuer)[0], serial)).cert_ids[0].raw


def nonce_extension(size: int) -> bytes:
    return der.extension(oids.OCSP_NONCE, der.octet_string(bytes(range(size))))


def explicit(*extensions: bytes) -> bytes:
    return der.context(2, der.sequence(extensions))


def read(pki: Pki, request: bytes) -> ocsp.OCSPResponse:
    return ocsp.load_der_ocsp_response(pki.ocsp.answer(request).body)


@pytest.mark.parametrize("critical", [False, True])
def test_a_nonce_may_be_critical(pki: Pki, issue: Issue, critical: bool) -> None:
    nonce = der.extension(oids.OCSP_NONCE, der.octet_string(b"n" * 20), critical=critical)
    body = pki.ocsp.answer(request_of(cert_id(pki, issue().serial), extensions=explicit(nonce))).body
    assert nonce in body


@pytest.mark.parametrize(
    "oid", ["1.3.6.1.5.5.7.48.1.4", "1.3.6.1.5.5.7.48.1.8", "1.2.3.4"], ids=["response", "pref", "any"]
)
def test_other_extensions_are_let_be_unless_they_are_critical(pki: Pki, issue: Issue, oid: str) -> None:
    serial = issue().serial
    preferred = der.sequence((der.sequence((der.sequence((der.object_identifier(oids.SHA256_WITH_RSA),)),)),))
    plain = explicit(der.extension(oid, preferred))
    answer = read(pki, request_of(cert_id(pki, serial), extensions=plain))
    assert answer.certificate_status is ocsp.OCSPCertStatus.GOOD
    assert answer.signature_algorithm_oid == x509.SignatureAlgorithmOID.ECDSA_WITH_SHA256
    critical = der.extension(oid, preferred, critical=True)
    for refused in (
        request_of(cert_id(pki, serial), extensions=explicit(critical)),
        request_of(cert_id(pki, serial), single_extensions=der.context(0, der.sequence((critical,)))),
    ):
        assert pki.ocsp.answer(refused).status is ResponseStatus.MALFORMED_REQUEST


@pytest.mark.parametrize(
    "extension",
    [
        der.sequence((der.object_identifier("1.2.3"),)),
        der.sequence((der.object_identifier("1.2.3"), b"\x01\x01\x00", der.octet_string(b""))),
        der.sequence((der.object_identifier("1.2.3"), b"\x01\x01\x01", der.octet_string(b""))),
        der.sequence((der.octet_string(b""), der.octet_string(b""))),
        der.octet_string(b""),
        nonce_extension(5) + nonce_extension(5),
    ],
    ids=["no value", "FALSE written", "TRUE not ff", "no OID", "no SEQUENCE", "two nonces"],
)
def test_malformed_extensions_are_refused(pki: Pki, issue: Issue, extension: bytes) -> None:
    request = request_of(cert_id(pki, issue().serial), extensions=explicit(extension))
    assert pki.ocsp.answer(request).status is ResponseStatus.MALFORMED_REQUEST


def test_a_requestors_signature_changes_nothing(pki: Pki, issue: Issue) -> None:
    signature = der.context(0, der.sequence((der.sequence(()), der.bit_string(b"whatever"))))
    answer = read(pki, request_of(cert_id(pki, issue().serial), signature=signature))
    assert answer.certificate_status is ocsp.OCSPCertStatus.GOOD


def test_one_request_about_two_of_our_cas_is_refused(pki: Pki, issue: Issue) -> None:
    serial = issue().serial
    request = request_of(cert_id(pki, serial), cert_id(pki, serial, SIGNING))
    assert pki.ocsp.answer(request).status is ResponseStatus.UNAUTHORIZED


def test_another_cas_serial_is_unknown_here(pki: Pki, issue: Issue) -> None:
    answer = read(pki, request_of(cert_id(pki, issue().serial, SIGNING)))
    assert answer.certificate_status is ocsp.OCSPCertStatus.UNKNOWN


@pytest.mark.parametrize("reason", [reason for reason in RevocationReason if reason.code not in {6, 8}])
def test_every_reason_is_said(pki: Pki, issue: Issue, reason: RevocationReason) -> None:
    serial = issue().serial
    pki.authority.revoke(serial, reason, "tester", "")
    answer = read(pki, request_of(cert_id(pki, serial), extensions=explicit(nonce_extension(8))))
    said = answer.revocation_reason.value if answer.revocation_reason else "unspecified"
    assert said == reason.value


def test_this_update_lies_a_little_back_but_not_before_the_change(pki: Pki, issue: Issue, clock: Any) -> None:
    serial = issue().serial
    clock.advance(minutes=10)
    now = clock().replace(microsecond=0)
    good = read(pki, request_of(cert_id(pki, serial)))
    assert (good.this_update_utc, good.produced_at_utc) == (now - SKEW, now)
    pki.authority.revoke(serial, RevocationReason.SUPERSEDED, "tester", "")
    revoked = read(pki, request_of(cert_id(pki, serial)))
    assert revoked.revocation_time_utc == revoked.this_update_utc == now
    clock.advance(hours=1)
    assert (
        read(pki, request_of(cert_id(pki, serial))).this_update_utc == clock().replace(microsecond=0) - SKEW
    )


def test_what_was_never_issued_is_revoked_where_so_configured(home: Home, clock: Any, pki: Pki) -> None:
    strict = open_pki(dataclasses.replace(home, ocsp_extended_revoke=True), clock)
    try:
        body = strict.ocsp.answer(request_of(cert_id(strict, 5))).body
        answer = ocsp.load_der_ocsp_response(body)
        assert answer.certificate_status is ocsp.OCSPCertStatus.REVOKED
        assert answer.revocation_time_utc == datetime(1970, 1, 1, tzinfo=UTC)
        assert answer.revocation_reason is x509.ReasonFlags.certificate_hold
        marker = der.extension("1.3.6.1.5.5.7.48.1.9", b"\x05\x00")
        assert marker in body
        assert marker not in pki.ocsp.answer(request_of(cert_id(pki, 5))).body
    finally:
        strict.close()


def test_signature_certificates_have_an_archive_cutoff(
    pki: Pki, citizen_request: Requests, issue: Issue
) -> None:
    issued = issue_delivered(pki.authority, citizen_request("signature", Profile.SIGNATURE))
    began = pki.issuers[SIGNING].facts.validity.not_before
    cutoff = der.extension("1.3.6.1.5.5.7.48.1.6", der.generalized_time(began))
    plain = request_of(cert_id(pki, issued.serial, SIGNING))
    with_nonce = request_of(cert_id(pki, issued.serial, SIGNING), extensions=explicit(nonce_extension(32)))
    for request in (plain, with_nonce):
        assert cutoff in pki.ocsp.answer(request).body
    assert cutoff[:10] not in pki.ocsp.answer(request_of(cert_id(pki, issue().serial))).body


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    serial=st.integers(1, (1 << 127) - 1),
    size=st.sampled_from([1, 15, 16, 17, 31, 32, 33, 128]),
    form=st.integers(0, 3),
    flip=st.integers(0, 4000),
)
def test_what_is_recognised_in_a_glance_is_what_the_parser_reads(
    pki: Pki, serial: int, size: int, form: int, flip: int
) -> None:
    chosen = pki.ocsp.forms.of_issuer(CITIZEN)[form]
    (listed,) = der.parse(plain_request(chosen, serial), der.SEQUENCE).children()
    request = bytearray(der.sequence((der.sequence((listed.content, explicit(nonce_extension(size)))),)))
    if flip < len(request) * 8:
        request[flip // 8] ^= 1 << flip % 8
    found = pki.ocsp.forms.recognise_with_nonce(bytes(request))
    if found is None:
        return
    read_form, octets, nonce = found
    parsed = parse_request(bytes(request))
    assert parsed.nonce == nonce
    assert [item.raw for item in parsed.cert_ids] == [read_form.cert_id(octets)]


def test_a_new_key_each_period(pki: Pki, clock: Any) -> None:
    source = pki.ocsp.maker.sources[CITIZEN]
    first = source()
    clock.advance(days=15)
    second = source()
    assert first.tag != second.tag
    assert first.not_after > clock()
    assert source.by_tag(first.tag) is first
    with Session(pki.engine) as session:
        names = session.scalars(select(KeyRow.name).where(KeyRow.name.startswith(f"ocsp-{CITIZEN}"))).all()
    assert len(names) == 2


def test_the_next_responder_is_made_ahead(pki: Pki, clock: Any) -> None:
    source = pki.ocsp.maker.sources[CITIZEN]
    first = source()
    for _ in range(15):
        source.renew()
        clock.advance(days=1)
        if source() is not first:
            break
    certificate = x509.load_der_x509_certificate(source().certificate)
    assert certificate.not_valid_before_utc <= clock()
    assert source.by_tag(first.tag) is first


def test_two_replicas_end_with_one_responder(home: Home, pki: Pki, clock: Any) -> None:
    other = open_pki(home, clock)
    try:
        clock.advance(days=15)
        mine, theirs = pki.ocsp.maker.sources[CITIZEN](), other.ocsp.maker.sources[CITIZEN]()
        assert mine.certificate == theirs.certificate
    finally:
        other.close()


def test_a_failing_ca_key_stops_no_answers_while_the_last_responder_lives(
    pki: Pki, issue: Issue, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, request = pki.ocsp.maker.sources[CITIZEN], request_of(cert_id(pki, issue().serial))
    first = source()

    def fail(*_: object) -> None:
        raise TokenUnavailableError("token", "is gone")

    monkeypatch.setattr(pki.authority, "execute", fail)
    clock.advance(days=15)
    assert source() is first
    assert read(pki, request).certificate_status is ocsp.OCSPCertStatus.GOOD
    clock.advance(days=16)
    with pytest.raises(ResponderEndedError):
        source()
    assert pki.ocsp.answer(request).status is ResponseStatus.INTERNAL_ERROR
    monkeypatch.undo()
    clock.advance(minutes=2)
    assert read(pki, request).certificate_status is ocsp.OCSPCertStatus.GOOD


def test_the_last_responder_serves_after_a_restart_too(
    home: Home, pki: Pki, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = pki.ocsp.maker.sources[CITIZEN]()
    clock.advance(days=15)
    restarted = open_pki(home, clock)
    try:

        def fail(*_: object) -> None:
            raise TokenUnavailableError("token", "is gone")

        monkeypatch.setattr(restarted.authority, "execute", fail)
        assert restarted.ocsp.maker.sources[CITIZEN]().certificate == first.certificate
    finally:
        restarted.close()
