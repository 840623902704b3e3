"""Commands that travel together to a card that is far away: fewer round trips, and nothing else changes."""

from collections.abc import Sequence

import pytest

from cardio.apdu import CommandApdu, ResponseApdu
from cardio.channel import EXTENDED_APDUS, SHORT_APDUS, ApduPolicy, CardChannel
from cardio.errors import UnexpectedAnswerError
from cardio.globalplatform.errors import ResponseMacError, SecureChannelClosedError
from cardio.globalplatform.handshake import open_secure_channel
from cardio.globalplatform.scp03 import SecurityLevel
from cardio.processors import ApduFormatter
from cardio.transport.base import BatchConnection, CardConnection, CardRemovedError, TransmitError
from tests.unit.cardio.globalplatform.conftest import GET, PROTECTED, key_set
from tests.unit.cardio.globalplatform.model import Application, ModelCard

SUCCESS = b"\x90\x00"


class FarCard:
    """Carries several commands in one round trip, as a station does."""

    def __init__(self, card: CardConnection, max_batch: int = 16) -> None:
        self._card = card
        self.max_batch = max_batch
        self.trips: list[int] = []

    @property
    def name(self) -> str:
        return self._card.name

    @property
    def atr(self) -> bytes:
        return self._card.atr

    def transmit(self, command: bytes) -> bytes:
        return self.transmit_all((command,))[0]

    def transmit_all(self, commands: Sequence[bytes]) -> list[bytes]:
        answers: list[bytes] = []
        for command in commands:
            answers.append(self._card.transmit(command))
            if answers[-1][-2:] != SUCCESS:
                break
        self.trips.append(len(answers))
        return answers

    def reset(self) -> None:
        self._card.reset()

    def close(self) -> None:
        self._card.close()


class PlainCard:
    """Answers from a list, and keeps what it got."""

    name = "Plain"
    atr = b"\x3b\x00"

    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)
        self.sent: list[bytes] = []

    def transmit(self, command: bytes) -> bytes:
        self.sent.append(command)
        return self.answers.pop(0) if self.answers else SUCCESS

    def reset(self) -> None:
        """Nothing to forget."""

    def close(self) -> None:
        """Nothing to let go."""


def far_channel(
    application: Application, level: SecurityLevel, max_batch: int = 16
) -> tuple[CardChannel, ModelCard, FarCard]:
    keys = key_set(0x30)
    model = ModelCard({0x30: keys.keys}, application)
    far = FarCard(model, max_batch)
    channel = CardChannel(far, ApduPolicy())
    open_secure_channel(channel, keys, level)
    far.trips.clear()
    return channel, model, far


def put(length: int) -> CommandApdu:
    return CommandApdu(0, 0xDB, 0x3F, 0xFF, bytes(length))


def test_a_station_is_a_far_card() -> None:
    assert isinstance(FarCard(PlainCard()), BatchConnection)
    assert not isinstance(PlainCard(), BatchConnection)


def test_a_chain_is_one_round_trip() -> None:
    card = PlainCard()
    far = FarCard(card)
    assert CardChannel(far, SHORT_APDUS).send(put(1000)) == b""
    assert far.trips == [4]
    assert [command[0] for command in card.sent] == [0x10, 0x10, 0x10, 0x00]


def test_a_chain_stops_where_the_card_refuses() -> None:
    card = PlainCard(SUCCESS, b"\x6a\x84")
    channel = CardChannel(FarCard(card), SHORT_APDUS)
    assert channel.exchange(put(1000)).sw == 0x6A84
    assert len(card.sent) == channel.apdu_count == 2


def test_near_cards_get_the_same_commands_one_by_one() -> None:
    far, near = PlainCard(), PlainCard()
    commands = [put(300), put(10), GET]
    CardChannel(FarCard(far), SHORT_APDUS).exchange_all(commands)
    channel = CardChannel(near, SHORT_APDUS)
    channel.exchange_all(commands)
    assert far.sent == near.sent
    assert channel.apdu_count == len(near.sent)


def test_each_command_of_several_has_its_own_answer() -> None:
    card = PlainCard(SUCCESS, b"\x01" + SUCCESS, b"\x02" + SUCCESS)
    answers = CardChannel(FarCard(card), SHORT_APDUS).exchange_all([put(300), GET])
    assert answers == [ResponseApdu(b"\x01", 0x9000), ResponseApdu(b"\x02", 0x9000)]


def test_the_first_refusal_is_the_last_answer() -> None:
    card = PlainCard(SUCCESS, b"\x6a\x82")
    answers = CardChannel(FarCard(card), SHORT_APDUS).exchange_all([GET, GET, GET])
    assert [answer.sw for answer in answers] == [0x9000, 0x6A82]
    assert len(card.sent) == 2


