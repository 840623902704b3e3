"""The attack list, section Signature: one test a line."""

import base64
import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding

from simulators.forge.certificates import NOW, POLICY_OID
from simulators.forge.tokens import NONCE, ORIGIN, Forge, ForgedCard, Token, make_token, message, sign
from verifier.authentication.algorithms import SignatureAlgorithm, verify_signature
from verifier.authentication.errors import (
    AlgorithmUnsupportedError,
    KeyMismatchError,
    KeyWeakError,
    LoginRefusedError,
    SignatureError,
    TokenParseError,
)
from verifier.authentication.identity import Identity
from verifier.authentication.policy import national_policy
from verifier.authentication.token import WebEidToken
from verifier.authentication.trust import PinnedTrust
from verifier.authentication.verification import TokenVerifier

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
P521_ORDER = int(
    "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa"
    "51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
    16,
)
"""Orders of the curves: FIPS 186-5 with SP 800-186, section 3.2.1."""
FORGE = Forge.create()
CARD = FORGE.card()
RSA_KEY = rsa.generate_private_key(65537, 2048)
RSA_CARD = FORGE.card(key=RSA_KEY)
VERIFIER = TokenVerifier(
    national_policy(frozenset({POLICY_OID})),
    PinnedTrust([FORGE.root.certificate], [FORGE.authority.certificate]),
    None,
)


def verify(token: Token, origin: str = ORIGIN, nonce: str = NONCE) -> Identity:
    return VERIFIER.verify(WebEidToken.parse(json.dumps(token)), origin, nonce, NOW)


def resigned(signature: bytes) -> Token:
    return make_token(CARD.der, signature)


def numbers(r: int, s: int) -> bytes:
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def good_numbers() -> tuple[int, int]:
    signature = sign(CARD.key, "ES256", message("ES256", ORIGIN, NONCE))
    return int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")


@pytest.mark.parametrize(
    ("algorithm", "curve"), [("ES256", ec.SECP256R1()), ("ES384", ec.SECP384R1()), ("ES512", ec.SECP521R1())]
)
def test_good_ecdsa_token_is_accepted(algorithm: str, curve: ec.EllipticCurve) -> None:
    card = FORGE.card(key=ec.generate_private_key(curve))
    identity = verify(card.token(algorithm=algorithm))
    assert identity.national_code == "0499370899"
    assert identity.given_name == "مریم"
    assert identity.surname == "احمدی"


@pytest.mark.parametrize("algorithm", ["PS256", "PS384", "PS512", "RS256", "RS384", "RS512"])
def test_good_rsa_token_is_accepted(algorithm: str) -> None:
    assert verify(RSA_CARD.token(algorithm=algorithm)).national_code == "0499370899"


@pytest.mark.parametrize("nonce", [NONCE[:-2] + "9=", NONCE.lower(), NONCE + "=", "", NONCE[::-1]])
def test_nonce_changed(nonce: str) -> None:
    with pytest.raises(SignatureError):
        verify(CARD.token(), nonce=nonce)


@pytest.mark.parametrize(
    "origin",
    [
        pytest.param("https://other.example.ir", id="origin"),
        pytest.param("http://portal.example.ir", id="scheme"),
        pytest.param("https://portal.example.ir:8443", id="port"),
        pytest.param("https://portal.example.ir:443", id="default-port"),
        pytest.param("https://Portal.example.ir", id="case"),
        pytest.param("https://pоrtal.example.ir", id="homograph"),
        pytest.param("https://portal.example.ir/", id="slash"),
        pytest.param("https://portal.example.ir.evil.ir", id="suffix"),
    ],
)
def test_origin_changed(origin: str) -> None:
    with pytest.raises(SignatureError):
        verify(CARD.token(origin=origin))


@pytest.mark.parametrize(
    "label", ["none", "HS256", "EdDSA", "es256", "ES256 ", "ES256K", "ES1", "RS1", "ES255"]
)
def test_algorithm_none_hs256_eddsa(label: str) -> None:
    with pytest.raises(AlgorithmUnsupportedError):
        verify({**CARD.token(), "algorithm": label})


@pytest.mark.parametrize(
    ("card", "label"),
    [
        pytest.param(CARD, "ES384", id="ES384-on-P-256"),
        pytest.param(CARD, "RS256", id="RS256-on-EC"),
        pytest.param(CARD, "PS256", id="PS256-on-EC"),
        pytest.param(RSA_CARD, "ES256", id="ES256-on-RSA"),
    ],
)
def test_label_is_not_the_key_or_curve(card: ForgedCard, label: str) -> None:
    token = make_token(card.der, bytes(64), label)
    with pytest.raises(KeyMismatchError):
        verify(token)


def test_es256_on_p_384() -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    r, s = decode_dss_signature(key.sign(message("ES256", ORIGIN, NONCE), ec.ECDSA(hashes.SHA256())))
    card = FORGE.card(key=key)
    with pytest.raises(KeyMismatchError):
        verify(make_token(card.der, r.to_bytes(48, "big") + s.to_bytes(48, "big"), "ES256"))


