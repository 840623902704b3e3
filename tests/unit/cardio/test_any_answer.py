"""Whatever a card answers, each operation of the terminal ends in a result or a typed error, and soon."""

import gc
import tracemalloc
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardio.channel import EXTENDED_APDUS, KNOWN_EXTENDED_APDUS, SHORT_APDUS, ApduPolicy
from cardio.cli.cardinfo import _certificate_facts
from cardio.errors import CardError, UnexpectedAnswerError, UnsupportedKeyError
from cardio.piv.certificates import certificate_key
from cardio.piv.session import PivSession
from cardio.piv.slots import Slot
from tests.repeated import REPEATED
from tests.unit.cardio.globalplatform.model import Answer, ModelCard, Parrot
from tests.unit.cardio.hostile import (
    AFTER_ISSUANCE,
    BEFORE_ISSUANCE,
    CHANNEL_KEYS,
    LIES,
    Lie,
    LyingCard,
    blank,
    carry_out,
    issued,
)

pytestmark = REPEATED

POLICIES = (SHORT_APDUS, EXTENDED_APDUS, KNOWN_EXTENDED_APDUS)
MEMORY_BOUND = 8 << 20
OPERATIONS = {**BEFORE_ISSUANCE, **AFTER_ISSUANCE}

STATUS_WORDS = st.one_of(
    st.sampled_from(
        [
            *("9000", "6100", "61FF", "6282", "6283", "6300", "6310", "63C0", "63C2", "6400", "6581", "6700"),
            *("6882", "6883", "6884", "6982", "6983", "6985", "6986", "6988", "6A80", "6A81", "6A82", "6A84"),
            *("6A86", "6A88", "6C00", "6C10", "6CFF", "6D00", "6E00", "6F00", "0000", "FFFF"),
        ]
    ).map(bytes.fromhex),
    st.binary(min_size=2, max_size=2),
)
TAGS = st.sampled_from(
    [
        *("53", "7C", "7F49", "82", "81", "86", "70", "71", "FE", "30", "34", "35", "3E", "7E", "61", "6F"),
        *("E0", "C0", "E3", "4F", "9F70", "C5", "66", "73", "06", "64", "9F7F", "C1", "F0", "01", "04", "00"),
        *("1F", "5FC102", "FFFFFF01"),
    ]
).map(bytes.fromhex)


def _length(size: int) -> bytes:
    return bytes((size,)) if size < 0x80 else b"\x82" + size.to_bytes(2, "big")


