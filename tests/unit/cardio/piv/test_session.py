"""The exact commands of the PIV session, and cards that answer what no card should."""

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cardio.errors import (
    ApduError,
    ApplicationNotFoundError,
    CardFullError,
    InvalidPinError,
    InvalidPukError,
    KeyNotFoundError,
    MalformedPinError,
    ManagementKeyError,
    ObjectNotFoundError,
    PinBlockedError,
    PukBlockedError,
    TransportPinError,
    UnexpectedAnswerError,
    UnsupportedKeyError,
)
from cardio.piv.objects import ObjectId
from cardio.piv.session import PivSession
from cardio.piv.signing import signature_input
from cardio.piv.slots import Algorithm, Slot, algorithm_of
from cardio.tlv import Tlv

Open = Callable[..., PivSession]
PIN_BLOCK = "313233343536FFFF"
PUK_BLOCK = "3837363534333231"
KEY = bytes(range(32))


@pytest.fixture
def open_session(scripted: Callable[..., Any], select_piv: tuple[str, str]) -> Open:
    def open_(*steps: tuple[str, Any], **arguments: Any) -> PivSession:
        return PivSession(scripted(select_piv, *steps), **arguments)

    return open_


@pytest.mark.parametrize("sw", ["6A82", "6D00", "6E00"])
def test_a_card_without_piv(scripted: Callable[..., Any], sw: str) -> None:
    with pytest.raises(ApplicationNotFoundError):
        PivSession(scripted(("*", sw)))


def test_the_commands_of_pin_and_puk(open_session: Open) -> None:
    session = open_session(
        ("00200080", "63C3"),
        ("0020008008" + PIN_BLOCK, "9000"),
        ("00200080", "9000"),
        ("0020FF80", "9000"),
        ("0024008010" + PIN_BLOCK + "3635343332310000"[:12] + "FFFF", "9000"),
        ("0024008110" + PUK_BLOCK + "4142434445464748", "9000"),
        ("002C008010" + PUK_BLOCK + PIN_BLOCK, "9000"),
    )
    assert session.pin_tries_left() == 3
    session.verify_pin("123456")
    assert session.pin_status().verified
    session.log_out()
    session.change_pin("123456", "654321")
    session.change_puk("87654321", "ABCDEFGH")
    session.unblock_pin("87654321", "123456")


@pytest.mark.parametrize(
    ("sw", "error"),
    [
        ("63C2", InvalidPinError),
        ("63C0", PinBlockedError),
        ("6983", PinBlockedError),
        ("6985", TransportPinError),
        ("6A80", ApduError),
        ("6700", ApduError),
    ],
)
def test_answers_to_a_pin(open_session: Open, sw: str, error: type[Exception]) -> None:
    with pytest.raises(error) as refused:
        open_session(("*", sw)).verify_pin("123456")
    assert "123456" not in str(refused.value)


