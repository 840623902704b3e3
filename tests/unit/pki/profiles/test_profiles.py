"""Profiles: what cryptography and asn1crypto read in certificates that were really issued."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from asn1crypto import core
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtensionOID

from pki.authority import CertificateRequest
from pki.bootstrap import Pki
from pki.keys.files import FileSigner
from pki.profiles import Profile
from pki.profiles.definitions import Life
from pki.profiles.tbs import Validity, validity_from
from pki.status.state import RevocationReason, Status

Requests = Callable[..., CertificateRequest]


def issued(pki: Pki, request: CertificateRequest) -> x509.Certificate:
    return x509.load_der_x509_certificate(pki.authority.issue(request).der)


def usage_bits(certificate: x509.Certificate) -> set[str]:
    extension = certificate.extensions.get_extension_for_class(x509.KeyUsage)
    assert extension.critical
    names = ("digital_signature", "content_commitment", "key_encipherment", "key_cert_sign", "crl_sign")
    return {name for name in names if getattr(extension.value, name)}


def policies(certificate: x509.Certificate) -> list[str]:
    found = certificate.extensions.get_extension_for_class(x509.CertificatePolicies).value
    return [item.policy_identifier.dotted_string for item in found]


def test_root(pki: Pki) -> None:
    (root,) = pki.trust.anchors
    assert isinstance(root.public_key(), ec.EllipticCurvePublicKey)
    assert {extension.oid for extension in root.extensions} == {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.SUBJECT_KEY_IDENTIFIER,
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
    }
    assert usage_bits(root) == {"key_cert_sign", "crl_sign"}
    assert root.not_valid_after_utc == datetime(2051, 11, 24, 11, 59, 59, tzinfo=UTC)
    root.verify_directly_issued_by(root)


def test_citizen_ca(pki: Pki) -> None:
    citizen = pki.trust.intermediates[0]
    constraints = citizen.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (constraints.critical, constraints.value.ca, constraints.value.path_length) == (True, True, 0)
    assert usage_bits(citizen) == {"key_cert_sign", "crl_sign"}
    citizen.verify_directly_issued_by(pki.trust.anchors[0])


@pytest.mark.parametrize("profile", [Profile.AUTHENTICATION, Profile.SIGNATURE])
def test_nothing_on_a_citizens_card_begins_good(
    pki: Pki, citizen_request: Requests, profile: Profile
) -> None:
    serial = pki.authority.issue(citizen_request(profile=profile)).serial
    state = pki.status.state_of(serial)
    assert (state.status, state.reason) == (Status.ON_HOLD, RevocationReason.CERTIFICATE_HOLD)


def test_authentication(pki: Pki, citizen_request: Requests) -> None:
    certificate = issued(pki, citizen_request())
    assert usage_bits(certificate) == {"digital_signature"}
    purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert [purpose.dotted_string for purpose in purposes] == ["1.3.6.1.5.5.7.3.2"]
    assert policies(certificate)[0] == "0.4.0.2042.1.2"
    assert certificate.not_valid_before_utc == datetime(2026, 11, 24, 12, tzinfo=UTC)
    assert certificate.not_valid_after_utc == datetime(2031, 11, 24, 11, 59, 59, tzinfo=UTC)
    certificate.verify_directly_issued_by(pki.trust.intermediates[0])


def test_signature(pki: Pki, citizen_request: Requests) -> None:
    certificate = issued(
        pki, citizen_request(profile=Profile.SIGNATURE, signer=FileSigner.generate(ec.SECP384R1()))
    )
    assert usage_bits(certificate) == {"content_commitment"}
    with pytest.raises(x509.ExtensionNotFound):
        certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert policies(certificate)[0] == "0.4.0.194112.1.2"


def test_a_signature_certificate_states_that_it_is_qualified(pki: Pki, citizen_request: Requests) -> None:
    certificate = issued(pki, citizen_request(profile=Profile.SIGNATURE))
    oid = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.3")
    extension = certificate.extensions.get_extension_for_oid(oid)
    assert not extension.critical
    assert isinstance(extension.value, x509.UnrecognizedExtension)
    statements = core.SequenceOf.load(extension.value.value, spec=core.Sequence)
    found = [core.ObjectIdentifier.load(statement[0].dump()).native for statement in statements]
    assert found == [
        "1.3.6.1.5.5.7.11.2",
        "0.4.0.1862.1.1",
        "0.4.0.1862.1.4",
        "0.4.0.1862.1.5",
        "0.4.0.1862.1.6",
        "0.4.0.1862.1.7",
    ]
    assert b"https://127.0.0.1:8080/pki/pds-en.txt" in extension.value.value


def test_rsa_cards_are_served_too(pki: Pki, citizen_request: Requests) -> None:
    signer = FileSigner(rsa.generate_private_key(65537, 2048))
    assert isinstance(issued(pki, citizen_request(signer=signer)).public_key(), rsa.RSAPublicKey)


@pytest.mark.parametrize(
    ("now", "end"),
    [
        (datetime(2028, 2, 29, 10, 0, 0, 999_999, tzinfo=UTC), datetime(2033, 2, 28, 9, 59, 59, tzinfo=UTC)),
        (datetime(2026, 1, 1, tzinfo=UTC), datetime(2030, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
    ids=["leap day", "new year"],
)
def test_lives_are_calendar_years_in_whole_seconds(now: datetime, end: datetime) -> None:
    validity = validity_from(now, Life(years=5), None)
    assert validity == Validity(now.replace(microsecond=0), end)


def test_a_life_is_cut_at_the_issuers_end() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    issuer = Validity(now, now + timedelta(days=10))
    assert validity_from(now, Life(years=5), issuer).not_after == issuer.not_after