def test_other_curve_than_nist() -> None:
    key = ec.generate_private_key(ec.BrainpoolP256R1())
    with pytest.raises(KeyMismatchError):
        verify(FORGE.card(key=key).token())


def test_rsa_shorter_than_2048_bits() -> None:
    key = rsa.generate_private_key(65537, 1024)  # noqa: S505 - weak on purpose
    with pytest.raises(KeyWeakError) as caught:
        verify(FORGE.card(key=key).token(algorithm="RS256"))
    assert caught.value.bits == 1024


@pytest.mark.parametrize(
    ("bits", "error"), [(8192, SignatureError), (8193, KeyWeakError), (16_384, KeyWeakError)]
)
def test_rsa_longer_than_8192_bits(bits: int, error: type[LoginRefusedError]) -> None:
    """It would be a way to keep us busy. Nobody has the other half of this key."""
    modulus = (1 << (bits - 1)) | 1
    good = x509.load_der_x509_certificate(CARD.der)
    builder = x509.CertificateBuilder(
        good.issuer,
        good.subject,
        rsa.RSAPublicNumbers(65537, modulus).public_key(),
        good.serial_number,
        good.not_valid_before_utc,
        good.not_valid_after_utc,
        list(good.extensions),
    )
    der = builder.sign(FORGE.authority.key, hashes.SHA256()).public_bytes(Encoding.DER)
    with pytest.raises(error):
        verify(make_token(der, bytes(bits // 8), "RS256"))


@pytest.mark.parametrize("algorithm", ["RS256", "PS256"])
def test_no_key_has_signed_nothing(algorithm: str) -> None:
    """A key of a size that is not even read is refused before; here it is refused once more."""
    with pytest.raises(SignatureError):
        verify_signature(SignatureAlgorithm(algorithm), None, b"", ORIGIN, NONCE)


@pytest.mark.parametrize("salt", [0, 20, padding.PSS.MAX_LENGTH])
def test_pss_salt_zero_or_maximal(salt: int) -> None:
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), salt)
    signature = RSA_KEY.sign(message("PS256", ORIGIN, NONCE), pss, hashes.SHA256())
    with pytest.raises(SignatureError):
        verify(make_token(RSA_CARD.der, signature, "PS256"))


def test_pss_label_on_a_pkcs1_signature_and_back() -> None:
    for signed, labelled in (("RS256", "PS256"), ("PS256", "RS256")):
        signature = sign(RSA_KEY, signed, message(signed, ORIGIN, NONCE))
        with pytest.raises(SignatureError):
            verify(make_token(RSA_CARD.der, signature, labelled))


@pytest.mark.parametrize(
    ("r", "s"),
    [(r, s) for r in (0, P256_ORDER, None) for s in (0, P256_ORDER, None) if (r, s) != (None, None)],
)
def test_r_or_s_zero_or_the_order(r: int | None, s: int | None) -> None:
    good_r, good_s = good_numbers()
    with pytest.raises(SignatureError):
        verify(resigned(numbers(good_r if r is None else r, good_s if s is None else s)))


@pytest.mark.parametrize("half", ["r", "s"])
def test_r_or_s_plus_the_order(half: str) -> None:
    # On P-521 the sum fits into the 66 bytes of each half; on P-256 it hardly ever does.
    card = FORGE.card(key=ec.generate_private_key(ec.SECP521R1()))
    signature = sign(card.key, "ES512", message("ES512", ORIGIN, NONCE))
    r, s = int.from_bytes(signature[:66], "big"), int.from_bytes(signature[66:], "big")
    raised = (r + P521_ORDER, s) if half == "r" else (r, s + P521_ORDER)
    wrapped = b"".join(number.to_bytes(66, "big") for number in raised)
    verify(make_token(card.der, signature, "ES512"))
    with pytest.raises(SignatureError):
        verify(make_token(card.der, wrapped, "ES512"))


@pytest.mark.parametrize("length", [0, 1, 32, 63, 65, 66, 96, 128, 132])
def test_wrong_lengths(length: int) -> None:
    good = sign(CARD.key, "ES256", message("ES256", ORIGIN, NONCE))
    signature = (good + bytes(128))[:length]
    expected = TokenParseError if length == 0 else SignatureError
    with pytest.raises(expected):
        verify(resigned(signature))


def test_zero_bytes_before_each_half() -> None:
    r, s = good_numbers()
    with pytest.raises(SignatureError):
        verify(resigned(r.to_bytes(48, "big") + s.to_bytes(48, "big")))


@pytest.mark.parametrize("zeros", [1, 2, 32])
def test_zero_bytes_before_the_second_half(zeros: int) -> None:
    """Whoever takes R from the front and all the rest for S reads the same numbers."""
    r, s = good_numbers()
    with pytest.raises(SignatureError):
        verify(resigned(r.to_bytes(32, "big") + bytes(zeros) + s.to_bytes(32, "big")))


def test_der_instead_of_r_and_s() -> None:
    key = CARD.key
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    signature = key.sign(message("ES256", ORIGIN, NONCE), ec.ECDSA(hashes.SHA256()))
    with pytest.raises(SignatureError):
        verify(resigned(signature))


def _spoilt_base64() -> list[str]:
    # A signature whose text holds + or /, so that base64url differs.
    while True:
        signature = sign(CARD.key, "ES256", message("ES256", ORIGIN, NONCE))
        text = base64.b64encode(signature).decode()
        if "+" in text or "/" in text:
            break
    return [
        base64.urlsafe_b64encode(signature).decode(),
        text.rstrip("="),
        text + "=",
        " " + text,
        text[:40] + "\n" + text[40:],
        text[:40] + " " + text[40:],
        text + "\x00",
        text + "AAAA==",
        "*" + text[1:],
        text.replace("A", "А") if "A" in text else "А" + text[1:],
    ]


@pytest.mark.parametrize("spoilt", _spoilt_base64(), ids=range(10))
def test_base64url_blanks_or_garbage_in_base64(spoilt: str) -> None:
    with pytest.raises(TokenParseError):
        verify({**CARD.token(), "signature": spoilt})


def test_base64_with_loose_last_bits() -> None:
    text = str(CARD.token()["signature"])
    assert text.endswith("==")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    loose = alphabet[alphabet.index(text[-3]) + 1]
    with pytest.raises(TokenParseError):
        verify({**CARD.token(), "signature": text[:-3] + loose + "=="})


def test_halves_swapped() -> None:
    swapped = message("ES256", ORIGIN, NONCE)
    swapped = swapped[32:] + swapped[:32]
    with pytest.raises(SignatureError):
        verify(resigned(sign(CARD.key, "ES256", swapped)))


def test_halves_unhashed() -> None:
    with pytest.raises(SignatureError):
        verify(resigned(sign(CARD.key, "ES256", (ORIGIN + NONCE).encode())))


def test_nonce_hashed_as_bytes_instead_of_text() -> None:
    data = (
        message("ES256", ORIGIN, "")[:32]
        + message("ES256", base64.b64decode(NONCE).decode("latin1"), "")[:32]
    )
    with pytest.raises(SignatureError):
        verify(resigned(sign(CARD.key, "ES256", data)))


def test_tls_certificate_verify_reused() -> None:
    # RFC 8446, section 4.4.3: 64 blanks, the context, a zero byte, the transcript's hash.
    content = (
        b" " * 64 + b"TLS 1.3, client CertificateVerify" + b"\x00" + message("ES256", ORIGIN, NONCE)[:32]
    )
    with pytest.raises(SignatureError):
        verify(resigned(sign(CARD.key, "ES256", content)))


def test_signature_of_another_key() -> None:
    other = FORGE.card(key=ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(SignatureError):
        verify({**CARD.token(), "signature": other.token()["signature"]})


def test_negated_s_is_valid() -> None:
    r, s = good_numbers()
    assert verify(resigned(numbers(r, P256_ORDER - s))).national_code == "0499370899"


def test_r_or_s_with_leading_zero_bytes_is_valid() -> None:
    # One in 128 signatures has one; 4,096 tries miss both kinds with a probability below 10^-6.
    data = message("ES256", ORIGIN, NONCE)
    found: dict[str, bytes] = {}
    for _ in range(4096):
        signature = sign(CARD.key, "ES256", data)
        if signature[0] == 0:
            found["r"] = signature
        if signature[32] == 0:
            found["s"] = signature
        if len(found) == 2:
            break
    assert set(found) == {"r", "s"}
    for signature in found.values():
        verify(resigned(signature))


def test_ten_thousand_random_signatures_are_valid() -> None:
    key = CARD.key
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    public_key = key.public_key()
    leading_zeros = 0
    for number in range(10_000):
        nonce = f"{number:044d}"
        signature = sign(key, "ES256", message("ES256", ORIGIN, nonce))
        leading_zeros += signature[0] == 0 or signature[32] == 0
        verify_signature(SignatureAlgorithm.ES256, public_key, signature, ORIGIN, nonce)
    assert leading_zeros > 0


@pytest.mark.parametrize("byte", [0, 31, 32, 63])
def test_any_flipped_bit_is_refused(byte: int) -> None:
    signature = bytearray(sign(CARD.key, "ES256", message("ES256", ORIGIN, NONCE)))
    signature[byte] ^= 1
    with pytest.raises(SignatureError):
        verify(resigned(bytes(signature)))


def test_refusals_carry_no_personal_data() -> None:
    token = CARD.token(nonce="x" * 44)
    with pytest.raises(LoginRefusedError) as caught:
        verify(token)
    assert "0499370899" not in str(caught.value) + repr(caught.value)
    assert "0499370899" not in repr(verify(CARD.token()))