@pytest.mark.parametrize(
    ("sw", "error"),
    [("63C1", InvalidPukError), ("63C0", PukBlockedError), ("6983", PukBlockedError), ("6985", ApduError)],
)
def test_answers_to_a_puk(open_session: Open, sw: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        open_session(("*", sw)).unblock_pin("87654321", "123456")


def test_a_puk_has_its_form(open_session: Open) -> None:
    for puk in ("", "12345", "123456789", "123\n5678", "۱۲۳۴۵۶"):
        with pytest.raises(MalformedPinError) as refused:
            open_session().unblock_pin(puk, "123456")
        assert refused.value.kind == "PUK"


@pytest.mark.parametrize("sw", ["6D00", "6300", "6A88"])
def test_an_unknown_pin_status(open_session: Open, sw: str) -> None:
    with pytest.raises(ApduError):
        open_session(("00200080", sw)).pin_tries_left()


def test_a_card_that_does_not_log_out(open_session: Open) -> None:
    with pytest.raises(UnexpectedAnswerError):
        open_session(("*", "9000"), ("*", "9000"), ("*", "9000")).pin_tries_left()


# Management key: SP 800-73-5 part 2, appendix A.1


def _encrypt(block: bytes) -> str:
    encryptor = Cipher(algorithms.AES(KEY), modes.ECB()).encryptor()  # noqa: S305 - one block
    return (encryptor.update(block) + encryptor.finalize()).hex().upper()


WITNESS, CHALLENGE = bytes(range(16)), bytes(range(16, 32))
FIRST = ("00870C9B047C02800000", f"7C128010{_encrypt(WITNESS)}9000")
SECOND = f"00870C9B267C248010{WITNESS.hex()}8110{CHALLENGE.hex()}00"


def test_mutual_authentication(open_session: Open) -> None:
    steps = (FIRST, (SECOND, f"7C128210{_encrypt(CHALLENGE)}9000"))
    open_session(*steps, random_bytes=lambda _length: CHALLENGE).authenticate_management(KEY)


@pytest.mark.parametrize(
    "answer",
    [f"7C128210{_encrypt(WITNESS)}9000", f"7C128210{CHALLENGE.hex()}9000", "6982", "6983", "6300"],
)
def test_a_card_or_key_that_is_not_right(open_session: Open, answer: str) -> None:
    session = open_session(FIRST, ("*", answer), random_bytes=lambda _length: CHALLENGE)
    with pytest.raises(ManagementKeyError):
        session.authenticate_management(KEY)


@pytest.mark.parametrize(
    "answer", ["9000", "7C009000", "7C0280009000", "7C0480020102" + "9000", "7C05" + "9000"]
)
def test_a_witness_that_is_none(open_session: Open, answer: str) -> None:
    with pytest.raises(UnexpectedAnswerError):
        open_session(("*", answer)).authenticate_management(KEY)


def test_a_management_key_of_another_kind(open_session: Open) -> None:
    with pytest.raises(ManagementKeyError, match="AES-256"):
        open_session(("*", "6A86")).authenticate_management(KEY)


def test_setting_the_management_key(open_session: Open) -> None:
    open_session(("00FFFFFF230C9B20" + KEY.hex(), "9000")).set_management_key(KEY)


# Objects


def test_the_commands_of_objects(open_session: Open) -> None:
    session = open_session(
        ("00CB3FFF055C035FC10200", "5302AABB9000"),
        ("00CB3FFF035C017E00", "7E0101" + "9000"),
        ("00DB3FFF095C035FC1025302AABB", "9000"),
        ("00DB3FFF075C035FC1025300", "9000"),
    )
    assert session.get_object(ObjectId.CHUID) == b"\xaa\xbb"
    assert session.get_object(ObjectId.DISCOVERY) == b"\x01"
    session.put_object(ObjectId.CHUID, b"\xaa\xbb")
    session.put_object(ObjectId.CHUID, b"")


@pytest.mark.parametrize("answer", ["9000", "5401AA9000", "5302AA9000", "5301AAFF9000", "5384FFFFFFFF9000"])
def test_objects_in_no_container(open_session: Open, answer: str) -> None:
    with pytest.raises(UnexpectedAnswerError):
        open_session(("*", answer)).get_object(ObjectId.CHUID)


@pytest.mark.parametrize("answer", ["6A82", "6A88", "53009000"])
def test_absent_objects(open_session: Open, answer: str) -> None:
    with pytest.raises(ObjectNotFoundError):
        open_session(("*", answer)).get_object(ObjectId.CHUID)


def test_a_full_card(open_session: Open) -> None:
    with pytest.raises(CardFullError) as full:
        open_session(("*", "6A84")).put_object(ObjectId.CHUID, b"x")
    assert (full.value.object_id, full.value.length) == (ObjectId.CHUID, 1)


@pytest.mark.parametrize("answer", ["9000", "0102039000", "01020304059000"])
def test_a_serial_number_of_another_length(open_session: Open, answer: str) -> None:
    with pytest.raises(UnexpectedAnswerError):
        open_session(("00F8000000", answer)).card_serial()


def test_serial_and_version(open_session: Open) -> None:
    session = open_session(("00F8000000", "FFFFFFFF9000"), ("00FD000000", "0507019000"))
    assert session.card_serial() == 0xFFFF_FFFF
    assert session.version() == (5, 7, 1)


# Keys

P256 = ec.derive_private_key(7, ec.SECP256R1())
POINT = bytes.fromhex("04") + b"".join(
    number.to_bytes(32, "big")
    for number in (P256.public_key().public_numbers().x, P256.public_key().public_numbers().y)
)


def _point(point: bytes) -> str:
    return Tlv(0x7F49, Tlv(0x86, point).encode()).encode().hex() + "9000"


def test_generating_a_key(open_session: Open) -> None:
    session = open_session(("0047009A05AC0380011100", _point(POINT)))
    key = session.generate_key(Slot.AUTHENTICATION, Algorithm.ECC_P256)
    assert key.public_numbers() == P256.public_key().public_numbers()


RSA_1024_TEMPLATE = Tlv(0x81, b"\xff" * 128).encode() + Tlv(0x82, b"\x01\x00\x01").encode()


@pytest.mark.parametrize(
    "answer",
    [
        "9000",
        "7F49009000",
        _point(b""),
        _point(POINT[:-1]),
        _point(POINT[:-1] + bytes((POINT[-1] ^ 1,))),
        _point(b"\x00"),
        _point(b"\x04" + bytes(64)),
        Tlv(0x7F49, RSA_1024_TEMPLATE).encode().hex() + "9000",
    ],
    ids=["nothing", "empty", "no point", "cut", "off the curve", "infinity", "zero", "RSA"],
)
def test_keys_that_are_none(open_session: Open, answer: str) -> None:
    with pytest.raises(UnexpectedAnswerError):
        open_session(("*", answer)).generate_key(Slot.AUTHENTICATION, Algorithm.ECC_P256)


@pytest.mark.parametrize("template", [RSA_1024_TEMPLATE, Tlv(0x81, b"\xff" * 256).encode(), b""])
def test_rsa_keys_that_are_none(open_session: Open, template: bytes) -> None:
    answer = Tlv(0x7F49, template).encode().hex() + "9000"
    with pytest.raises(UnexpectedAnswerError):
        open_session(("*", answer)).generate_key(Slot.AUTHENTICATION, Algorithm.RSA_2048)


@pytest.mark.parametrize("sw", ["6A80", "6A81"])
def test_an_algorithm_that_the_card_lacks(open_session: Open, sw: str) -> None:
    with pytest.raises(UnsupportedKeyError):
        open_session(("*", sw)).generate_key(Slot.SIGNATURE, Algorithm.RSA_3072)


def test_the_signing_command(open_session: Open) -> None:
    digest = hashes.Hash(hashes.SHA256())
    digest.update(b"message")
    value = digest.finalize()
    signature = P256.sign(value, ec.ECDSA(Prehashed(hashes.SHA256())))
    answer = Tlv(0x7C, Tlv(0x82, signature).encode()).encode().hex() + "9000"
    session = open_session(("0087119A267C2482008120" + value.hex() + "00", answer))
    assert session.sign(Slot.AUTHENTICATION, P256.public_key(), b"message", hashes.SHA256()) == signature


@pytest.mark.parametrize(
    "template",
    [b"", Tlv(0x81, b"x").encode(), Tlv(0x82, b"").encode(), Tlv(0x82, b"no signature").encode()],
    ids=["empty", "other tag", "empty response", "garbage"],
)
def test_signatures_that_are_none(open_session: Open, template: bytes) -> None:
    answer = Tlv(0x7C, template).encode().hex() + "9000"
    with pytest.raises(UnexpectedAnswerError):
        open_session(("*", answer)).sign(Slot.AUTHENTICATION, P256.public_key(), b"m", hashes.SHA256())


@pytest.mark.parametrize("hash_algorithm", [hashes.SHA256(), hashes.SHA384(), hashes.SHA512()])
def test_rsa_blocks_are_what_pkcs1_verifies(hash_algorithm: hashes.HashAlgorithm) -> None:
    key = rsa.generate_private_key(65_537, 2048)
    block = signature_input(key.public_key(), b"message", hash_algorithm)
    numbers = key.private_numbers()
    signature = pow(int.from_bytes(block, "big"), numbers.d, numbers.public_numbers.n).to_bytes(256, "big")
    key.public_key().verify(signature, b"message", padding.PKCS1v15(), hash_algorithm)


@pytest.mark.parametrize(
    ("curve", "length"), [(ec.SECP256R1(), 32), (ec.SECP384R1(), 48)], ids=["P-256", "P-384"]
)
@pytest.mark.parametrize("hash_algorithm", [hashes.SHA256(), hashes.SHA384(), hashes.SHA512()])
def test_digests_are_as_long_as_the_curve(
    curve: ec.EllipticCurve, length: int, hash_algorithm: hashes.HashAlgorithm
) -> None:
    key = ec.generate_private_key(curve).public_key()
    assert len(signature_input(key, b"message", hash_algorithm)) == length


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (ec.generate_private_key(ec.SECP256R1()).public_key(), Algorithm.ECC_P256),
        (ec.generate_private_key(ec.SECP384R1()).public_key(), Algorithm.ECC_P384),
        (rsa.generate_private_key(65_537, 2048).public_key(), Algorithm.RSA_2048),
    ],
    ids=["P-256", "P-384", "RSA-2048"],
)
def test_algorithms_of_keys(key: Any, algorithm: Algorithm) -> None:
    assert algorithm_of(key) is algorithm


