"""Commands and answers of any length under SCP03: chains, GET RESPONSE, extended length and its probe."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardio.apdu import CommandApdu
from cardio.channel import EXTENDED_APDUS, ApduPolicy, CardChannel
from cardio.errors import ApduError
from cardio.globalplatform.errors import ResponseMacError
from cardio.globalplatform.handshake import open_secure_channel
from cardio.globalplatform.messages import SecureMessages, largest_data
from cardio.globalplatform.scp03 import FULL_SECURITY, SecurityLevel, SessionKeys
from tests.unit.cardio.globalplatform.conftest import GET, PROTECTED, answering, key_set, open_channel
from tests.unit.cardio.globalplatform.model import Answer, ModelCard


@pytest.mark.parametrize(
    ("level", "room", "largest"),
    [
        (SecurityLevel.NO_SECURE_MESSAGING, 255, 255),
        (SecurityLevel.C_MAC, 255, 247),
        (SecurityLevel.C_DECRYPTION_C_MAC, 255, 239),
        (FULL_SECURITY, 991, 975),
        (FULL_SECURITY, 24, 15),
        (FULL_SECURITY, 23, -1),
    ],
)
def test_what_mac_and_padding_leave(level: SecurityLevel, room: int, largest: int) -> None:
    assert largest_data(level, room) == largest


@given(room=st.integers(24, 65_535), level=st.sampled_from(PROTECTED))
def test_the_largest_command_fits_and_no_larger_one(room: int, level: SecurityLevel) -> None:
    def wrapped(length: int) -> int:
        messages = SecureMessages(SessionKeys(*[bytes(16)] * 3), level)
        return len(messages.wrap(CommandApdu(0, 0xDB, 0, 0, bytes(length))).data)

    largest = largest_data(level, room)
    assert wrapped(largest) <= room
    if largest + 1 + 24 <= 65_535:
        assert wrapped(largest + 1) > room


@pytest.mark.parametrize("level", PROTECTED)
@pytest.mark.parametrize("length", [0, 1, 239, 240, 247, 248, 255, 256, 1000, 5000])
@pytest.mark.parametrize("extended", [False, True])
def test_chains_are_wrapped_block_by_block(level: SecurityLevel, length: int, *, extended: bool) -> None:
    policy = ApduPolicy(extended_length=extended)
    channel, card = open_channel(answering(b"done"), level, policy)
    data = bytes(number % 251 for number in range(length))
    assert channel.send(CommandApdu(0, 0xDB, 0x3F, 0xFF, data, 256)) == b"done"
    assert card.seen[-1] == (bytes.fromhex("00DB3FFF"), data)
    assert max(len(command) for command in card.sent) <= (1000 if extended else 261)


def test_each_block_of_a_chain_says_so_under_secure_messaging() -> None:
    channel, card = open_channel(answering(b""))
    channel.send(CommandApdu(0, 0xDB, 0x3F, 0xFF, bytes(300)))
    assert [command[:5].hex() for command in card.sent[2:]] == ["14db3ffff8", "04db3fff48"]


def test_a_bare_answer_within_a_chain_stops_it() -> None:
    channel, card = open_channel(answering(b""))
    card.tamper = lambda _: b"\x90\x00"
    with pytest.raises(ResponseMacError):
        channel.send(CommandApdu(0, 0xDB, 0x3F, 0xFF, bytes(1000)))
    assert len(card.sent) == 3


@pytest.mark.parametrize("level", SecurityLevel)
@pytest.mark.parametrize("length", [0, 231, 232, 256, 257, 3000])
@pytest.mark.parametrize("extended", [False, True])
def test_long_answers(level: SecurityLevel, length: int, *, extended: bool) -> None:
    answer = bytes(number % 253 for number in range(length))
    channel, card = open_channel(answering(answer), level, ApduPolicy(extended_length=extended))
    assert channel.send(CommandApdu(0, 0xCB, 0x3F, 0xFF, b"\x5c\x01\x7e", 65_536)) == answer
    collected = [command for command in card.sent if command[1] == 0xC0]
    assert all(command[0] == 0 for command in collected)  # GET RESPONSE belongs to the transport


@pytest.mark.parametrize("le", [1, 8, 255, 256])
def test_a_small_le_makes_room_for_the_mac(le: int) -> None:
    channel, card = open_channel(answering(b"12345678"))
    assert channel.send(GET.with_le(le)) == b"12345678"
    assert card.sent[-1][-1] == 0


@pytest.mark.parametrize("refuses", ["6700", "error"])
def test_the_probe_finds_a_reader_for_short_apdus(refuses: str) -> None:
    """No wrapped command is ever tried twice: reader and card are asked before the channel is open."""
    keys = key_set(0x30)
    card = ModelCard({0x30: keys.keys}, answering(b""), longest=600, refuses=refuses)
    channel = CardChannel(card, EXTENDED_APDUS)
    open_secure_channel(channel, keys)
    assert not channel.extended_length
    channel.send(CommandApdu(0, 0xDB, 0x3F, 0xFF, bytes(700)))
    assert [len(command) for command in card.sent[:1]] == [1000]
    assert all(len(command) <= 261 for command in card.sent[1:])
    assert len(card.sent) == 1 + 2 + 3


@pytest.mark.parametrize("sw", [0x9000, 0x6A80, 0x6982, 0x6D00])
def test_any_other_answer_to_the_probe_means_that_it_arrived(sw: int) -> None:
    channel, card = open_channel(answering(b"", sw), policy=EXTENDED_APDUS)
    assert channel.extended_length
    assert card.seen[0][0].hex() == "00cb3fff"
    assert channel.probe_extended_length()
    assert len(card.sent) == 3  # not asked again


def test_a_refusal_under_the_channel_is_a_real_one() -> None:
    answers: list[Answer] = [(b"", 0x6A82), (b"", 0x6700)]
    channel, card = open_channel(lambda _header, _data: answers.pop(0), policy=EXTENDED_APDUS)
    with pytest.raises(ApduError):
        channel.send(CommandApdu(0, 0xDB, 0x3F, 0xFF, bytes(700)))
    assert channel.extended_length
    assert len(card.sent) == 4


def test_without_extended_length_nothing_is_probed() -> None:
    _, card = open_channel(answering(b""))
    assert len(card.sent) == 2


@given(
    level=st.sampled_from(SecurityLevel),
    exchanges=st.lists(st.tuples(st.binary(max_size=600), st.binary(max_size=600)), min_size=1, max_size=5),
)
def test_round_trips(level: SecurityLevel, exchanges: list[tuple[bytes, bytes]]) -> None:
    answers = [answer for _, answer in exchanges]
    channel, card = open_channel(lambda _header, _data: (answers.pop(0), 0x9000), level)
    for data, answer in exchanges:
        assert channel.send(CommandApdu(0x80, 0xE2, 1, 2, data, 256)) == answer
        assert card.seen[-1] == (bytes.fromhex("80E20102"), data)
