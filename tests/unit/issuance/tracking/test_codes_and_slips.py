"""Codes that notice a slip of the pen, and slips that notice a forger."""

import io
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from secrets import token_bytes

import pytest
import zxingcpp
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import HashAlgorithm
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from issuance.enrolment.kinds import ApplicationKind
from issuance.tracking import base45, qrcode
from issuance.tracking.codes import (
    ALPHABET,
    LENGTH,
    TrackingCodeError,
    check_symbol,
    new_tracking_code,
    normalise,
    packed,
    printed,
    unpacked,
)
from issuance.tracking.errors import (
    SlipError,
    SlipExpiredError,
    SlipForgedError,
    SlipKeyError,
    SlipMalformedError,
)
from issuance.tracking.keys import as_pem, read_pem
from issuance.tracking.slips import PREFIX, Slip, key_id_of, sign, verify

BODIES = st.text(ALPHABET, min_size=LENGTH - 1, max_size=LENGTH - 1)
CODES = BODIES.map(lambda body: body + check_symbol(body))
NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)


class Key:
    """A signer in memory."""

    def __init__(self, curve: ec.EllipticCurve | None = None) -> None:
        self.private = ec.generate_private_key(curve or ec.SECP256R1())

    @property
    def public_key(self) -> ec.EllipticCurvePublicKey:
        return self.private.public_key()

    def sign(self, message: bytes, algorithm: HashAlgorithm) -> bytes:
        return self.private.sign(message, ec.ECDSA(algorithm))


KEY, STRANGER = Key(), Key()
KEYS = {key_id_of(KEY.public_key): KEY.public_key}
CODE = "0123456789"[:9] + check_symbol("012345678")
SLIP = Slip(CODE, "0048", ApplicationKind.RENEWAL, NOW, date(2026, 9, 1))
TEXT = sign(SLIP, KEY)


@given(CODES)
def test_a_code_is_read_as_people_write_it(code: str) -> None:
    persian = code.translate(str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹"))
    for written in (code, code.lower(), printed(code), f" {persian} ", code.replace("0", "O")):
        assert normalise(written) == code
    assert unpacked(packed(code)) == code


@given(CODES, st.integers(0, LENGTH - 1), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_noticed(code: str, place: int, character: str) -> None:
    wrong = code[:place] + character + code[place + 1 :]
    if wrong == code:
        return
    with pytest.raises(TrackingCodeError):
        normalise(wrong)


@given(CODES, st.integers(0, LENGTH - 2))
def test_neighbours_that_changed_places_are_noticed(code: str, place: int) -> None:
    wrong = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    if wrong == code:
        return
    with pytest.raises(TrackingCodeError):
        normalise(wrong)


@pytest.mark.parametrize("text", ["", "0", "U" * 10, "0" * 33, CODE + "0", CODE[:-1], "پرتقال", "\x00" * 10])
def test_no_codes(text: str) -> None:
    with pytest.raises(TrackingCodeError):
        normalise(text)


@pytest.mark.parametrize("number", [-1, 1 << 50, 1])
def test_no_packed_codes(number: int) -> None:
    with pytest.raises(TrackingCodeError):
        unpacked(number)


def test_codes_come_from_the_randomness_alone() -> None:
    assert new_tracking_code(bytes) == "0" * LENGTH
    assert len({new_tracking_code(token_bytes) for _ in range(1000)}) == 1000


@pytest.mark.parametrize(
    ("octets", "text"), [(b"AB", "BB8"), (b"Hello!!", "%69 VD92EX0"), (b"base-45", "UJCLQE7W581")]
)
def test_rfc_9285_section_4_3(octets: bytes, text: str) -> None:
    assert base45.encode(octets) == text
    assert base45.decode(text) == octets


@given(st.binary(max_size=100))
def test_base45_goes_both_ways(octets: bytes) -> None:
    assert base45.decode(base45.encode(octets)) == octets


@pytest.mark.parametrize("text", ["A", "GGW", ":::", "::", "bb8", "AB\n", "🙂12"])
def test_no_base45(text: str) -> None:
    with pytest.raises(ValueError, match="base45"):
        base45.decode(text)


@given(
    CODES,
    st.integers(0, 9999),
    st.sampled_from(ApplicationKind),
    st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1)),  # noqa: DTZ001 - made aware below
    st.integers(0, 3000),
)
def test_a_slip_says_what_was_signed(
    code: str, ending: int, kind: ApplicationKind, printed_at: datetime, days: int
) -> None:
    at = printed_at.replace(microsecond=0, tzinfo=UTC)
    slip = Slip(code, f"{ending:04d}", kind, at, at.date() + timedelta(days=days))
    text = sign(slip, KEY)
    assert len(text) == 132
    assert verify(text, KEYS, at) == slip


