"""INITIALIZE UPDATE and EXTERNAL AUTHENTICATE, and cards that lie in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardio.apdu import CommandApdu
from cardio.channel import CardChannel
from cardio.errors import ApduError, CardError, UnexpectedAnswerError
from cardio.globalplatform.errors import (
    CardCryptogramError,
    HostCryptogramError,
    KeySetBlockedError,
    KeySetNotFoundError,
    SecureChannelClosedError,
    UnsupportedSecureChannelError,
    WrongKeySetError,
)
from cardio.globalplatform.handshake import InitializeUpdateAnswer, open_secure_channel, recognises
from cardio.globalplatform.keys import KeySet
from cardio.globalplatform.scp03 import SecurityLevel
from cardio.transport.base import CardRemovedError
from tests.unit.cardio.conftest import ScriptedConnection
from tests.unit.cardio.globalplatform.conftest import key_set
from tests.unit.cardio.globalplatform.model import ModelCard, Parrot

# Of one of the published transcripts (osmocom/pysim, AES-128, level 03).
KEYS = KeySet(0x30, *(bytes(range(start, start + 16)) for start in (0x00, 0x10, 0x20)))
CHALLENGE = bytes.fromhex("8e1552d0513c60f3")
INITIALIZE_UPDATE = "80503000088E1552D0513C60F300"
ANSWER = "0000000000000000000030037030760CD2C47C1DD395065FE5EAD8A9D7000001"
EXTERNAL_AUTHENTICATE = "8482030010FD4721A14D9B07003C451D2F8AE6BB21"
LEVEL = SecurityLevel.C_DECRYPTION_C_MAC


def _open(*steps: tuple[str, str | CardRemovedError], keys: KeySet = KEYS) -> CardChannel:
    connection = ScriptedConnection(steps)
    channel = CardChannel(connection)
    open_secure_channel(channel, keys, LEVEL, lambda _: CHALLENGE)
    assert connection.steps == []
    return channel


def test_a_real_cards_handshake() -> None:
    channel = _open((INITIALIZE_UPDATE, ANSWER + "9000"), (EXTERNAL_AUTHENTICATE, "9000"))
    assert channel.apdu_count == 2


@pytest.mark.parametrize("key_bytes", [16, 24, 32])
@pytest.mark.parametrize("level", SecurityLevel)
@pytest.mark.parametrize("i", [0x60, 0x70])
def test_every_key_length_level_and_challenge(key_bytes: int, level: SecurityLevel, i: int) -> None:
    keys = key_set(0x31, key_bytes)
    card = ModelCard({0x31: keys.keys}, lambda _header, data: (data, 0x9000), i=i)
    channel = CardChannel(card)
    answer = open_secure_channel(channel, keys, level)
    assert (answer.version, answer.sequence_counter) == (0x31, b"\0\0\0" if i == 0x70 else None)
    for length in (0, 1, 15, 16, 100):
        assert channel.send(CommandApdu(0x80, 0xCA, 0, 0, bytes(length), 256)) == bytes(length)
    assert card.failures == 0


def test_version_zero_takes_the_cards_default() -> None:
    card = ModelCard({0x32: key_set(0x32).keys})
    answer = open_secure_channel(CardChannel(card), key_set(0))
    assert answer.version == 0x32


def test_wrong_keys_stop_before_anything_is_counted(card: ModelCard) -> None:
    with pytest.raises(CardCryptogramError) as wrong:
        open_secure_channel(CardChannel(card), key_set(0x30, seed=1))
    assert isinstance(wrong.value, WrongKeySetError)
    assert wrong.value.version == 0x30
    assert (card.failures, len(card.sent)) == (0, 1)


@pytest.mark.parametrize("sw", ["6300", "6982", "6988"])
def test_the_cards_refusal_says_that_it_counts(sw: str) -> None:
    with pytest.raises(HostCryptogramError, match="counts the failure") as wrong:
        _open((INITIALIZE_UPDATE, ANSWER + "9000"), (EXTERNAL_AUTHENTICATE, sw))
    assert (wrong.value.version, f"{wrong.value.sw:04X}") == (0x30, sw)
    assert "30" in str(wrong.value)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("6A88", KeySetNotFoundError),
        ("6983", KeySetBlockedError),
        ("6D00", UnsupportedSecureChannelError),
        ("6E00", UnsupportedSecureChannelError),
        ("6985", ApduError),
        ("9000", UnexpectedAnswerError),
        (ANSWER[:24] + "9000", UnexpectedAnswerError),
        (ANSWER[:-2] + "9000", UnexpectedAnswerError),
        (ANSWER[:-6] + "9000", UnexpectedAnswerError),
        (ANSWER + "00" + "9000", UnexpectedAnswerError),
        (ANSWER[:20] + "31" + ANSWER[22:] + "9000", UnexpectedAnswerError),
        (ANSWER[:22] + "02" + ANSWER[24:] + "9000", UnsupportedSecureChannelError),
        (ANSWER[:24] + "71" + ANSWER[26:] + "9000", UnsupportedSecureChannelError),
        (ANSWER[:24] + "60" + ANSWER[26:] + "9000", UnexpectedAnswerError),
        (ANSWER[:26] + "00" + ANSWER[28:] + "9000", CardCryptogramError),
        (ANSWER[:42] + "00" + ANSWER[44:] + "9000", CardCryptogramError),
        (ANSWER + "00" * 1000 + "9000", UnexpectedAnswerError),
    ],
)
def test_a_card_that_answers_initialize_update_wrongly(answer: str, error: type[CardError]) -> None:
    with pytest.raises(error):
        _open((INITIALIZE_UPDATE, answer))


@pytest.mark.parametrize(
    ("answer", "error"),
    [("6983", KeySetBlockedError), ("6F00", ApduError), ("009000", UnexpectedAnswerError)],
)
def test_a_card_that_answers_external_authenticate_wrongly(answer: str, error: type[CardError]) -> None:
    with pytest.raises(error):
        _open((INITIALIZE_UPDATE, ANSWER + "9000"), (EXTERNAL_AUTHENTICATE, answer))


def test_a_card_pulled_in_between() -> None:
    with pytest.raises(CardRemovedError):
        _open((INITIALIZE_UPDATE, ANSWER + "9000"), (EXTERNAL_AUTHENTICATE, CardRemovedError("R", "pulled")))


@pytest.mark.parametrize(
    ("i", "level"),
    [(0x10, SecurityLevel.C_MAC_R_MAC), (0x30, SecurityLevel.C_DECRYPTION_R_ENCRYPTION_C_MAC_R_MAC)],
)
def test_a_level_that_the_card_lacks_is_refused_before_it_is_tried(i: int, level: SecurityLevel) -> None:
    card = ModelCard({0x30: key_set(0x30).keys}, i=i)
    with pytest.raises(UnsupportedSecureChannelError):
        open_secure_channel(CardChannel(card), key_set(0x30), level)
    assert len(card.sent) == 1


def test_a_card_that_reflects_the_terminals_challenge_proves_nothing() -> None:
    """The two cryptograms are derived under different labels, so neither can be played back as the other."""
    reflected = ANSWER[:26] + CHALLENGE.hex() + ANSWER[42:]
    with pytest.raises(CardCryptogramError):
        _open((INITIALIZE_UPDATE, reflected + "9000"))


def test_recognising_keys_sends_no_proof(card: ModelCard, keys: KeySet) -> None:
    channel = CardChannel(card)
    assert recognises(channel, keys)
    assert not recognises(channel, key_set(0x30, seed=1))
    assert not recognises(channel, key_set(0x31))
    assert [command[1] for command in card.sent] == [0x50] * 3
    assert card.failures == 0


def test_a_failed_second_handshake_leaves_nothing_in_clear(card: ModelCard, keys: KeySet) -> None:
    channel = CardChannel(card)
    open_secure_channel(channel, keys)
    with pytest.raises(CardCryptogramError):
        open_secure_channel(channel, key_set(0x30, seed=1))
    sent = len(card.sent)
    with pytest.raises(SecureChannelClosedError):
        channel.send(CommandApdu(0x80, 0xCA, 0, 0x66))
    assert len(card.sent) == sent
    open_secure_channel(channel, keys)
    with pytest.raises(ApduError):
        channel.send(CommandApdu(0x80, 0xCA, 0, 0x66))


def test_challenges_are_fresh(card: ModelCard, keys: KeySet) -> None:
    channel = CardChannel(card)
    open_secure_channel(channel, keys)
    open_secure_channel(channel, keys)
    first, second = (command[5:13] for command in card.sent if command[1] == 0x50)
    assert first != second


def test_no_key_shows(keys: KeySet) -> None:
    shown = repr(keys) + repr(InitializeUpdateAnswer.parse(bytes.fromhex(ANSWER)))
    for secret in (*keys.keys, bytes.fromhex(ANSWER[42:58])):
        assert secret.hex() not in shown.lower()
        assert repr(secret) not in shown


@given(answer=st.binary(max_size=300))
def test_any_answer_to_initialize_update_is_an_error_of_this_package(answer: bytes) -> None:
    with pytest.raises(CardError):
        open_secure_channel(CardChannel(Parrot(answer)), KEYS)


def test_the_host_challenge_is_the_one_given(card: ModelCard, keys: KeySet) -> None:
    open_secure_channel(CardChannel(card), keys, random_bytes=lambda _: CHALLENGE)
    assert card.sent[0] == bytes.fromhex(INITIALIZE_UPDATE)
