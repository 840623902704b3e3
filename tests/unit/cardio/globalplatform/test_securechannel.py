"""Messages under SCP03: answers that were changed, replayed, cut or left bare; chains; extended length."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardio.apdu import CommandApdu, ResponseApdu
from cardio.channel import EXTENDED_APDUS, ApduPolicy, CardChannel
from cardio.errors import ApduError, CardError
from cardio.globalplatform.errors import ResponseMacError, SecureChannelClosedError
from cardio.globalplatform.handshake import open_secure_channel
from cardio.globalplatform.messages import SecureMessages, largest_data
from cardio.globalplatform.scp03 import FULL_SECURITY, SecurityLevel, SessionKeys
from cardio.globalplatform.securechannel import SecureChannel
from cardio.transport.base import CardRemovedError, TransmitError
from tests.unit.cardio.globalplatform.conftest import key_set
from tests.unit.cardio.globalplatform.model import Answer, Application, ModelCard, Parrot, aes_cmac

GET = CommandApdu(0x00, 0xCB, 0x3F, 0xFF, b"\x5c\x01\x7e", 256)
AUTHENTICATED = [level for level in SecurityLevel if level.r_mac]
PROTECTED = [level for level in SecurityLevel if level.c_mac]


def _answering(data: bytes, sw: int = 0x9000) -> Application:
    return lambda _header, _data: (data, sw)


def _channel(
    application: Application,
    level: SecurityLevel = FULL_SECURITY,
    policy: ApduPolicy | None = None,
    **card: int,
) -> tuple[CardChannel, ModelCard]:
    keys = key_set(0x30)
    model = ModelCard({0x30: keys.keys}, application, **card)  # type: ignore[arg-type]
    channel = CardChannel(model, policy or ApduPolicy())
    open_secure_channel(channel, keys, level)
    return channel, model


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
    channel, card = _channel(_answering(b"sixteen bytes of"), level)
    assert channel.send(GET) == b"sixteen bytes of"
    card.tamper = tamper
    with pytest.raises(ResponseMacError):
        channel.exchange(GET)
    card.tamper = bytes
    assert _dead(channel, card)


@pytest.mark.parametrize("level", AUTHENTICATED)
def test_a_replayed_answer_is_refused(level: SecurityLevel) -> None:
    channel, card = _channel(_answering(b"balance: 100"), level)
    kept = _kept_answer(channel, card)
    card.tamper = lambda _: kept
    with pytest.raises(ResponseMacError):
        channel.exchange(GET)
    assert _dead(channel, card)


def test_an_answer_of_another_session_is_refused() -> None:
    first, first_card = _channel(_answering(b"x"))
    kept = _kept_answer(first, first_card)
    second, second_card = _channel(_answering(b"x"))
    second_card.tamper = lambda _: kept
    with pytest.raises(ResponseMacError):
        second.send(GET)


def test_the_claimed_status_word_is_in_the_error() -> None:
    channel, card = _channel(_answering(b""))
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
    encrypted = messages._cipher(0x80 << 120 | 1).encryptor().update(content) if content else b"\1" * 15
    mac = _rmac(messages, session, encrypted)
    with pytest.raises(ResponseMacError, match=r"padding|blocks"):
        messages.unwrap(ResponseApdu(encrypted + mac, 0x9000))


def _rmac(messages: SecureMessages, session: SessionKeys, data: bytes) -> bytes:
    return aes_cmac(session.rmac, messages._chaining_value + data + b"\x90\x00")[:8]


# Errors and warnings


@pytest.mark.parametrize("level", PROTECTED)
@pytest.mark.parametrize("sw", [0x6A82, 0x6982, 0x6700, 0x6F00])
def test_an_error_carries_nothing_and_the_channel_goes_on(level: SecurityLevel, sw: int) -> None:
    answers: list[Answer] = [(b"", sw), (b"later", 0x9000)]
    channel, _ = _channel(lambda _header, _data: answers.pop(0), level)
    with pytest.raises(ApduError) as refused:
        channel.send(GET)
    assert refused.value.sw == sw
    assert channel.send(GET) == b"later"


@pytest.mark.parametrize("level", PROTECTED)
@pytest.mark.parametrize("sw", [0x6310, 0x63C2, 0x6283])
@pytest.mark.parametrize("data", [b"", b"data with a warning"])
def test_warnings_are_authentic_too(level: SecurityLevel, sw: int, data: bytes) -> None:
    channel, _ = _channel(_answering(data, sw), level)
    assert channel.exchange(GET) == ResponseApdu(data, sw)


def test_a_refused_command_mac_is_the_cards_word() -> None:
    """A channel whose keys the card has dropped: 6982 each time, and nothing in clear."""
    channel, card = _channel(_answering(b"x"))
    card.session.chaining = bytes(16)  # type: ignore[union-attr]
    for _ in range(2):
        with pytest.raises(CardError):
            channel.send(GET)
    assert all(command[0] & 0x04 for command in card.sent[2:])


# The end of a session


def test_a_reset_ends_it() -> None:
    channel, card = _channel(_answering(b"x"))
    channel.reset()
    assert _dead(channel, card)
    channel.unprotect()
    assert channel.send(GET) == b"x"
    assert card.sent[-1] == GET.encode()


def test_select_goes_in_clear_and_ends_it() -> None:
    channel, card = _channel(_answering(b"x"))
    select = CommandApdu(0, 0xA4, 4, 0, bytes.fromhex("A000000308"), 256)
    assert channel.send(select) == b"x"
    assert card.sent[-1] == select.encode()
    assert _dead(channel, card)


@pytest.mark.parametrize(
    "failure", [TransmitError("Model Card", "lost"), CardRemovedError("Model Card", "pulled")]
)
def test_a_lost_answer_ends_it(failure: CardError, monkeypatch: pytest.MonkeyPatch) -> None:
    channel, card = _channel(_answering(b"x"))

    def lose(_command: bytes) -> bytes:
        raise failure

    with monkeypatch.context() as patch:
        patch.setattr(card, "transmit", lose)
        with pytest.raises(type(failure)):
            channel.send(GET)
    assert _dead(channel, card)


def test_an_answer_without_status_word_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    channel, card = _channel(_answering(b"x"))
    with monkeypatch.context() as patch:
        patch.setattr(card, "transmit", lambda _: b"\x90")
        with pytest.raises(CardError):
            channel.send(GET)
    assert _dead(channel, card)


# Long commands and answers


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
    channel, card = _channel(_answering(b"done"), level, policy)
    data = bytes(number % 251 for number in range(length))
    assert channel.send(CommandApdu(0, 0xDB, 0x3F, 0xFF, data, 256)) == b"done"
    assert card.seen[-1] == (bytes.fromhex("00DB3FFF"), data)
    assert max(len(command) for command in card.sent) <= (1000 if extended else 261)


def test_each_block_of_a_chain_says_so_under_secure_messaging() -> None:
    channel, card = _channel(_answering(b""))
    channel.send(CommandApdu(0, 0xDB, 0x3F, 0xFF, bytes(300)))
    assert [command[:5].hex() for command in card.sent[2:]] == ["14db3ffff8", "04db3fff48"]


def test_a_bare_answer_within_a_chain_stops_it() -> None:
    channel, card = _channel(_answering(b""))
    card.tamper = lambda _: b"\x90\x00"
    with pytest.raises(ResponseMacError):
        channel.send(CommandApdu(0, 0xDB, 0x3F, 0xFF, bytes(1000)))
    assert len(card.sent) == 3


@pytest.mark.parametrize("level", SecurityLevel)
@pytest.mark.parametrize("length", [0, 231, 232, 256, 257, 3000])
@pytest.mark.parametrize("extended", [False, True])
def test_long_answers(level: SecurityLevel, length: int, *, extended: bool) -> None:
    answer = bytes(number % 253 for number in range(length))
    channel, card = _channel(_answering(answer), level, ApduPolicy(extended_length=extended))
    assert channel.send(CommandApdu(0, 0xCB, 0x3F, 0xFF, b"\x5c\x01\x7e", 65_536)) == answer
    collected = [command for command in card.sent if command[1] == 0xC0]
    assert all(command[0] == 0 for command in collected)  # GET RESPONSE belongs to the transport


@pytest.mark.parametrize("le", [1, 8, 255, 256])
def test_a_small_le_makes_room_for_the_mac(le: int) -> None:
    channel, card = _channel(_answering(b"12345678"))
    assert channel.send(GET.with_le(le)) == b"12345678"
    assert card.sent[-1][-1] == 0


@pytest.mark.parametrize("refuses", ["6700", "error"])
def test_the_probe_finds_a_reader_for_short_apdus(refuses: str) -> None:
    """No wrapped command is ever tried twice: reader and card are asked before the channel is open."""
    keys = key_set(0x30)
    card = ModelCard({0x30: keys.keys}, _answering(b""), longest=600, refuses=refuses)
    channel = CardChannel(card, EXTENDED_APDUS)
    open_secure_channel(channel, keys)
    assert not channel.extended_length
    channel.send(CommandApdu(0, 0xDB, 0x3F, 0xFF, bytes(700)))
    assert [len(command) for command in card.sent[:1]] == [1000]
    assert all(len(command) <= 261 for command in card.sent[1:])
    assert len(card.sent) == 1 + 2 + 3


@pytest.mark.parametrize("sw", [0x9000, 0x6A80, 0x6982, 0x6D00])
def test_any_other_answer_to_the_probe_means_that_it_arrived(sw: int) -> None:
    channel, card = _channel(_answering(b"", sw), policy=EXTENDED_APDUS)
    assert channel.extended_length
    assert card.seen[0][0].hex() == "00cb3fff"
    assert channel.probe_extended_length()
    assert len(card.sent) == 3  # not asked again


def test_a_refusal_under_the_channel_is_a_real_one() -> None:
    answers: list[Answer] = [(b"", 0x6A82), (b"", 0x6700)]
    channel, card = _channel(lambda _header, _data: answers.pop(0), policy=EXTENDED_APDUS)
    with pytest.raises(ApduError):
        channel.send(CommandApdu(0, 0xDB, 0x3F, 0xFF, bytes(700)))
    assert channel.extended_length
    assert len(card.sent) == 4


def test_without_extended_length_nothing_is_probed() -> None:
    _, card = _channel(_answering(b""))
    assert len(card.sent) == 2


# Round trips, and any bytes at all


@given(
    level=st.sampled_from(SecurityLevel),
    exchanges=st.lists(st.tuples(st.binary(max_size=600), st.binary(max_size=600)), min_size=1, max_size=5),
)
def test_round_trips(level: SecurityLevel, exchanges: list[tuple[bytes, bytes]]) -> None:
    answers = [answer for _, answer in exchanges]
    channel, card = _channel(lambda _header, _data: (answers.pop(0), 0x9000), level)
    for data, answer in exchanges:
        assert channel.send(CommandApdu(0x80, 0xE2, 1, 2, data, 256)) == answer
        assert card.seen[-1] == (bytes.fromhex("80E20102"), data)


@given(level=st.sampled_from(AUTHENTICATED), answer=st.binary(max_size=300))
def test_any_answer_is_an_error(level: SecurityLevel, answer: bytes) -> None:
    messages = SecureMessages(SessionKeys(*[bytes(16)] * 3), level)
    channel = CardChannel(Parrot(answer))
    channel.protect(SecureChannel(channel.formatter, messages))
    with pytest.raises(CardError):
        channel.send(GET)