@given(st.integers(0, 131), st.sampled_from("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"))
def test_every_change_is_noticed(place: int, character: str) -> None:
    changed = TEXT[:place] + character + TEXT[place + 1 :]
    if changed == TEXT:
        return
    with pytest.raises(SlipError):
        verify(changed, KEYS, NOW)


def test_a_slip_of_another_registry() -> None:
    with pytest.raises(SlipKeyError) as refused:
        verify(sign(SLIP, STRANGER), KEYS, NOW)
    assert refused.value.key_id == key_id_of(STRANGER.public_key).hex()


def test_a_forger_who_names_our_key() -> None:
    claimed = {key_id_of(STRANGER.public_key): KEY.public_key}
    with pytest.raises(SlipForgedError):
        verify(sign(SLIP, STRANGER), claimed, NOW)


@pytest.mark.parametrize(
    ("at", "good"),
    [
        (datetime(2026, 9, 1, 23, 59, 59, tzinfo=UTC), True),
        (datetime(2026, 9, 2, tzinfo=UTC), False),
        (datetime(2030, 1, 1, tzinfo=UTC), False),
    ],
)
def test_a_slip_ends_with_its_last_day(at: datetime, good: bool) -> None:
    if good:
        assert verify(TEXT, KEYS, at) == SLIP
        return
    with pytest.raises(SlipExpiredError) as refused:
        verify(TEXT, KEYS, at)
    assert refused.value.until == datetime(2026, 9, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "HS2:" + TEXT[4:],
        TEXT[4:],
        TEXT + "000",
        TEXT[:-3],
        PREFIX,
        PREFIX + "0" * 500,
        TEXT.lower(),
        PREFIX + base45.encode(bytes(85)),
        f"{TEXT}\n",
    ],
)
def test_what_is_no_slip(text: str) -> None:
    with pytest.raises(SlipMalformedError):
        verify(text, KEYS, NOW)


def test_a_key_that_signs_nothing_sensible() -> None:
    for changed in (replace(SLIP, code_ending="9999"), replace(SLIP, kind=ApplicationKind.NEW)):
        assert verify(sign(changed, KEY), KEYS, NOW) == changed
    with pytest.raises(TypeError):
        sign(SLIP, Key(ec.SECP384R1()))


def test_no_more_personal_data_than_four_digits() -> None:
    octets = base45.decode(TEXT.removeprefix(PREFIX))
    assert len(octets) == 21 + 64
    assert "0048" not in repr(SLIP)


def test_the_qr_code_is_read_back() -> None:
    with Image.open(io.BytesIO(qrcode.png(TEXT))) as image:
        (found,) = zxingcpp.read_barcodes(image.convert("L"))
    assert found.text == TEXT
    assert verify(found.text, KEYS, NOW) == SLIP
    assert b"<svg" in qrcode.svg(TEXT)


def test_a_creased_qr_code_is_read_back() -> None:
    with Image.open(io.BytesIO(qrcode.png(TEXT))) as image:
        worn = image.convert("L").resize((230, 230)).rotate(7, fillcolor=255, expand=True)
    worn.paste(128, (100, 0, 102, worn.height))
    assert [each.text for each in zxingcpp.read_barcodes(worn)] == [TEXT]


def test_keys_are_published_in_pem() -> None:
    both = {**KEYS, key_id_of(STRANGER.public_key): STRANGER.public_key}
    assert read_pem(as_pem(both).encode()).keys() == both.keys()
    for wrong in (b"", b"-----END PUBLIC KEY-----", as_pem(KEYS).encode() * 500):
        with pytest.raises(SlipMalformedError):
            read_pem(wrong)
    other_curve = Key(ec.SECP384R1()).public_key
    with pytest.raises(SlipMalformedError):
        read_pem(as_pem({key_id_of(other_curve): other_curve}).encode())
