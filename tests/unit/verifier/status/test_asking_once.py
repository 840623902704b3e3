"""What a command asks: whoever the certificate names, with nothing configured."""

import pytest

from pki.validation import ValidatedPath
from pki.validation.certificate import read_certificate
from tests.unit.pki.validation.making import NOW, Entry, make_crl
from tests.unit.verifier.status.responder import (
    ANCHOR,
    CA,
    LOOPBACK,
    OTHER,
    REVOKED,
    Saying,
    answering,
    card,
    http,
    names_crl,
    names_responder,
    sending,
    served,
)
from verifier.authentication.status import CertificateStatus
from verifier.authentication.statuserrors import (
    SourceFault,
    StatusSourceUnknownError,
    StatusUntrustedAnswerError,
)
from verifier.status.once import ask_once
from verifier.status.settings import Mode

SERIAL = 4711


def path_of(certificate: bytes) -> ValidatedPath:
    return ValidatedPath((read_certificate(certificate),), read_certificate(ANCHOR))


def test_by_ocsp() -> None:
    with served(answering(lambda body: Saying(REVOKED).answer(body, card(serial=SERIAL)))) as url:
        certificate = card(names_responder(url), serial=SERIAL)
        answer = ask_once(path_of(certificate), NOW, Mode.OCSP, [LOOPBACK])
    assert answer.status is CertificateStatus.REVOKED


def test_by_crl() -> None:
    with served(sending(http(make_crl(CA, Entry(SERIAL, 6))))) as url:
        answer = ask_once(path_of(card(names_crl(url), serial=SERIAL)), NOW, Mode.CRL, [LOOPBACK])
    assert answer.status is CertificateStatus.ON_HOLD


def test_by_a_crl_of_somebody_else() -> None:
    with (
        served(sending(http(make_crl(CA, signer=OTHER)))) as url,
        pytest.raises(StatusUntrustedAnswerError),
    ):
        ask_once(path_of(card(names_crl(url), serial=SERIAL)), NOW, Mode.CRL, [LOOPBACK])


@pytest.mark.parametrize("mode", [Mode.OCSP, Mode.CRL])
def test_nobody_is_named(mode: Mode) -> None:
    with pytest.raises(StatusSourceUnknownError) as caught:
        ask_once(path_of(card()), NOW, mode)
    assert caught.value.fault is SourceFault.NOT_NAMED


def test_private_addresses_are_not_asked_without_permission() -> None:
    with served(sending(http(b"secret"))) as url, pytest.raises(StatusSourceUnknownError) as caught:
        ask_once(path_of(card(names_responder(url))), NOW, Mode.OCSP)
    assert caught.value.fault is SourceFault.ADDRESS_REFUSED
