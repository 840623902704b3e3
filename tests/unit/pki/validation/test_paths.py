"""Paths: one thing wrong in each, and the error that says so."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pki import oids
from pki.authority import CertificateRequest
from pki.bootstrap import Pki
from pki.profiles import Profile
from pki.validation import PathPolicy, PinnedIssuers, ValidationError, validate
from pki.validation.errors import (
    BadSignatureError,
    ExpiredError,
    ExtendedKeyUsageError,
    KeyUsageError,
    NotACaError,
    NotYetValidError,
    PathError,
    PathLengthExceededError,
    PolicyError,
    UnknownCriticalExtensionError,
    UntrustedIssuerError,
)

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LOGIN = PathPolicy("digital_signature", oids.CLIENT_AUTH, frozenset({oids.NCP_PLUS}))


@dataclass(frozen=True)
class Node:
    name: str
    key: ec.EllipticCurvePrivateKey


def node(name: str) -> Node:
    return Node(name, ec.generate_private_key(ec.SECP256R1()))


def usage(**bits: bool) -> x509.KeyUsage:
    names = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement "
        "key_cert_sign crl_sign encipher_only decipher_only"
    )
    return x509.KeyUsage(**{name: bits.get(name, False) for name in names.split()})


CA_USAGE = usage(key_cert_sign=True, crl_sign=True)


def certify(
    subject: Node,
    issuer: Node,
    *extensions: tuple[x509.ExtensionType, bool],
    life: tuple[datetime, datetime] = (NOW - timedelta(days=1), NOW + timedelta(days=1)),
) -> x509.Certificate:
    def name(of: Node) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, of.name)])

    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(subject.key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(life[0])
        .not_valid_after(life[1])
    )
    for value, critical in extensions:
        builder = builder.add_extension(value, critical)
    return builder.sign(issuer.key, SHA256())


def ca(path_length: int | None = None) -> tuple[tuple[x509.ExtensionType, bool], ...]:
    return ((x509.BasicConstraints(True, path_length), True), (CA_USAGE, True))  # noqa: FBT003


ROOT, MIDDLE, LOW, LEAF = node("root"), node("middle"), node("low"), node("leaf")
ROOT_CERTIFICATE = certify(ROOT, ROOT, *ca())
MIDDLE_CERTIFICATE = certify(MIDDLE, ROOT, *ca(0))
LEAF_CERTIFICATE = certify(LEAF, MIDDLE, (usage(digital_signature=True), True))


def raw(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def test_an_issued_path_holds_for_its_purpose(pki: Pki, citizen_request: Callable[..., Any]) -> None:
    leaf = x509.load_der_x509_certificate(pki.authority.issue(citizen_request()).der)
    path = validate((leaf, *pki.trust.intermediates), pki.trust.anchors, NOW, LOGIN)
    assert path.anchor.raw == raw(pki.trust.anchors[0])
    pinned = PinnedIssuers(pki.trust.intermediates, pki.trust.anchors)
    assert pinned.validate(leaf, NOW, LOGIN) == path


def test_a_signature_certificate_is_not_for_logins(
    pki: Pki, citizen_request: Callable[..., CertificateRequest]
) -> None:
    request = citizen_request(profile=Profile.SIGNATURE)
    leaf = x509.load_der_x509_certificate(pki.authority.issue(request).der)
    chain = (leaf, pki.trust.intermediates[1])
    with pytest.raises(PolicyError):
        validate(chain, pki.trust.anchors, NOW, LOGIN)
    with pytest.raises(KeyUsageError) as caught:
        validate(chain, pki.trust.anchors, NOW, PathPolicy("digital_signature"))
    assert caught.value.wanted == "digital_signature"
    with pytest.raises(ExtendedKeyUsageError):
        validate(chain, pki.trust.anchors, NOW, PathPolicy(key_purpose=oids.CLIENT_AUTH))


def test_the_anchor_may_stand_in_the_chain() -> None:
    chain = [LEAF_CERTIFICATE, MIDDLE_CERTIFICATE]
    for whole in (chain, [*chain, ROOT_CERTIFICATE]):
        path = validate(whole, [ROOT_CERTIFICATE], NOW)
        assert [item.raw for item in path.certificates] == [raw(item) for item in chain]


def test_one_of_several_anchors_of_the_same_name_is_enough() -> None:
    twin = certify(other := node("root"), other, *ca())
    chain = [LEAF_CERTIFICATE, MIDDLE_CERTIFICATE]
    assert validate(chain, [twin, ROOT_CERTIFICATE], NOW).anchor.raw == raw(ROOT_CERTIFICATE)


def low_ca_path() -> list[x509.Certificate]:
    low = certify(LOW, MIDDLE, *ca())
    return [certify(LEAF, LOW), low, MIDDLE_CERTIFICATE]


YESTERDAY = (NOW - timedelta(days=2), NOW - timedelta(seconds=1))
TOMORROW = (NOW + timedelta(seconds=1), NOW + timedelta(days=2))
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
FORGED_MIDDLE = certify(Node("middle", LOW.key), Node("root", LOW.key), *ca(0))

BAD: list[tuple[type[PathError], int, Callable[[], list[x509.Certificate]]]] = [
    (PathLengthExceededError, 0, list),
    (PathLengthExceededError, 1, low_ca_path),
    (UntrustedIssuerError, 0, lambda: [LEAF_CERTIFICATE]),
    (UntrustedIssuerError, 1, lambda: [certify(LEAF, LOW), certify(LOW, node("stranger"), *ca())]),
    (BadSignatureError, 1, lambda: [certify(LEAF, Node("middle", LOW.key)), FORGED_MIDDLE]),
    (BadSignatureError, 0, lambda: [certify(LEAF, Node("middle", LOW.key)), MIDDLE_CERTIFICATE]),
    (UntrustedIssuerError, 0, lambda: [certify(LEAF, Node("other", MIDDLE.key)), MIDDLE_CERTIFICATE]),
    (ExpiredError, 0, lambda: [certify(LEAF, MIDDLE, life=YESTERDAY), MIDDLE_CERTIFICATE]),
    (ExpiredError, 1, lambda: [LEAF_CERTIFICATE, certify(MIDDLE, ROOT, *ca(), life=YESTERDAY)]),
    (NotYetValidError, 0, lambda: [certify(LEAF, MIDDLE, life=TOMORROW), MIDDLE_CERTIFICATE]),
    (NotACaError, 1, lambda: [LEAF_CERTIFICATE, certify(MIDDLE, ROOT, (CA_USAGE, True))]),
    (
        NotACaError,
        1,
        lambda: [LEAF_CERTIFICATE, certify(MIDDLE, ROOT, (x509.BasicConstraints(False, None), True))],  # noqa: FBT003
    ),
    (
        KeyUsageError,
        1,
        lambda: [LEAF_CERTIFICATE, certify(MIDDLE, ROOT, ca()[0], (usage(crl_sign=True), True))],
    ),
    (UnknownCriticalExtensionError, 0, lambda: [certify(LEAF, MIDDLE, (UNKNOWN, True)), MIDDLE_CERTIFICATE]),
    (
        UnknownCriticalExtensionError,
        1,
        lambda: [LEAF_CERTIFICATE, certify(MIDDLE, ROOT, *ca(), (UNKNOWN, True))],
    ),
]


@pytest.mark.parametrize(("error", "depth", "chain"), BAD)
def test_each_flaw_has_its_error(
    error: type[PathError], depth: int, chain: Callable[[], list[x509.Certificate]]
) -> None:
    with pytest.raises(ValidationError) as caught:
        validate(chain(), [ROOT_CERTIFICATE], NOW)
    assert type(caught.value) is error
    assert isinstance(caught.value, PathError)
    assert caught.value.depth == depth


def test_an_expired_anchor_is_refused() -> None:
    root = certify(ROOT, ROOT, *ca(), life=YESTERDAY)
    with pytest.raises(ExpiredError) as caught:
        validate([LEAF_CERTIFICATE, MIDDLE_CERTIFICATE], [root], NOW)
    assert caught.value.depth == 2


@pytest.mark.parametrize(
    ("offset", "holds"),
    [
        (timedelta(days=1), True),
        (timedelta(days=1, microseconds=999_999), True),
        (timedelta(days=1, seconds=1), False),
        (timedelta(days=-1), True),
        (timedelta(days=-1, microseconds=-1), False),
    ],
)
def test_both_ends_belong_to_the_validity(offset: timedelta, *, holds: bool) -> None:
    chain = [LEAF_CERTIFICATE, MIDDLE_CERTIFICATE]
    if holds:
        validate(chain, [ROOT_CERTIFICATE], NOW + offset)
    else:
        with pytest.raises((ExpiredError, NotYetValidError)):
            validate(chain, [ROOT_CERTIFICATE], NOW + offset)


def test_no_anchor_means_no_trust() -> None:
    with pytest.raises(UntrustedIssuerError):
        validate([LEAF_CERTIFICATE, MIDDLE_CERTIFICATE], [], NOW)


def test_any_purpose_does_not_count_as_a_purpose() -> None:
    purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE])
    leaf = certify(LEAF, MIDDLE, (purposes, False))
    with pytest.raises(ExtendedKeyUsageError):
        validate(
            [leaf, MIDDLE_CERTIFICATE], [ROOT_CERTIFICATE], NOW, PathPolicy(key_purpose=oids.CLIENT_AUTH)
        )


def test_pinned_issuers_follow_no_stranger() -> None:
    pinned = PinnedIssuers([MIDDLE_CERTIFICATE], [ROOT_CERTIFICATE])
    with pytest.raises(UntrustedIssuerError):
        pinned.validate(certify(LEAF, LOW, (usage(), True)), NOW)
    forged = certify(LEAF, Node("middle", LOW.key), (usage(digital_signature=True), True))
    with pytest.raises(BadSignatureError):
        pinned.validate(forged, NOW)


def test_a_pinned_issuer_must_be_an_anchors() -> None:
    with pytest.raises(UntrustedIssuerError):
        PinnedIssuers([certify(LOW, node("stranger"), *ca())], [ROOT_CERTIFICATE])
    with pytest.raises(BadSignatureError):
        PinnedIssuers([FORGED_MIDDLE], [ROOT_CERTIFICATE])


def test_a_pinned_issuer_ends_too() -> None:
    middle = certify(MIDDLE, ROOT, *ca(0), life=YESTERDAY)
    with pytest.raises(ExpiredError) as caught:
        PinnedIssuers([middle], [ROOT_CERTIFICATE]).validate(certify(LEAF, MIDDLE, (usage(), True)), NOW)
    assert caught.value.depth == 1


def test_pinned_issuers_check_purpose_and_policy() -> None:
    pinned = PinnedIssuers([MIDDLE_CERTIFICATE], [ROOT_CERTIFICATE])
    assert pinned.validate(LEAF_CERTIFICATE, NOW).anchor.raw == raw(ROOT_CERTIFICATE)
    for policy in (PathPolicy("content_commitment"), PathPolicy(policies=frozenset({oids.NCP_PLUS}))):
        with pytest.raises((KeyUsageError, PolicyError)):
            pinned.validate(LEAF_CERTIFICATE, NOW, policy)
    critical = certify(LEAF, MIDDLE, (UNKNOWN, True))
    with pytest.raises(UnknownCriticalExtensionError):
        pinned.validate(critical, NOW)
