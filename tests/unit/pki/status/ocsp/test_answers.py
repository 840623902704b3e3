"""OCSP: asked by cryptography's client, byte for byte where bytes matter, and deaf to garbage."""

import contextlib
import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pki import der
from pki.authority import CertificateRequest
from pki.bootstrap import Pki
from pki.status import RevocationReason
from pki.status.ocsp.request import MAX_CERT_IDS, MAX_REQUEST_BYTES, MalformedRequestError, parse_request
from pki.status.ocsp.response import ResponseStatus
from tests.delivery import issue_delivered

Requests = Callable[..., CertificateRequest]
NULL = b"\x05\x00"


@pytest.fixture
def leaf(pki: Pki, citizen_request: Requests) -> x509.Certificate:
    return x509.load_der_x509_certificate(issue_delivered(pki.authority, citizen_request()).der)


def ask(
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    algorithm: HashAlgorithm | None = None,
    nonce: bytes | None = None,
) -> bytes:
    builder = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, algorithm or SHA1())  # noqa: S303
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


def answer(pki: Pki, request: bytes) -> ocsp.OCSPResponse:
    return ocsp.load_der_ocsp_response(pki.ocsp.answer(request).body)


@pytest.mark.parametrize("algorithm", [SHA1(), SHA256()], ids=["SHA-1", "SHA-256"])  # noqa: S303
def test_good_by_a_delegated_responder(pki: Pki, leaf: x509.Certificate, algorithm: HashAlgorithm) -> None:
    citizen = pki.trust.intermediates[0]
    response = answer(pki, ask(leaf, citizen, algorithm))
    assert response.certificate_status is ocsp.OCSPCertStatus.GOOD
    assert response.serial_number == leaf.serial_number
    (responder,) = response.certificates
    responder.verify_directly_issued_by(citizen)
    key = responder.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    key.verify(response.signature, response.tbs_response_bytes, ec.ECDSA(SHA256()))
    purposes = responder.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert [purpose.dotted_string for purpose in purposes] == ["1.3.6.1.5.5.7.3.9"]
    assert not responder.extensions.get_extension_for_class(x509.OCSPNoCheck).critical


def test_revoked_says_when_and_why(pki: Pki, leaf: x509.Certificate, clock: Any) -> None:
    clock.advance(minutes=1)
    pki.authority.revoke(leaf.serial_number, RevocationReason.KEY_COMPROMISE, "clerk-1", "")
    response = answer(pki, ask(leaf, pki.trust.intermediates[0]))
    assert response.certificate_status is ocsp.OCSPCertStatus.REVOKED
    assert response.revocation_reason is x509.ReasonFlags.key_compromise
    assert response.revocation_time_utc == clock().replace(microsecond=0)


def test_unspecified_is_said_by_saying_nothing(pki: Pki, leaf: x509.Certificate) -> None:
    pki.authority.revoke(leaf.serial_number, RevocationReason.UNSPECIFIED, "clerk-1", "")
    response = answer(pki, ask(leaf, pki.trust.intermediates[0]))
    assert response.certificate_status is ocsp.OCSPCertStatus.REVOKED
    assert response.revocation_reason is None


def test_a_hold_is_a_revocation_that_can_end(pki: Pki, leaf: x509.Certificate) -> None:
    pki.authority.suspend(leaf.serial_number, "clerk-1", "")
    response = answer(pki, ask(leaf, pki.trust.intermediates[0]))
    assert response.revocation_reason is x509.ReasonFlags.certificate_hold
    pki.authority.resume(leaf.serial_number, "clerk-1", "")
    response = answer(pki, ask(leaf, pki.trust.intermediates[0]))
    assert response.certificate_status is ocsp.OCSPCertStatus.GOOD


def by_serial(pki: Pki, serial: int) -> bytes:
    return request_of(cert_id_of(pki, SHA1_OID, serial))


def cert_id_of(pki: Pki, algorithm: bytes, serial: int, parameters: bytes = NULL) -> bytes:
    citizen = pki.trust.intermediates[0]
    name_hash = hashlib.sha1(citizen.subject.public_bytes()).digest()  # noqa: S324
    key_hash = citizen.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    return der.sequence(
        (
            der.sequence((algorithm, parameters)),
            der.encode(der.OCTET_STRING, name_hash),
            der.encode(der.OCTET_STRING, key_hash),
            der.integer(serial),
        )
    )


def request_of(*cert_ids: bytes, extensions: bytes = b"") -> bytes:
    requests = der.sequence(der.sequence((cert_id,)) for cert_id in cert_ids)
    return der.sequence((der.sequence((requests, extensions)),))


@pytest.mark.parametrize(
    "serial", [0, 1, -1, 2**126, 2**159, 2**1000], ids=lambda serial: f"{serial.bit_length()} bits"
)
def test_never_issued_is_unknown_and_never_good(pki: Pki, serial: int) -> None:
    response = answer(pki, by_serial(pki, serial))
    assert response.certificate_status is ocsp.OCSPCertStatus.UNKNOWN


