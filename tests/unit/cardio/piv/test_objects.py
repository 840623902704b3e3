"""PIV data objects: printed numbers, round trips, and contents that break their specification."""

import gzip
import json
import zlib
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardio.errors import ObjectContentError
from cardio.piv.fascn import FascN
from cardio.piv.objects import (
    Ccc,
    Chuid,
    ObjectId,
    PrintedInformation,
    encode_certificate,
    parse_certificate,
)
from cardio.piv.slots import Slot
from cardio.tlv import Tlv

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[3] / "vectors" / "cardio_piv.json").read_text("utf-8")
)
DAYS = st.dates(date(1900, 1, 1), date(2999, 12, 31))
GUID = UUID("12345678-9abc-4def-8123-456789abcdef")


@pytest.mark.parametrize("vector", VECTORS["fasc_n"], ids=["TIG", "non-federal"])
def test_fasc_n_as_printed(vector: dict[str, Any]) -> None:
    encoded = bytes.fromhex(vector["encoded"])
    assert FascN(*vector["fields"]).encode() == encoded
    assert FascN.parse(encoded) == FascN(*vector["fields"])


@given(st.tuples(*(st.text("0123456789", min_size=n, max_size=n) for n in (4, 4, 6, 1, 1, 10, 1, 4, 1))))
def test_fasc_n_round_trip(fields: tuple[str, ...]) -> None:
    number = FascN(*fields)
    assert FascN.parse(number.encode()) == number


@given(st.integers(0, 199))
def test_any_bit_flipped_in_a_fasc_n_is_noticed(bit: int) -> None:
    damaged = (int.from_bytes(FascN().encode(), "big") ^ (1 << bit)).to_bytes(25, "big")
    with pytest.raises(ObjectContentError):
        FascN.parse(damaged)


@pytest.mark.parametrize("encoded", [b"", bytes(24), bytes(25), bytes(26), b"\xff" * 25])
def test_what_is_no_fasc_n(encoded: bytes) -> None:
    with pytest.raises(ObjectContentError):
        FascN.parse(encoded)


@pytest.mark.parametrize("agency", ["", "999", "99999", "12a4", "۱۲۳۴"])
def test_fasc_n_fields_are_digits(agency: str) -> None:
    with pytest.raises(ObjectContentError):
        FascN(agency_code=agency)


@given(st.uuids(), DAYS, st.none() | st.uuids(), st.binary(max_size=400))
def test_chuid_round_trip(guid: UUID, expires: date, cardholder: UUID | None, signature: bytes) -> None:
    chuid = Chuid(guid, expires, FascN(), cardholder, signature)
    assert Chuid.parse(chuid.encode()) == chuid


def test_chuid_has_its_elements_in_order() -> None:
    elements = Tlv.parse_all(Chuid(GUID, date(2036, 11, 24)).encode())
    assert [element.tag for element in elements] == [0x30, 0x34, 0x35, 0x3E, 0xFE]
    assert elements[2].value == b"20361124"


@pytest.mark.parametrize("tag", [0x30, 0x34, 0x35])
@pytest.mark.parametrize("value", [None, b"", b"\x00" * 8, b"2036133 "])
def test_chuid_with_an_element_missing_or_malformed(tag: int, value: bytes | None) -> None:
    elements = [tlv for tlv in Tlv.parse_all(Chuid(GUID, date(2036, 11, 24)).encode()) if tlv.tag != tag]
    if value is not None:
        elements.append(Tlv(tag, value))
    with pytest.raises(ObjectContentError):
        Chuid.parse(b"".join(tlv.encode() for tlv in elements))


ASCII = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=15)


@given(ASCII, ASCII, DAYS, ASCII, ASCII, ASCII)
def test_printed_information_round_trip(
    name: str, affiliation: str, day: date, serial: str, issuer: str, line: str
) -> None:
    printed = PrintedInformation(name, affiliation, day, serial, issuer, line)
    assert PrintedInformation.parse(printed.encode()) == printed


def test_printed_dates_have_english_months() -> None:
    printed = PrintedInformation("A", "B", date(2036, 5, 7), "1", "IR")
    assert b"\x04\x092036MAY07" in printed.encode()


@pytest.mark.parametrize("day", [b"2036XYZ07", b"2036MAY32", b"20360507", b"", b"\xff" * 9])
def test_printed_dates_that_are_none(day: bytes) -> None:
    elements = {1: b"A", 2: b"B", 4: day, 5: b"1", 6: b"IR"}
    with pytest.raises(ObjectContentError):
        PrintedInformation.parse(b"".join(Tlv(tag, value).encode() for tag, value in elements.items()))


@pytest.mark.parametrize(
    ("name", "affiliation"), [("سارا", "CITIZEN"), ("A" * 126, "CITIZEN"), ("A", "B" * 21)]
)
def test_printed_texts_have_limits(name: str, affiliation: str) -> None:
    with pytest.raises(ObjectContentError) as refused:
        PrintedInformation(name, affiliation, date(2036, 1, 1), "1", "IR")
    assert name not in str(refused.value) or len(name) == 1  # a person's name is in no error


def test_the_name_stays_out_of_repr() -> None:
    assert "AHMADI" not in repr(PrintedInformation("SARA AHMADI", "CITIZEN", date(2036, 1, 1), "1", "IR"))


@given(st.binary(max_size=21))
def test_ccc_round_trip(identifier: bytes) -> None:
    assert Ccc.parse(Ccc(identifier).encode()) == Ccc(identifier)


def test_ccc_limits() -> None:
    with pytest.raises(ObjectContentError):
        Ccc(bytes(22))
    with pytest.raises(ObjectContentError):
        Ccc.parse(b"")


@given(st.binary(max_size=200))
def test_any_content_parses_or_is_refused(content: bytes) -> None:
    for parse in (Chuid.parse, Ccc.parse, PrintedInformation.parse, parse_certificate):
        try:
            parse(content)
        except ObjectContentError as error:
            assert error.name  # noqa: PT017 - either outcome is right; no other error is


def test_certificates_are_written_uncompressed() -> None:
    assert encode_certificate(b"DER").hex() == "700344455271010" + "0fe00"
    assert parse_certificate(encode_certificate(b"DER")) == b"DER"


def test_compressed_certificates_are_read() -> None:
    content = Tlv(0x70, gzip.compress(b"DER" * 500)).encode() + bytes.fromhex("710101FE00")
    assert parse_certificate(content) == b"DER" * 500


@pytest.mark.parametrize(
    ("certificate", "info"),
    [
        (gzip.compress(bytes(65_537)), b"\x01"),
        (gzip.compress(bytes(50_000_000)), b"\x01"),
        (gzip.compress(b"DER" * 500)[:-9], b"\x01"),
        (zlib.compress(b"DER"), b"\x01"),
        (b"", b"\x01"),
        (b"DER", b"\x02"),
        (b"DER", b""),
    ],
    ids=["too long", "bomb", "cut", "zlib", "empty", "unknown", "no flag"],
)
def test_damaged_or_overlong_certificates_are_refused(certificate: bytes, info: bytes) -> None:
    with pytest.raises(ObjectContentError):
        parse_certificate(Tlv(0x70, certificate).encode() + Tlv(0x71, info).encode())


def test_tags_of_objects() -> None:
    assert ObjectId.DISCOVERY.tag_bytes().hex() == "7e"
    assert ObjectId.CHUID.tag_bytes().hex() == "5fc102"
    assert [slot.certificate_object for slot in Slot] == [0x5FC105, 0x5FC10A, 0x5FC10B, 0x5FC101]
    assert ObjectId.PRINTED_INFORMATION.title == "printed information"