@pytest.mark.parametrize("curve", [ec.SECP521R1(), ec.SECP256K1(), ec.BrainpoolP256R1()])
def test_other_curves_are_refused(curve: ec.EllipticCurve) -> None:
    with pytest.raises(UnsupportedKeyError):
        algorithm_of(ec.generate_private_key(curve).public_key())


METADATA_KEY = ec.derive_private_key(1, ec.SECP256R1()).public_key()
_KEY_POINT = METADATA_KEY.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint).hex()
METADATA = f"010111020203010301010443864104{_KEY_POINT[2:]}"


def test_a_key_without_a_certificate_is_told_of(open_session: Open) -> None:
    assert open_session(("00F7009A00", METADATA + "9000")).key_in_slot(Slot.AUTHENTICATION) == METADATA_KEY


@pytest.mark.parametrize("sw", ["6D00", "6E00"])
def test_a_card_that_tells_nothing_of_its_keys(open_session: Open, sw: str) -> None:
    assert open_session(("00F7009C00", sw)).key_in_slot(Slot.SIGNATURE) is None


def test_a_slot_without_a_key(open_session: Open) -> None:
    with pytest.raises(KeyNotFoundError):
        open_session(("00F7009A00", "6A88")).key_in_slot(Slot.AUTHENTICATION)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param("", id="nothing"),
        pytest.param("010111", id="no key"),
        pytest.param(METADATA[6:], id="no algorithm"),
        pytest.param("01021111" + METADATA[6:], id="two algorithms"),
        pytest.param("010155" + METADATA[6:], id="an unknown algorithm"),
        pytest.param("010108" + METADATA[6:], id="a secret key's algorithm"),
        pytest.param("010114" + METADATA[6:], id="another algorithm's key"),
        pytest.param(METADATA[:-2] + "00", id="off the curve"),
        pytest.param(METADATA[:-2], id="cut short"),
        pytest.param(METADATA + METADATA, id="twice"),
    ],
)
def test_metadata_that_no_card_should_answer(open_session: Open, answer: str) -> None:
    with pytest.raises(UnexpectedAnswerError):
        open_session(("00F7009A00", answer + "9000")).key_in_slot(Slot.AUTHENTICATION)
