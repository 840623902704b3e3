"""What a station takes for a certification request's content: one form, byte for byte, and nothing else."""

import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import AttributeOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from cardio.errors import UnexpectedAnswerError
from cardio.station.errors import RefusedCommandError
from cardio.station.requestinfo import MAX_REQUEST_INFO, RequestInfo

CARD = "0000000007"
CHALLENGE = "0123456789ABCDEF" * 4
P256 = ec.generate_private_key(ec.SECP256R1())
P384 = ec.generate_private_key(ec.SECP384R1())
RSA = rsa.generate_private_key(65537, 2048)
EDWARDS = ed25519.Ed25519PrivateKey.generate()
CURVES_NOBODY_HAS = ec.generate_private_key(ec.SECP521R1())
Private = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
keys = pytest.mark.parametrize("key", [P256, P384, RSA], ids=["P-256", "P-384", "RSA"])
with_challenge = pytest.mark.parametrize("challenge", [None, CHALLENGE], ids=["plain", "with a challenge"])
INFO = RequestInfo(CARD, P256.public_key(), CHALLENGE).encode()


def builder(
    name: str = CARD, challenge: str | None = None, *more: x509.NameAttribute[str]
) -> x509.CertificateSigningRequestBuilder:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name), *more])
    made = x509.CertificateSigningRequestBuilder().subject_name(subject)
    if challenge is None:
        return made
    return made.add_attribute(AttributeOID.CHALLENGE_PASSWORD, challenge.encode())


def signed(key: Private, info: RequestInfo) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(info.encode(), padding.PKCS1v15(), info.hash)
    return key.sign(info.encode(), ec.ECDSA(info.hash))


@keys
@with_challenge
def test_it_is_read_back(key: Private, challenge: str | None) -> None:
    info = RequestInfo(CARD, key.public_key(), challenge)
    assert RequestInfo.parse(info.encode(), CARD) == info


@keys
def test_others_make_the_same_bytes(key: Private) -> None:
    made = builder().sign(key, hashes.SHA256()).tbs_certrequest_bytes
    assert RequestInfo(CARD, key.public_key()).encode() == made


@keys
@with_challenge
def test_others_read_the_signed_request(key: Private, challenge: str | None) -> None:
    info = RequestInfo(CARD, key.public_key(), challenge)
    request = x509.load_der_x509_csr(info.signed(signed(key, info)))
    assert request.is_signature_valid
    assert request.subject.rfc4514_string() == f"CN={CARD}"
    assert request.public_key() == key.public_key()
    if challenge is not None:
        found = request.attributes.get_attribute_for_oid(AttributeOID.CHALLENGE_PASSWORD)
        assert found.value == challenge.encode()


def test_a_signature_is_the_keys_and_of_this() -> None:
    info = RequestInfo(CARD, P256.public_key(), CHALLENGE)
    info.check(signed(P256, info))
    other = RequestInfo(CARD, P256.public_key(), CHALLENGE[::-1])
    for wrong in (signed(P256, other), P384.sign(info.encode(), ec.ECDSA(info.hash)), b"", b"\x30\x00"):
        with pytest.raises(UnexpectedAnswerError):
            info.check(wrong)


def of_builder(
    made: x509.CertificateSigningRequestBuilder, key: Private | ed25519.Ed25519PrivateKey
) -> bytes:
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return made.sign(key, algorithm).tbs_certrequest_bytes


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(bytes(32), id="a challenge of a delivery"),
        pytest.param(
            hashlib.sha256(b"origin").digest() + hashlib.sha256(b"nonce").digest(), id="a login token"
        ),
        pytest.param(hashlib.sha384(b"document").digest(), id="a document"),
        pytest.param(b"\x31" + INFO[1:], id="a set, as signed attributes are"),
        pytest.param(INFO + b"\x00", id="a byte behind"),
        pytest.param(INFO + INFO, id="twice"),
        pytest.param(INFO + bytes(MAX_REQUEST_INFO), id="too long"),
        pytest.param(b"\x30\x80" + INFO[2:] + bytes(2), id="of no length"),
        pytest.param(b"\x30" * MAX_REQUEST_INFO, id="deep"),
        pytest.param(INFO.replace(b"\x02\x01\x00", b"\x02\x01\x02", 1), id="another version"),
        pytest.param(INFO.replace(CHALLENGE.encode(), CHALLENGE.lower().encode()), id="small letters"),
        pytest.param(of_builder(builder(), P256).replace(b"\x0c\x0a", b"\x13\x0a", 1), id="another string"),
        pytest.param(of_builder(builder("0000000008"), P256), id="another card"),
        pytest.param(of_builder(builder("a citizen"), P256), id="somebody's name"),
        pytest.param(
            of_builder(builder(CARD, None, x509.NameAttribute(NameOID.COUNTRY_NAME, "IR")), P256),
            id="two names",
        ),
        pytest.param(of_builder(builder(CARD, "a password"), P256), id="another challenge"),
        pytest.param(
            of_builder(
                builder().add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True), P256
            ),
            id="extensions",
        ),
        pytest.param(
            of_builder(builder(CARD, CHALLENGE).add_attribute(x509.ObjectIdentifier("1.2.3"), b"x"), P256),
            id="an attribute more",
        ),
        pytest.param(of_builder(builder(), EDWARDS), id="a key that no card has"),
        pytest.param(of_builder(builder(), CURVES_NOBODY_HAS), id="a curve that no card has"),
        pytest.param(
            builder().sign(P256, hashes.SHA256()).public_bytes(Encoding.DER), id="the whole request, signed"
        ),
        pytest.param(
            P256.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
            id="the key alone",
        ),
    ],
)
def test_what_is_no_request_of_this_card(content: bytes) -> None:
    with pytest.raises(RefusedCommandError):
        RequestInfo.parse(content, CARD)


def test_a_card_without_such_a_number() -> None:
    name = "a citizen"
    with pytest.raises(RefusedCommandError):
        RequestInfo.parse(RequestInfo(name, P256.public_key()).encode(), name)


@given(st.integers(0, len(INFO) - 1), st.integers(1, 255))
def test_one_byte_that_differs(at: int, difference: int) -> None:
    """It is another key or challenge of the same form, or none."""
    content = INFO[:at] + bytes((INFO[at] ^ difference,)) + INFO[at + 1 :]
    try:
        found = RequestInfo.parse(content, CARD)
    except RefusedCommandError:
        return
    assert found.encode() == content
    assert (found.card, found != RequestInfo.parse(INFO, CARD)) == (CARD, True)


@given(st.binary(max_size=300))
def test_anything_at_all(content: bytes) -> None:
    with pytest.raises(RefusedCommandError):
        RequestInfo.parse(content, CARD)