def test_a_root_certificates_serial_is_unknown_below_the_citizen_ca(pki: Pki) -> None:
    serial = pki.trust.intermediates[0].serial_number  # issued, but by the root
    assert answer(pki, by_serial(pki, serial)).certificate_status is ocsp.OCSPCertStatus.UNKNOWN


SHA1_OID = der.object_identifier("1.3.14.3.2.26")


@pytest.mark.parametrize("parameters", [b"", NULL], ids=["absent", "NULL"])
def test_absent_and_null_parameters_are_equal_and_echoed(
    pki: Pki, leaf: x509.Certificate, parameters: bytes
) -> None:
    cert_id = cert_id_of(pki, SHA1_OID, leaf.serial_number, parameters)
    body = pki.ocsp.answer(request_of(cert_id)).body
    assert ocsp.load_der_ocsp_response(body).certificate_status is ocsp.OCSPCertStatus.GOOD
    assert cert_id in body


@pytest.mark.parametrize("size", [1, 32, 128])
def test_a_nonce_comes_back(pki: Pki, leaf: x509.Certificate, size: int) -> None:
    request = ask(leaf, pki.trust.intermediates[0], nonce=bytes(range(size)))
    response = answer(pki, request)
    assert response.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == bytes(range(size))
    assert pki.ocsp.answer(request).stored is None


@pytest.mark.parametrize("size", [0, 129, 2000])
def test_senseless_nonces_are_malformed(pki: Pki, leaf: x509.Certificate, size: int) -> None:
    response = answer(pki, ask(leaf, pki.trust.intermediates[0], nonce=bytes(size)))
    assert response.response_status is ocsp.OCSPResponseStatus.MALFORMED_REQUEST


def test_foreign_issuers_are_unauthorized(pki: Pki, leaf: x509.Certificate) -> None:
    root = pki.trust.anchors[0]
    for request in (ask(leaf, root), ask(leaf, pki.trust.intermediates[0], SHA512())):
        assert answer(pki, request).response_status is ocsp.OCSPResponseStatus.UNAUTHORIZED


def test_several_certificates_are_answered_in_one_answer(pki: Pki, leaf: x509.Certificate) -> None:
    serials = [leaf.serial_number, 5, leaf.serial_number]
    request = request_of(*(cert_id_of(pki, SHA1_OID, serial) for serial in serials))
    responses = list(ocsp.load_der_ocsp_response(pki.ocsp.answer(request).body).responses)
    assert [response.serial_number for response in responses] == serials
    statuses = [response.certificate_status for response in responses]
    assert statuses == [ocsp.OCSPCertStatus.GOOD, ocsp.OCSPCertStatus.UNKNOWN, ocsp.OCSPCertStatus.GOOD]


def test_one_foreign_certificate_spoils_the_request(pki: Pki, leaf: x509.Certificate) -> None:
    foreign = parse_request(ask(leaf, pki.trust.anchors[0])).cert_ids[0].raw
    request = request_of(cert_id_of(pki, SHA1_OID, leaf.serial_number), foreign)
    assert pki.ocsp.answer(request).status is ResponseStatus.UNAUTHORIZED


def test_too_many_certificates_are_malformed(pki: Pki) -> None:
    request = request_of(*(cert_id_of(pki, SHA1_OID, 5) for _ in range(MAX_CERT_IDS + 1)))
    assert pki.ocsp.answer(request).status is ResponseStatus.MALFORMED_REQUEST


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"",
        b"\x30\x00",
        der.sequence((der.sequence(()),)),
        request_of(),
        request_of(b""),
        request_of(der.sequence(())),
        request_of(der.sequence((der.sequence(()),))) + b"\0",
        bytes(MAX_REQUEST_BYTES + 1),
        b"\x30\x80" + bytes(100),
    ],
)
def test_garbage_is_malformed(pki: Pki, request_bytes: bytes) -> None:
    assert pki.ocsp.answer(request_bytes).body == b"\x30\x03\x0a\x01\x01"


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_a_changed_request_never_gets_good_for_another_certificate(
    pki: Pki, leaf: x509.Certificate, position: int, flip: int
) -> None:
    request = bytearray(ask(leaf, pki.trust.intermediates[0], nonce=b"nonce"))
    request[position % len(request)] ^= flip
    response = answer(pki, bytes(request))
    if response.response_status is ocsp.OCSPResponseStatus.SUCCESSFUL:
        good = response.certificate_status is ocsp.OCSPCertStatus.GOOD
        assert good == (response.serial_number == leaf.serial_number)


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(MalformedRequestError):
        parse_request(data)


def test_the_responder_is_renewed_before_it_ends(pki: Pki, leaf: x509.Certificate, clock: Any) -> None:
    ends = set()
    for _ in range(5):
        response = answer(pki, ask(leaf, pki.trust.intermediates[0]))
        (responder,) = response.certificates
        assert responder.not_valid_before_utc <= clock() <= responder.not_valid_after_utc
        assert response.next_update_utc is not None
        assert response.next_update_utc <= responder.not_valid_after_utc
        ends.add(responder.not_valid_after_utc)
        clock.advance(days=12)
    assert len(ends) >= 4
