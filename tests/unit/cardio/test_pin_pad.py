"""PINs typed at a reader's pad: the holder's keys, the card's answer, and nothing of it in the host."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from cardio.cli import card as card_command
from cardio.errors import (
    InvalidPinError,
    InvalidPukError,
    PinBlockedError,
    TransportPinError,
    UnexpectedAnswerError,
)
from cardio.globalplatform.handshake import open_secure_channel
from cardio.globalplatform.keys import KeySet
from cardio.piv.session import PivSession
from cardio.piv.shared import SharedPivSession
from cardio.transport import pcsc
from cardio.transport.base import TransmitError
from cardio.transport.pinpad import GET_FEATURE_REQUEST, Feature, PinEntryError, PinFormat, PinPad
from cardio.transport.tracing import TracingConnection
from simulators.card.blank import create_blank
from simulators.card.card import SimulatedCard
from simulators.card.file import CardFile
from simulators.card.globalplatform.keyset import KeySet as CardKeySet
from simulators.readers.inprocess import InProcessReader
from simulators.readers.padreader import PadReaderCard
from simulators.readers.pinpad import PinPad as VirtualPad
from simulators.readers.pinpad import Prompt

TRANSPORT_PIN, PIN, PUK = "102938", "471100", "55667788"
CHANNEL = bytes(range(32)), bytes(range(32, 64)), bytes(range(64, 96))
FORMAT = PinFormat(8, 6, 8)
Keys = dict[Prompt, str | None]


@contextmanager
def reader_with(folder: Path, user: Callable[[Prompt], str | None] | None) -> Iterator[InProcessReader]:
    path = folder / "card.json"
    create_blank(path, 1, TRANSPORT_PIN, PUK, bytes(range(32)), CardKeySet(*CHANNEL))
    pad = None if user is None else VirtualPad(user)
    with CardFile.open(path) as file, InProcessReader(f"Pad Reader {uuid4()}", pad) as reader:
        reader.insert(SimulatedCard(file))
        yield reader


@pytest.fixture
def keys() -> Keys:
    """What the holder presses."""
    return {
        Prompt.CURRENT_PIN: TRANSPORT_PIN,
        Prompt.NEW_PIN: PIN,
        Prompt.NEW_PIN_AGAIN: PIN,
        Prompt.PIN: PIN,
    }


@pytest.fixture
def reader(tmp_path: Path, keys: Keys) -> Iterator[InProcessReader]:
    with reader_with(tmp_path, lambda prompt: keys[prompt]) as found:
        yield found


@pytest.fixture
def session(reader: InProcessReader) -> Iterator[PivSession]:
    with pcsc.connect(reader.name) as connection:
        yield PivSession(connection)


def pad_of(session: PivSession) -> PinPad:
    pad = session.pin_pad()
    assert pad is not None
    return pad


def test_a_pin_is_changed_and_verified_at_the_pad(session: PivSession) -> None:
    session.change_pin_at(pad_of(session))
    session.enter_pin(None)
    assert session.pin_status().verified


def test_a_wrong_pin_and_a_blocked_one_are_told_as_ever(session: PivSession, keys: Keys) -> None:
    session.change_pin_at(pad_of(session))
    keys[Prompt.PIN] = "000000"
    for left in (2, 1):
        with pytest.raises(InvalidPinError) as caught:
            session.enter_pin(None)
        assert caught.value.tries_left == left
    for _ in range(2):
        with pytest.raises(PinBlockedError):
            session.enter_pin(None)


def test_the_transport_pin_opens_nothing_at_the_pad_either(session: PivSession, keys: Keys) -> None:
    keys[Prompt.PIN] = TRANSPORT_PIN
    with pytest.raises(TransportPinError):
        session.enter_pin(None)


@pytest.mark.parametrize(
    ("pressed", "reason"), [(None, "cancelled"), ("12345", "digits"), ("123456789", "digits")]
)
def test_what_is_not_typed_costs_no_try(
    pressed: str | None, reason: str, session: PivSession, keys: Keys
) -> None:
    keys[Prompt.PIN] = pressed
    with pytest.raises(PinEntryError, match=reason):
        session.enter_pin(None)
    assert session.pin_tries_left() == 3


def test_two_new_pins_that_differ_change_nothing(session: PivSession, keys: Keys) -> None:
    keys[Prompt.NEW_PIN_AGAIN] = "471101"
    with pytest.raises(PinEntryError, match="differ"):
        session.change_pin_at(pad_of(session))
    session.change_pin(TRANSPORT_PIN, PIN)


def test_a_reader_without_a_pad(tmp_path: Path) -> None:
    with reader_with(tmp_path, None) as reader, pcsc.connect(reader.name) as connection:
        session = PivSession(connection)
        assert session.pin_pad() is None
        with pytest.raises(PinEntryError, match="no PIN pad"):
            session.enter_pin(None)


def test_under_a_secure_channel_no_pad_is_offered(session: PivSession) -> None:
    assert session.pin_pad() is not None
    open_secure_channel(session.channel, KeySet(0xFF, *CHANNEL))
    assert session.pin_pad() is None


def test_a_trace_shows_that_a_pin_was_typed_and_not_which(reader: InProcessReader) -> None:
    lines: list[str] = []
    with pcsc.connect(reader.name) as connection:
        session = PivSession(TracingConnection(connection, lines.append))
        session.change_pin_at(pad_of(session))
        session.enter_pin(None)
    text = "\n".join(lines)
    assert "-- reader request" in text
    for pin in (TRANSPORT_PIN, PIN):
        assert pin not in text
        assert pin.encode().hex() not in text.replace(" ", "")


def test_a_pin_is_unblocked_at_the_pad(session: PivSession, keys: Keys) -> None:
    keys[Prompt.CURRENT_PIN] = "00000000"
    with pytest.raises(InvalidPukError):
        session.unblock_pin_at(pad_of(session))
    keys[Prompt.CURRENT_PIN] = PUK
    session.unblock_pin_at(pad_of(session))
    session.change_pin(PIN, "24681012")


def test_a_shared_session_unblocks_at_the_pad(reader: InProcessReader, keys: Keys) -> None:
    with pcsc.connect(reader.name) as connection:
        shared = SharedPivSession(connection)
        keys[Prompt.CURRENT_PIN] = PUK
        shared.unblock_pin_at(pad_of(shared))
        shared.change_pin(PIN, "24681012")


def test_unblock_uses_the_pad_unless_the_puk_is_given(reader: InProcessReader, keys: Keys) -> None:
    unblock = ["unblock", "--reader", reader.name]
    keys[Prompt.CURRENT_PIN] = PUK
    typed = CliRunner().invoke(card_command, unblock, env={"HOVIAT_PUK": None})
    assert (typed.exit_code, typed.stdout) == (0, ""), typed.output
    assert "The PUK is typed at the reader." in typed.stderr
    keys[Prompt.CURRENT_PIN] = None
    given_one = CliRunner().invoke(card_command, unblock, env={"HOVIAT_PUK": PUK, "HOVIAT_NEW_PIN": PIN})
    assert (given_one.exit_code, given_one.stderr) == (0, "The card has a new PIN.\n")


def test_the_commands_use_the_pad(reader: InProcessReader) -> None:
    runner = CliRunner()
    changed = runner.invoke(card_command, ["change-pin", "--reader", reader.name], env={"HOVIAT_PIN": None})
    assert (changed.exit_code, changed.stdout) == (0, ""), changed.output
    read = ["trace", "read", "printed-information", "--reader", reader.name]
    answer = runner.invoke(card_command, read, env={"HOVIAT_PIN": None})
    assert "The PIN is typed at the reader." in answer.stderr
    assert "no printed information object" in answer.stderr
    assert "-> 00 a4 04 00" in answer.stderr


class Device:
    """A reader that answers as it likes."""

    name, atr = "A device", b"\x3b\x00"
    by_apdu = bytes.fromhex("6E00")

    def __init__(self, *answers: bytes | TransmitError) -> None:
        self._answers = list(answers)

    def transmit(self, command: bytes) -> bytes:
        assert command == bytes.fromhex("FFC2010000")
        return self.by_apdu

    def reset(self) -> None:
        raise AssertionError

    def close(self) -> None:
        raise AssertionError

    def control(self, code: int, request: bytes) -> bytes:
        assert request or code == GET_FEATURE_REQUEST
        answer = self._answers.pop(0)
        if isinstance(answer, TransmitError):
            raise answer
        return answer


def features(*tags: int) -> bytes:
    return b"".join(bytes((tag, 4, 0x42, 0, 0x0D, tag)) for tag in tags)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x06",
        features(Feature.VERIFY_PIN_DIRECT),
        features(Feature.VERIFY_PIN_DIRECT, Feature.MODIFY_PIN_DIRECT)[:-1],
        bytes((6, 3, 0x42, 0, 0x0D, 6)),
        TransmitError("A device", "no such request"),
    ],
)
def test_what_is_no_pad_is_none(answer: bytes | TransmitError) -> None:
    assert PinPad.find(Device(answer)) is None


@pytest.mark.parametrize("answer", ["", "90", "9000", "069000", "06076A86", "0607", "61029000"])
def test_what_is_no_pad_behind_pseudo_apdus_is_none(answer: str) -> None:
    device = Device(TransmitError("A device", "no such request"))
    device.by_apdu = bytes.fromhex(answer)
    assert PinPad.find(device) is None


def test_a_pad_behind_pseudo_apdus(tmp_path: Path, keys: Keys) -> None:
    path = tmp_path / "card.json"
    create_blank(path, 1, TRANSPORT_PIN, PUK, bytes(range(32)))
    pad = VirtualPad(lambda prompt: keys[prompt])
    lines: list[str] = []
    with CardFile.open(path) as file, InProcessReader(f"Pad Reader {uuid4()}") as reader:
        reader.insert(PadReaderCard(SimulatedCard(file), lambda: pad))
        with pcsc.connect(reader.name) as connection:
            session = PivSession(TracingConnection(connection, lines.append))
            session.change_pin_at(pad_of(session))
            session.enter_pin(None)
            assert session.pin_status().verified
            keys[Prompt.PIN] = "000000"
            with pytest.raises(InvalidPinError):
                session.enter_pin(None)
    assert PIN.encode().hex() not in "".join(lines).replace(" ", "")


@given(st.binary(max_size=5))
def test_any_answer_of_a_pad_is_a_status_word_or_a_typed_error(answer: bytes) -> None:
    pad = PinPad.find(Device(features(*Feature), answer))
    assert pad is not None
    try:
        assert pad.verify(bytes(13), FORMAT) == int.from_bytes(answer, "big")
    except (PinEntryError, UnexpectedAnswerError):
        assert len(answer) != 2 or answer[0] == 0x64