def _nested(inner: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    one = st.builds(lambda tag, value: tag + _length(len(value)) + value, TAGS, inner)
    return st.lists(one, max_size=4).map(b"".join)


TLVS = st.recursive(st.binary(max_size=24), _nested, max_leaves=8)
DATA = st.one_of(st.binary(max_size=64), TLVS, st.integers(0, 300).map(bytes))
ANSWERS = st.one_of(
    st.builds(bytes.__add__, DATA, STATUS_WORDS),
    TLVS.map(lambda data: data + b"\x90\x00"),
    st.binary(max_size=3),
)
LIE = st.builds(
    Lie,
    apdu=st.integers(1, 40),
    kind=st.sampled_from(sorted(LIES)),
    at=st.integers(0, 2000),
    value=st.one_of(STATUS_WORDS, ANSWERS),
    for_ever=st.booleans(),
)


@settings(max_examples=60)
@given(
    lies=st.lists(LIE, min_size=1, max_size=3).map(tuple),
    policy=st.sampled_from(POLICIES),
)
@pytest.mark.parametrize("name", AFTER_ISSUANCE)
def test_an_issued_card_that_lies(name: str, lies: tuple[Lie, ...], policy: ApduPolicy) -> None:
    carry_out(AFTER_ISSUANCE[name], LyingCard(lies, issued()), policy)


@settings(max_examples=60)
@given(
    lies=st.lists(LIE, min_size=1, max_size=3).map(tuple),
    policy=st.sampled_from(POLICIES),
)
@pytest.mark.parametrize("name", BEFORE_ISSUANCE)
def test_a_blank_that_lies(name: str, lies: tuple[Lie, ...], policy: ApduPolicy) -> None:
    carry_out(BEFORE_ISSUANCE[name], LyingCard(lies, blank()), policy)


@pytest.mark.parametrize("state", [blank, issued])
@pytest.mark.parametrize("policy", POLICIES)
def test_the_same_card_without_a_lie_is_used_without_an_error(
    state: Callable[[], object], policy: ApduPolicy
) -> None:
    operations = AFTER_ISSUANCE if state is issued else BEFORE_ISSUANCE
    for name in operations.keys() - {"delivering", "pins", "signing", "managing"}:
        errors = carry_out(operations[name], LyingCard((), issued() if state is issued else blank()), policy)
        assert errors == [], name


@settings(max_examples=60)
@given(answers=st.lists(ANSWERS, min_size=1, max_size=12), policy=st.sampled_from(POLICIES))
@pytest.mark.parametrize("name", OPERATIONS)
def test_a_card_that_answers_anything(name: str, answers: list[bytes], policy: ApduPolicy) -> None:
    # It is selected without fuss: else nothing more is asked.
    for first in ((b"\x90\x00",), ()):
        carry_out(OPERATIONS[name], Parrot(*first, *answers), policy)


@settings(max_examples=60)
@given(st.lists(ANSWERS, min_size=1, max_size=12))
@pytest.mark.parametrize("name", ["personalising", "managing", "reading"])
def test_anything_under_a_right_response_mac(name: str, answers: list[bytes]) -> None:
    """The card has the keys, and lies all the same."""
    left = list(answers)

    def lying(_header: bytes, _data: bytes) -> Answer:
        answer = left.pop(0) if left else b"\x90\x00"
        return answer[:-2], int.from_bytes(answer[-2:], "big")

    def selected(header: bytes, data: bytes) -> Answer:
        return (b"", 0x9000) if header[1] == 0xA4 else lying(header, data)

    card = ModelCard({CHANNEL_KEYS.version: CHANNEL_KEYS.keys}, selected)
    carry_out(OPERATIONS[name], card, SHORT_APDUS)


# The library takes some odd serial numbers and warns.
@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
@settings(max_examples=300)
@given(place=st.integers(0, 2000), value=st.binary(min_size=1, max_size=3), other=st.integers(0, 2000))
def test_any_damage_to_a_certificate_is_told(place: int, value: bytes, other: int) -> None:
    damaged = bytearray(_certificate())
    damaged[place % len(damaged)] = value[0]
    damaged[other % len(damaged)] = value[-1]
    with suppress(UnexpectedAnswerError, UnsupportedKeyError):
        certificate_key(bytes(damaged))
    assert _certificate_facts(bytes(damaged))


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        pytest.param("A003020102", "A003020103", UnexpectedAnswerError, id="version 4"),
        pytest.param("2A8648CE3D030107", "2A8648CE3D030177", UnsupportedKeyError, id="an unknown curve"),
        pytest.param(
            "06072A8648CE3D0201", "06072A8648CE3D0209", UnsupportedKeyError, id="an unknown key type"
        ),
    ],
)
def test_certificates_that_the_library_names_in_its_own_ways(
    old: str, new: str, error: type[CardError]
) -> None:
    genuine = _certificate()
    damaged = genuine.replace(bytes.fromhex(old), bytes.fromhex(new))
    assert damaged != genuine
    with pytest.raises(error):
        certificate_key(damaged)


def test_a_name_of_a_wrong_string_type_is_told() -> None:
    damaged = _certificate().replace(b"\x0c\x06Holder", b"\x03\x06\x00older")
    assert "error" in _certificate_facts(damaged)


def _certificate() -> bytes:
    return PivSession(LyingCard((), issued())).read_certificate(Slot.AUTHENTICATION)


ENDLESS = [
    pytest.param(bytes.fromhex("6100"), id="61 00 and nothing"),
    pytest.param(bytes.fromhex("536101"), id="61 01 and a byte"),
    pytest.param(bytes(256) + bytes.fromhex("6100"), id="61 00 and 256 bytes"),
    pytest.param(bytes(65_536) + bytes.fromhex("61FF"), id="61 FF and 65,536 bytes"),
    pytest.param(bytes.fromhex("6C00"), id="6C 00"),
    pytest.param(bytes.fromhex("6C01"), id="6C 01"),
    pytest.param(bytes.fromhex("6310"), id="63 10 and nothing"),
    pytest.param(bytes(65_536) + bytes.fromhex("6310"), id="63 10 and 65,536 bytes"),
]


class _Counting(Parrot):
    apdus = 0

    def transmit(self, command: bytes) -> bytes:
        self.apdus += 1
        return super().transmit(command)


@pytest.mark.parametrize("answer", ENDLESS)
@pytest.mark.parametrize("name", OPERATIONS)
def test_an_answer_without_end_ends(name: str, answer: bytes) -> None:
    card = _Counting(b"\x90\x00", answer)
    gc.collect()
    tracemalloc.start()
    try:
        errors = carry_out(OPERATIONS[name], card, SHORT_APDUS)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert errors
    assert card.apdus < 20_000
    assert peak < MEMORY_BOUND
