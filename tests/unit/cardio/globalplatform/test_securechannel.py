"""Messages under SCP03: answers that were changed, replayed, cut or left bare; and how a session ends."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardio.apdu import CommandApdu, ResponseApdu
from cardio.channel import CardChannel
from cardio.errors import ApduError, CardError
from cardio.globalplatform.errors import ResponseMacError, SecureChannelClosedError
from cardio.globalplatform.messagecipher import MessageCipher
from cardio.globalplatform.messages import SecureMessages
from cardio.globalplatform.scp03 import FULL_SECURITY, SecurityLevel, SessionKeys
from cardio.globalplatform.securechannel import SecureChannel
from cardio.transport.base import CardRemovedError, TransmitError
from tests.unit.cardio.globalplatform.conftest import GET, PROTECTED, answering, open_channel
from tests.unit.cardio.globalplatform.model import Answer, ModelCard, Parrot, aes_cmac

AUTHENTICATED = [level for level in SecurityLevel if level.r_mac]


def _dead(channel: CardChannel, card: ModelCard) -> bool:
    """Whether the channel refuses commands, and sends none of them."""
    sent = len(card.sent)
    with pytest.raises(SecureChannelClosedError):
        channel.exchange(GET)
    return len(card.sent) == sent


def _flip(position: int) -> Callable[[bytes], bytes]:
    def flip(answer: bytes) -> bytes:
        changed = bytearray(answer)
        changed[position] ^= 1
        return bytes(changed)

    return flip


def _kept_answer(channel: CardChannel, card: ModelCard) -> bytes:
    """The protected answer to one command, as an eavesdropper has it."""
    kept: list[bytes] = []

    def keep(answer: bytes) -> bytes:
        kept.append(answer)
        return answer

    card.tamper = keep
    channel.send(GET)
    return kept[0]


# What a card (or someone between) must not get away with


@pytest.mark.parametrize("level", AUTHENTICATED)
@pytest.mark.parametrize(
    "tamper",
    [
        pytest.param(_flip(-3), id="last bit of the R-MAC"),
        pytest.param(_flip(-10), id="first byte of the R-MAC"),
        pytest.param(_flip(0), id="first byte of the data"),
        pytest.param(lambda answer: answer[:-10] + answer[-2:], id="no R-MAC"),
        pytest.param(lambda _: b"\x90\x00", id="nothing but 9000"),
        pytest.param(lambda answer: answer[1:], id="a byte less"),
        pytest.param(lambda answer: answer[-9:], id="seven bytes of R-MAC"),
        pytest.param(lambda answer: b"\0" + answer, id="a byte more"),
        pytest.param(lambda answer: answer[:-2] + b"\x62\x83", id="another warning"),
        pytest.param(lambda answer: answer[:-2] + b"\x63\xc3", id="a counter"),
        pytest.param(lambda answer: answer[:-2] + b"\x6a\x82", id="an error with data"),
        pytest.param(lambda _: b"\x62\x83", id="a bare warning"),
        pytest.param(lambda _: b"\x63\xc2", id="a bare counter"),
    ],
)
def test_an_answer_that_is_not_authentic_kills_the_channel(
    level: SecurityLevel, tamper: Callable[[bytes], bytes]
) -> None:
    channel, card = open_channel(answering(b"sixteen bytes of"), level)
    assert channel.send(GET) == b"sixteen bytes of"
    card.tamper = tamper
    with pytest.raises(ResponseMacError):
        channel.exchange(GET)
    card.tamper = bytes
    assert _dead(channel, card)


@pytest.mark.parametrize("level", AUTHENTICATED)
def test_a_replayed_answer_is_refused(level: SecurityLevel) -> None:
    channel, card = open_channel(answering(b"balance: 100"), level)
    kept = _kept_answer(channel, card)
    card.tamper = lambda _: kept
    with pytest.raises(ResponseMacError):
        channel.exchange(GET)
    assert _dead(channel, card)


def test_an_answer_of_another_session_is_refused() -> None:
    first, first_card = open_channel(answering(b"x"))
    kept = _kept_answer(first, first_card)
    second, second_card = open_channel(answering(b"x"))
    second_card.tamper = lambda _: kept
    with pytest.raises(ResponseMacError):
        second.send(GET)


def test_the_claimed_status_word_is_in_the_error() -> None:
    channel, card = open_channel(answering(b""))
    card.tamper = lambda _: b"\x63\xc2"
    with pytest.raises(ResponseMacError, match="no R-MAC") as refused:
        channel.send(GET)
    assert refused.value.sw == 0x63C2


@pytest.mark.parametrize("content", [b"", b"\0" * 16, b"\x80" + b"\0" * 14 + b"\1"])
def test_authentic_answers_with_wrong_padding(content: bytes) -> None:
    """A card with the right keys that pads wrongly is a broken card, not a Python error."""
    session = SessionKeys(*(bytes((number,)) * 16 for number in (1, 2, 3)))
    messages = SecureMessages(session, FULL_SECURITY)
    messages.wrap(GET)
    encrypted = MessageCipher(session.enc).encrypt(0x80 << 120 | 1, content) if content else b"\1" * 15
    mac = _rmac(messages, session, encrypted)
    with pytest.raises(ResponseMacError, match=r"padding|blocks"):
        messages.unwrap(ResponseApdu(encrypted + mac, 0x9000))


def _rmac(messages: SecureMessages, session: SessionKeys, data: bytes) -> bytes:
    return aes_cmac(session.rmac, messages.state.chaining_value + data + b"\x90\x00")[:8]


# Errors and warnings


@pytest.mark.parametrize("level", PROTECTED)
@pytest.mark.parametrize("sw", [0x6A82, 0x6982, 0x6700, 0x6F00])
def test_an_error_carries_nothing_and_the_channel_goes_on(level: SecurityLevel, sw: int) -> None:
    answers: list[Answer] = [(b"", sw), (b"later", 0x9000)]
    channel, _ = open_channel(lambda _header, _data: answers.pop(0), level)
    with pytest.raises(ApduError) as refused:
        channel.send(GET)
    assert refused.value.sw == sw
    assert channel.send(GET) == b"later"


@pytest.mark.parametrize("level", PROTECTED)
@pytest.mark.parametrize("sw", [0x6310, 0x63C2, 0x6283])
@pytest.mark.parametrize("data", [b"", b"data with a warning"])
def test_warnings_are_authentic_too(level: SecurityLevel, sw: int, data: bytes) -> None:
    channel, _ = open_channel(answering(data, sw), level)
    assert channel.exchange(GET) == ResponseApdu(data, sw)


def test_a_refused_command_mac_is_the_cards_word() -> None:
    """A channel whose keys the card has dropped: 6982 each time, and nothing in clear."""
    channel, card = open_channel(answering(b"x"))
    card.session.chaining = bytes(16)  # type: ignore[union-attr]
    for _ in range(2):
        with pytest.raises(CardError):
            channel.send(GET)
    assert all(command[0] & 0x04 for command in card.sent[2:])


# The end of a session


def test_a_reset_ends_it() -> None:
    channel, card = open_channel(answering(b"x"))
    channel.reset()
    assert _dead(channel, card)
    channel.unprotect()
    assert channel.send(GET) == b"x"
    assert card.sent[-1] == GET.encode()


def test_select_goes_in_clear_and_ends_it() -> None:
    channel, card = open_channel(answering(b"x"))
    select = CommandApdu(0, 0xA4, 4, 0, bytes.fromhex("A000000308"), 256)
    assert channel.send(select) == b"x"
    assert card.sent[-1] == select.encode()
    assert _dead(channel, card)


@pytest.mark.parametrize(
    "failure", [TransmitError("Model Card", "lost"), CardRemovedError("Model Card", "pulled")]
)
def test_a_lost_answer_ends_it(failure: CardError, monkeypatch: pytest.MonkeyPatch) -> None:
    channel, card = open_channel(answering(b"x"))

    def lose(_command: bytes) -> bytes:
        raise failure

    with monkeypatch.context() as patch:
        patch.setattr(card, "transmit", lose)
        with pytest.raises(type(failure)):
            channel.send(GET)
    assert _dead(channel, card)


def test_an_answer_without_status_word_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    channel, card = open_channel(answering(b"x"))
    with monkeypatch.context() as patch:
        patch.setattr(card, "transmit", lambda _: b"\x90")
        with pytest.raises(CardError):
            channel.send(GET)
    assert _dead(channel, card)


@given(level=st.sampled_from(AUTHENTICATED), answer=st.binary(max_size=300))
def test_any_answer_is_an_error(level: SecurityLevel, answer: bytes) -> None:
    messages = SecureMessages(SessionKeys(*[bytes(16)] * 3), level)
    channel = CardChannel(Parrot(answer))
    channel.protect(SecureChannel(channel.formatter, messages))
    with pytest.raises(CardError):
        channel.send(GET)