def test_what_the_card_announces_is_collected_in_between() -> None:
    card = PlainCard(b"\x6c\x02", b"ab\x61\x01", b"c" + SUCCESS, b"d" + SUCCESS)
    answers = CardChannel(FarCard(card), SHORT_APDUS).exchange_all([GET, GET])
    assert [answer.data for answer in answers] == [b"abc", b"d"]


@pytest.mark.parametrize("max_batch", [1, 2, 3, 16])
def test_as_many_as_travel_together(max_batch: int) -> None:
    far = FarCard(PlainCard(), max_batch)
    assert len(CardChannel(far, SHORT_APDUS).exchange_all([GET] * 7)) == 7
    assert max(far.trips) == min(max_batch, 7)
    assert sum(far.trips) == 7


@pytest.mark.parametrize("count", [0, 3])
def test_a_connection_that_answers_something_else(count: int) -> None:
    far = FarCard(PlainCard())
    far.transmit_all = lambda commands: [SUCCESS] * count * bool(commands)  # type: ignore[method-assign]
    with pytest.raises(UnexpectedAnswerError):
        ApduFormatter(far, SHORT_APDUS).exchange_all([GET, GET])


def test_extended_length_is_tried_alone() -> None:
    card = PlainCard(b"\x67\x00")
    channel = CardChannel(FarCard(card), EXTENDED_APDUS)
    assert channel.exchange_all([put(300), GET])[-1].sw == 0x9000
    assert not channel.extended_length
    assert [len(command) for command in card.sent[:2]] == [7 + 300, 5 + 255]


@pytest.mark.parametrize("level", PROTECTED)
@pytest.mark.parametrize("max_batch", [1, 2, 16])
def test_protected_commands_travel_together(level: SecurityLevel, max_batch: int) -> None:
    channel, _, far = far_channel(lambda _header, data: (data[::-1], 0x9000), level, max_batch)
    commands = [CommandApdu(0, 0xCB, 0x3F, 0xFF, bytes((number,)) * number, 256) for number in range(1, 6)]
    answers = channel.exchange_all(commands)
    assert [answer.data for answer in answers] == [command.data for command in commands]
    assert max(far.trips) == min(max_batch, 5)
    assert channel.send(GET) == GET.data[::-1]


@pytest.mark.parametrize("level", PROTECTED)
def test_after_a_refusal_what_was_wrapped_and_not_sent_ends_the_session(level: SecurityLevel) -> None:
    """Whoever carries the rest could send it later, at the place of another command."""
    answers = [(b"", 0x9000), (b"", 0x6A82)]
    channel, card, _ = far_channel(lambda _header, _data: answers.pop(0), level)
    assert [answer.sw for answer in channel.exchange_all([GET, GET, GET])] == [0x9000, 0x6A82]
    sent = len(card.sent)
    with pytest.raises(SecureChannelClosedError):
        channel.exchange(GET)
    assert len(card.sent) == sent


@pytest.mark.parametrize("level", PROTECTED)
def test_a_refusal_of_the_last_leaves_the_session_open(level: SecurityLevel) -> None:
    answers = [(b"", 0x9000), (b"", 0x6A82), (b"later", 0x9000)]
    channel, _, _ = far_channel(lambda _header, _data: answers.pop(0), level)
    assert channel.exchange_all([GET, GET])[-1].sw == 0x6A82
    assert channel.send(GET) == b"later"


@pytest.mark.parametrize("level", [level for level in PROTECTED if level.r_mac])
def test_answers_in_another_order_are_not_authentic(level: SecurityLevel) -> None:
    numbers = iter(range(9))
    channel, _, far = far_channel(lambda _header, _data: (bytes((next(numbers),)), 0x9000), level)
    carry = far.transmit_all
    far.transmit_all = lambda commands: carry(commands)[::-1]  # type: ignore[method-assign]
    with pytest.raises(ResponseMacError):
        channel.exchange_all([GET, GET])
    with pytest.raises(SecureChannelClosedError):
        channel.exchange(GET)


def test_a_select_among_them_goes_alone_and_ends_the_session() -> None:
    channel, card, far = far_channel(lambda _header, _data: (b"", 0x9000), SecurityLevel.C_MAC)
    select = CommandApdu(0, 0xA4, 4, 0, bytes(5), 256)
    with pytest.raises(SecureChannelClosedError):
        channel.exchange_all([GET, select, GET])
    assert far.trips == [1, 1]
    assert len(card.sent) > 2


@pytest.mark.parametrize("error", [CardRemovedError("Far", "gone"), TransmitError("Far", "lost")])
def test_a_failure_in_the_middle_ends_the_session(error: Exception) -> None:
    channel, _, far = far_channel(lambda _header, _data: (b"", 0x9000), SecurityLevel.C_MAC)

    def fail(commands: Sequence[bytes]) -> list[bytes]:
        assert commands
        raise error

    far.transmit_all = fail  # type: ignore[method-assign]
    with pytest.raises(type(error)):
        channel.exchange_all([GET, GET])
    with pytest.raises(SecureChannelClosedError):
        channel.exchange(GET)
