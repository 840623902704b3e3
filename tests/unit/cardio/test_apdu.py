"""APDUs of all cases: the standard's forms, boundaries, hostile bytes, round trips."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardio.apdu import SW, ApduFormatError, CommandApdu, ResponseApdu, tries_left

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "cardio_apdu.json").read_text("utf-8")
)


@pytest.mark.parametrize("vector", VECTORS["commands"], ids=lambda vector: vector["id"])
def test_commands_of_all_cases(vector: dict[str, Any]) -> None:
    encoded = bytes.fromhex(vector["encoded"])
    command = CommandApdu.decode(encoded)
    assert (command.data, command.le) == (bytes.fromhex(vector["data"]), vector["le"])
    assert command.encode(extended=vector["extended"]) == encoded


@pytest.mark.parametrize("vector", VECTORS["malformed"], ids=lambda vector: vector["id"])
def test_malformed_commands_are_refused(vector: dict[str, str]) -> None:
    with pytest.raises(ApduFormatError):
        CommandApdu.decode(bytes.fromhex(vector["encoded"]))


@pytest.mark.parametrize(
    ("length", "le", "header"),
    [
        (255, 256, "00DB3FFFFF"),
        (256, None, "00DB3FFF000100"),
        (65_535, None, "00DB3FFF00FFFF"),
        (1, 257, "00DB3FFF000001"),
    ],
)
def test_the_length_form_follows_from_the_lengths(length: int, le: int | None, header: str) -> None:
    command = CommandApdu(0, 0xDB, 0x3F, 0xFF, bytes(length), le)
    assert command.encode().hex().upper().startswith(header)
    assert CommandApdu.decode(command.encode()) == command


def test_short_fields_asked_for_and_too_small() -> None:
    for command in (CommandApdu(0, 0xDB, 0, 0, bytes(256)), CommandApdu(0, 0xC0, 0, 0, le=257)):
        with pytest.raises(ApduFormatError):
            command.encode(extended=False)


@pytest.mark.parametrize("field", range(4))
@pytest.mark.parametrize("value", [-1, 256])
def test_header_bytes_are_bytes(field: int, value: int) -> None:
    header = [0, 0, 0, 0]
    header[field] = value
    with pytest.raises(ApduFormatError):
        CommandApdu(header[0], header[1], header[2], header[3])


@pytest.mark.parametrize("le", [0, -1, 65_537])
def test_le_has_limits(le: int) -> None:
    with pytest.raises(ApduFormatError):
        CommandApdu(0, 0xC0, 0, 0, le=le)


def test_data_has_a_limit() -> None:
    with pytest.raises(ApduFormatError):
        CommandApdu(0, 0xDB, 0, 0, bytes(65_536))


def test_data_stays_out_of_repr() -> None:
    assert "31323334" not in repr(CommandApdu(0, 0x20, 0, 0x80, b"123456"))
    assert "123456" not in repr(CommandApdu(0, 0x20, 0, 0x80, b"123456"))
    assert "secret" not in repr(ResponseApdu(b"secret", 0x9000))


@pytest.mark.parametrize("encoded", ["", "90"])
def test_an_answer_has_a_status_word(encoded: str) -> None:
    with pytest.raises(ApduFormatError):
        ResponseApdu.decode(bytes.fromhex(encoded))


def test_an_answer_has_a_limit() -> None:
    assert len(ResponseApdu.decode(bytes(65_538)).data) == 65_536
    with pytest.raises(ApduFormatError):
        ResponseApdu.decode(bytes(65_539))


def test_status_bytes() -> None:
    response = ResponseApdu.decode(bytes.fromhex("AA61FF"))
    assert (response.data, response.sw, response.sw1, response.sw2) == (b"\xaa", 0x61FF, 0x61, 0xFF)
    assert response.encode().hex() == "aa61ff"


@pytest.mark.parametrize(
    ("sw", "left"), [(0x63C0, 0), (0x63C3, 3), (0x63CF, 15), (0x6300, None), (0x63D0, None), (0x9000, None)]
)
def test_tries_left_in_a_status_word(sw: int, left: int | None) -> None:
    assert tries_left(sw) == left


def test_status_words_are_of_two_bytes() -> None:
    assert all(0x6000 <= sw <= 0x9FFF for sw in SW)


@given(
    st.tuples(*[st.integers(0, 255)] * 4),
    st.one_of(st.binary(max_size=300), st.sampled_from([bytes(254), bytes(255), bytes(256), bytes(65_535)])),
    st.one_of(st.none(), st.integers(1, 65_536), st.sampled_from([255, 256, 257, 65_535, 65_536])),
    st.booleans(),
)
def test_round_trip(header: tuple[int, ...], data: bytes, le: int | None, extended: bool) -> None:
    cla, ins, p1, p2 = header
    command = CommandApdu(cla, ins, p1, p2, data, le)
    use_extended = extended or not command.fits_short
    assert CommandApdu.decode(command.encode(extended=use_extended)) == command


@given(st.binary(max_size=320))
def test_any_bytes_decode_or_are_refused(data: bytes) -> None:
    try:
        command = CommandApdu.decode(data)
    except ApduFormatError:
        return
    # Of the two forms of one command, one is what came in.
    assert data in {command.encode(extended=True)} | ({command.encode()} if command.fits_short else set())
