"""BER-TLV: the standard's forms, hostile bytes, limits, and round trips."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardio.tlv import Tlv, TlvError, TlvLimits, values_by_tag, walk

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "cardio_tlv.json").read_text("utf-8")
)


def _valid_tags() -> st.SearchStrategy[int]:
    one = st.integers(1, 0xFF).filter(lambda tag: tag & 0x1F != 0x1F)
    two = st.integers(0, 7).flatmap(
        lambda high: st.integers(0, 0x7F).map(lambda low: (high << 13) | 0x1F00 | low)
    )
    three = st.tuples(st.integers(0, 7), st.integers(0x80, 0xFF), st.integers(0, 0x7F)).map(
        lambda parts: (parts[0] << 21) | 0x1F0000 | (parts[1] << 8) | parts[2]
    )
    return one | two | three


@pytest.mark.parametrize("vector", VECTORS["objects"], ids=lambda vector: vector["id"])
def test_objects_encode_and_parse(vector: dict[str, str]) -> None:
    tlv = Tlv(int(vector["tag"], 16), bytes.fromhex(vector["value"]))
    encoded = bytes.fromhex(vector["encoded"])
    assert tlv.encode() == encoded
    assert Tlv.parse_all(encoded) == [tlv]


@pytest.mark.parametrize("vector", VECTORS["lengths"], ids=lambda vector: str(vector["length"]))
def test_lengths_take_their_shortest_form(vector: dict[str, Any]) -> None:
    encoded = Tlv(0x53, bytes(vector["length"])).encode()
    assert encoded[: 1 + len(vector["encoded"]) // 2].hex().upper() == "53" + vector["encoded"]
    assert Tlv.unpack(0x53, encoded) == bytes(vector["length"])


@pytest.mark.parametrize("vector", VECTORS["malformed"], ids=lambda vector: vector["id"])
def test_malformed_bytes_are_refused(vector: dict[str, str]) -> None:
    with pytest.raises(TlvError):
        Tlv.parse_all(bytes.fromhex(vector["encoded"]))


def test_a_longer_length_form_than_needed_is_read() -> None:
    # Real cards write certificates as 70 82 00 xx.
    assert Tlv.parse_all(bytes.fromhex("7082000141")) == [Tlv(0x70, b"A")]


@pytest.mark.parametrize("tag", [0, -1, 0x5F, 0x5300, 0x5FC1, 0x5FC18101])
def test_what_is_no_tag_is_not_encoded(tag: int) -> None:
    with pytest.raises(TlvError):
        Tlv(tag, b"").encode()


def test_unpack_wants_exactly_the_tag() -> None:
    assert Tlv.unpack(0x53, bytes.fromhex("5301AA")) == b"\xaa"
    for other in ("", "5401AA", "5301AA5300", "53025300FF"):
        with pytest.raises(TlvError):
            Tlv.unpack(0x53, bytes.fromhex(other))


def test_a_tag_that_comes_twice_is_refused() -> None:
    assert values_by_tag(bytes.fromhex("3401AA350101")) == {0x34: b"\xaa", 0x35: b"\x01"}
    with pytest.raises(TlvError) as refused:
        values_by_tag(bytes.fromhex("3401AA3401BB"))
    assert refused.value.offset == 3


def test_walk_descends_into_constructed_objects_only() -> None:
    found = walk(bytes.fromhex("7C0A810253007C0481025301"))
    assert [(depth, tlv.tag) for depth, tlv in found] == [(1, 0x7C), (2, 0x81), (2, 0x7C), (3, 0x81)]


def test_limits_hold() -> None:
    nested = b""
    for _ in range(40):
        nested = Tlv(0x30, nested).encode()
    with pytest.raises(TlvError):
        list(walk(nested))
    with pytest.raises(TlvError):
        Tlv.parse_all(b"\x04\x00" * 6, TlvLimits(max_count=5))
    with pytest.raises(TlvError):
        Tlv.parse_all(b"\x04\x04AAAA", TlvLimits(max_bytes=5))
    assert len(Tlv.parse_all(b"\x04\x00" * 5, TlvLimits(max_count=5, max_bytes=10))) == 5


def test_the_count_is_shared_by_all_depths() -> None:
    wide = Tlv(0x30, b"\x04\x00" * 4).encode()
    with pytest.raises(TlvError):
        list(walk(wide * 2, TlvLimits(max_count=9)))
    assert len(list(walk(wide * 2, TlvLimits(max_count=10)))) == 10


@given(st.lists(st.tuples(_valid_tags(), st.binary(max_size=300)), max_size=8))
def test_round_trip(pairs: list[tuple[int, bytes]]) -> None:
    objects = [Tlv(tag, value) for tag, value in pairs]
    assert Tlv.parse_all(b"".join(tlv.encode() for tlv in objects)) == objects


@given(st.binary(max_size=200))
def test_any_bytes_parse_or_are_refused_and_nothing_is_lost(data: bytes) -> None:
    try:
        objects = Tlv.parse_all(data)
    except TlvError:
        return
    # Lengths may have come in a longer form, so compare what was read, not the bytes.
    assert Tlv.parse_all(b"".join(tlv.encode() for tlv in objects)) == objects
    assert sum(len(tlv.value) for tlv in objects) <= len(data)


@given(st.binary(max_size=200))
def test_walking_any_bytes_ends(data: bytes) -> None:
    with suppress(TlvError):
        assert all(1 <= depth <= 12 for depth, _ in walk(data))
