"""CRLs: read by cryptography, numbered upwards, fresh when a status has changed."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from pki.authority import CertificateRequest
from pki.bootstrap import Pki
from pki.errors import UnknownIssuerError
from pki.status import RevocationReason

CITIZEN, ROOT = "citizen-auth-g1", "root-g1"
Requests = Callable[..., CertificateRequest]


def read(der: bytes) -> x509.CertificateRevocationList:
    return x509.load_der_x509_crl(der)


def entry_of(crl: x509.CertificateRevocationList, serial: int) -> x509.RevokedCertificate:
    entry = crl.get_revoked_certificate_by_serial_number(serial)
    assert entry is not None
    return entry


def test_an_empty_crl_is_valid(pki: Pki) -> None:
    for name, certificate in ((ROOT, pki.trust.anchors[0]), (CITIZEN, pki.trust.intermediates[0])):
        crl = read(pki.crls.current(name).read())
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
    entry = entry_of(read(after.read()), serial)
    assert entry.revocation_date_utc == clock().replace(microsecond=0)


def test_nothing_new_gives_the_same_crl_until_half_its_life(pki: Pki, clock: Any) -> None:
    first = pki.crls.current(CITIZEN)
    clock.advance(hours=11)
    assert pki.crls.current(CITIZEN).number == first.number
    clock.advance(hours=2)
    assert pki.crls.current(CITIZEN).number > first.number


@pytest.mark.parametrize("span", [{"hours": 0}, {"hours": 1}, {"seconds": -59}])
def test_numbers_rise(pki: Pki, clock: Any, span: dict[str, int]) -> None:
    clock.advance(minutes=2)
    numbers = [pki.crls.publish(CITIZEN).number]
    clock.advance(**span)
    numbers += [pki.crls.publish(CITIZEN).number for _ in range(3)]
    assert numbers == sorted(set(numbers))


def test_an_ended_certificate_leaves_after_one_more_crl(
    pki: Pki, citizen_request: Requests, clock: Any
) -> None:
    issued = pki.authority.issue(citizen_request())
    pki.authority.revoke(issued.serial, RevocationReason.SUPERSEDED, "clerk-1", "")
    clock.now = issued.not_after + timedelta(hours=1)
    assert len(list(read(pki.crls.current(CITIZEN).read()))) == 1
    clock.advance(days=2)
    assert len(list(read(pki.crls.current(CITIZEN).read()))) == 0


def test_an_unknown_ca_has_none(pki: Pki) -> None:
    with pytest.raises(UnknownIssuerError):
        pki.crls.current("nobody")
