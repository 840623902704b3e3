"""CRLs: read by cryptography, numbered upwards whatever the clock does, fresh when a status has changed."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from pki.authority import CertificateRequest
from pki.authority.issuers import uncertified_ca
from pki.bootstrap import Pki
from pki.errors import UnknownIssuerError
from pki.keys.files import FileSigner
from pki.profiles.names import encode_institution
from pki.profiles.tbs import Validity
from pki.status import RevocationReason
from pki.status.crl import CrlEntry, CrlScope, build_crl

CITIZEN, ROOT = "citizen-auth-g1", "root-g1"
Requests = Callable[..., CertificateRequest]
START = datetime(2026, 11, 24, 12, tzinfo=UTC)
SCOPE = CrlScope(7, START, START + timedelta(days=1))


def read(der: bytes) -> x509.CertificateRevocationList:
    return x509.load_der_x509_crl(der)


def entry_of(crl: x509.CertificateRevocationList, serial: int) -> x509.RevokedCertificate:
    entry = crl.get_revoked_certificate_by_serial_number(serial)
    assert entry is not None
    return entry


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP384R1()),
        rsa.generate_private_key(65537, 2048),
    ],
    ids=["P-256", "P-384", "RSA"],
)
@pytest.mark.parametrize("count", [0, 1, 5000])
def test_others_read_what_is_streamed(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, count: int
) -> None:
    signer = FileSigner(key)
    issuer = uncertified_ca("x", signer, encode_institution("X"), Validity(START, START + timedelta(days=9)))
    reasons = list(RevocationReason)
    entries = [
        CrlEntry(2**126 + number, START - timedelta(minutes=number), reasons[number % len(reasons)])
        for number in range(count)
    ]
    crl = read(build_crl(issuer, SCOPE, entries))
    assert crl.is_signature_valid(signer.public_key)
    assert [entry.serial_number for entry in crl] == [entry.serial for entry in entries]
    assert crl.next_update_utc == SCOPE.next_update
    assert crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 7
    authority_key = crl.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert authority_key.key_identifier == issuer.facts.key_identifier


@pytest.mark.parametrize("reason", list(RevocationReason))
def test_every_reason_is_spelt_as_the_standard_spells_it(reason: RevocationReason) -> None:
    signer = FileSigner.generate(ec.SECP256R1())
    issuer = uncertified_ca("x", signer, encode_institution("X"), Validity(START, START + timedelta(days=9)))
    crl = read(build_crl(issuer, SCOPE, [CrlEntry(5, START, reason)]))
    extensions = entry_of(crl, 5).extensions
    if reason is RevocationReason.UNSPECIFIED:
        assert len(extensions) == 0
    else:
        found = extensions.get_extension_for_class(x509.CRLReason).value.reason
        assert found.value == reason.value


def test_an_empty_crl_is_valid(pki: Pki) -> None:
    for name, certificate in ((ROOT, pki.trust.anchors[0]), (CITIZEN, pki.trust.intermediates[0])):
        crl = read(pki.crls.current(name).der)
        key = certificate.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        assert crl.is_signature_valid(key)
        assert list(crl) == []


def test_revocations_are_listed_at_once(pki: Pki, citizen_request: Requests, clock: Any) -> None:
    serial = pki.authority.issue(citizen_request()).serial
    before = pki.crls.current(CITIZEN)
    clock.advance(minutes=5)
    pki.authority.revoke(serial, RevocationReason.SUPERSEDED, "clerk-1", "")
    after = pki.crls.current(CITIZEN)
    assert after.number > before.number
    entry = entry_of(read(after.der), serial)
    assert entry.revocation_date_utc == clock().replace(microsecond=0)


def test_nothing_new_gives_the_same_crl_until_half_its_life(pki: Pki, clock: Any) -> None:
    first = pki.crls.current(CITIZEN)
    clock.advance(hours=11)
    assert pki.crls.current(CITIZEN).number == first.number
    clock.advance(hours=2)
    assert pki.crls.current(CITIZEN).number > first.number


@pytest.mark.parametrize("hours", [0, 1, -1, -24 * 400])
def test_numbers_rise_whatever_the_clock_does(pki: Pki, clock: Any, hours: int) -> None:
    numbers = [pki.crls.publish(CITIZEN).number]
    clock.advance(hours=hours)
    numbers += [pki.crls.publish(CITIZEN).number for _ in range(3)]
    assert numbers == sorted(set(numbers))


def test_a_crl_from_the_future_is_not_served(pki: Pki, clock: Any) -> None:
    newest = pki.crls.publish(CITIZEN)
    clock.advance(hours=-1)
    replaced = pki.crls.current(CITIZEN)
    assert replaced.number > newest.number
    assert replaced.this_update <= clock()


def test_an_ended_certificate_leaves_after_one_more_crl(
    pki: Pki, citizen_request: Requests, clock: Any
) -> None:
    issued = pki.authority.issue(citizen_request())
    pki.authority.revoke(issued.serial, RevocationReason.SUPERSEDED, "clerk-1", "")
    clock.now = issued.not_after + timedelta(hours=1)
    assert len(list(read(pki.crls.current(CITIZEN).der))) == 1
    clock.advance(days=2)
    assert len(list(read(pki.crls.current(CITIZEN).der))) == 0


def test_an_unknown_ca_has_none(pki: Pki) -> None:
    with pytest.raises(UnknownIssuerError):
        pki.crls.current("nobody")
