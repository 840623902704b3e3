"""Card, record and person are one, or it is told where they part."""

import uuid
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from cardio.piv.objects import Chuid
from cardio.station.handovercontent import signed_content
from issuance.delivery.matching import CardAnswer, Expected, MatchFault, mismatch

CODE, OTHER_CODE = "0084575948", "0012345679"
CHALLENGE = bytes(range(32))
GUID = uuid.UUID(int=7)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
KEY = ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(65537, 2048)


def certificate(key: Key, *identifiers: str) -> bytes:
    names = [x509.NameAttribute(NameOID.SERIAL_NUMBER, text) for text in identifiers]
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x"), *names])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 5, NOW, NOW + timedelta(days=1))
    return builder.sign(key, SHA256()).public_bytes(Encoding.DER)


def chuid(guid: uuid.UUID) -> bytes:
    return Chuid(guid=guid, expires=date(2030, 1, 1)).encode()


CERTIFICATE = certificate(KEY, f"PNOIR-{CODE}")
EXPECTED = Expected(GUID.hex, CERTIFICATE, CODE)


def signature(key: Key = KEY, challenge: bytes = CHALLENGE) -> bytes:
    content = signed_content(challenge)
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(content, PKCS1v15(), SHA256())
    return key.sign(content, ec.ECDSA(SHA256()))


def answer(**changes: bytes) -> CardAnswer:
    return replace(CardAnswer(signature(), chuid(GUID), CERTIFICATE), **changes)


def test_one_card_one_record_one_person() -> None:
    assert mismatch(EXPECTED, answer(), CHALLENGE) is None


def test_with_an_rsa_key() -> None:
    made = certificate(RSA_KEY, f"PNOIR-{CODE}")
    said = answer(certificate=made, signature=signature(RSA_KEY))
    assert mismatch(replace(EXPECTED, certificate=made), said, CHALLENGE) is None


@pytest.mark.parametrize(
    "content",
    [chuid(uuid.UUID(int=8)), chuid(GUID)[:-1], chuid(GUID)[:1], b"", b"\xff" * 4000, bytes(3072)],
)
def test_another_chuid(content: bytes) -> None:
    assert mismatch(EXPECTED, answer(chuid=content), CHALLENGE) is MatchFault.CHUID


@pytest.mark.parametrize("der", [b"", CERTIFICATE[:-1], CERTIFICATE + b"\x00", certificate(KEY, "PNOIR-1")])
def test_another_certificate(der: bytes) -> None:
    assert mismatch(EXPECTED, answer(certificate=der), CHALLENGE) is MatchFault.CERTIFICATE


@pytest.mark.parametrize(
    "identifiers",
    [(), (f"PNOIR-{OTHER_CODE}",), (CODE,), (f"PNOIR-{CODE}", f"PNOIR-{OTHER_CODE}"), (f"PASIR-{CODE}",)],
)
def test_a_certificate_on_record_that_names_another(identifiers: tuple[str, ...]) -> None:
    made = certificate(KEY, *identifiers)
    expected, said = replace(EXPECTED, certificate=made), answer(certificate=made)
    assert mismatch(expected, said, CHALLENGE) is MatchFault.PERSON


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"\x30\x00",
        bytes(64),
        bytes(5000),
        signature(challenge=bytes(32)),
        KEY.sign(CHALLENGE, ec.ECDSA(SHA256())),  # of the challenge alone
        signature(ec.generate_private_key(ec.SECP256R1())),
        signature(RSA_KEY),
    ],
)
def test_another_signature(wrong: bytes) -> None:
    assert mismatch(EXPECTED, answer(signature=wrong), CHALLENGE) is MatchFault.SIGNATURE


@given(st.binary(max_size=200), st.binary(max_size=200), st.binary(max_size=80))
def test_noise_never_matches(content: bytes, der: bytes, signed: bytes) -> None:
    assert mismatch(EXPECTED, CardAnswer(signed, content, der), CHALLENGE) is not None


def test_nothing_of_it_shows() -> None:
    assert CODE not in repr(EXPECTED)
    assert "chuid" not in repr(answer())
