"""The PIN pad of a reader in process, byte by byte as PC/SC part 10 has it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardio.transport.pcsc import SmartcardException
from simulators.card.blank import create_blank
from simulators.card.card import SimulatedCard
from simulators.card.file import CardFile
from simulators.readers.inprocess import Disposition, InProcessConnection, InProcessReader
from simulators.readers.pinpad import CONTROL_CODES, GET_FEATURE_REQUEST, Feature, PinPad, Prompt
from tests.unit.simulators.card.host import MANAGEMENT_KEY, PIN, PUK

VERIFY_CODE, MODIFY_CODE = CONTROL_CODES[Feature.VERIFY_PIN_DIRECT], CONTROL_CODES[Feature.MODIFY_PIN_DIRECT]
# Time-outs, ASCII left justified, block of 8, 4 to 8 digits, Enter ends; then the APDU with its gap.
VERIFY = bytes.fromhex("1E1E820800 0806 02 01 0904 00 000000 0D000000 0020008008FFFFFFFFFFFFFFFF")
# Old at 0, new at 8; confirmed, current asked.
MODIFY = bytes.fromhex("1E1E820800 00 08 0806 03 02 03 0904 00 01 02 000000 15000000 0024008010" + "FF" * 16)


@contextmanager
def reader_with(folder: Path, keys: dict[Prompt, str | None]) -> Iterator[InProcessConnection]:
    path = folder / "card.json"
    create_blank(path, 1, PIN, PUK, MANAGEMENT_KEY)
    with (
        CardFile.open(path) as file,
        InProcessReader(f"Pad Reader {uuid4()}", PinPad(lambda prompt: keys[prompt])) as reader,
    ):
        reader.insert(SimulatedCard(file))
        connection = reader.createConnection()
        connection.connect(disposition=Disposition.RESET_CARD)
        yield connection


def test_the_features_are_told_with_their_codes(tmp_path: Path) -> None:
    with reader_with(tmp_path, {}) as connection:
        features = bytes(connection.control(GET_FEATURE_REQUEST, []))
    assert features == bytes.fromhex("0604") + VERIFY_CODE.to_bytes(4, "big") + bytes.fromhex(
        "0704"
    ) + MODIFY_CODE.to_bytes(4, "big")


def test_a_pin_is_changed_and_verified_at_the_pad(tmp_path: Path) -> None:
    keys: dict[Prompt, str | None] = {
        Prompt.CURRENT_PIN: PIN,
        Prompt.NEW_PIN: "471100",
        Prompt.NEW_PIN_AGAIN: "471100",
        Prompt.PIN: "471100",
    }
    with reader_with(tmp_path, keys) as connection:
        assert bytes(connection.control(MODIFY_CODE, list(MODIFY))) == bytes.fromhex("9000")
        assert bytes(connection.control(VERIFY_CODE, list(VERIFY))) == bytes.fromhex("9000")
        keys[Prompt.PIN] = "000000"
        assert bytes(connection.control(VERIFY_CODE, list(VERIFY))) == bytes.fromhex("63C2")


@pytest.mark.parametrize(
    ("pressed", "status"),
    [
        pytest.param({Prompt.PIN: None}, "6401", id="cancelled"),
        pytest.param({Prompt.PIN: "123"}, "6403", id="too few"),
        pytest.param({Prompt.PIN: "123456789"}, "6403", id="too many"),
        pytest.param({Prompt.PIN: "12345x"}, "6403", id="no digits"),
    ],
)
def test_what_the_user_presses_wrong_costs_no_try(
    pressed: dict[Prompt, str | None], status: str, tmp_path: Path
) -> None:
    with reader_with(tmp_path, pressed) as connection:
        assert bytes(connection.control(VERIFY_CODE, list(VERIFY))).hex() == status
        assert connection.transmit(list(bytes.fromhex("00200080")))[1:] == (0x63, 0xC3)


def test_two_new_pins_that_differ_change_nothing(tmp_path: Path) -> None:
    keys: dict[Prompt, str | None] = {
        Prompt.CURRENT_PIN: PIN,
        Prompt.NEW_PIN: "471100",
        Prompt.NEW_PIN_AGAIN: "471101",
    }
    with reader_with(tmp_path, keys) as connection:
        assert bytes(connection.control(MODIFY_CODE, list(MODIFY))) == bytes.fromhex("6402")


def test_a_reader_without_a_pad_has_no_such_feature(tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    create_blank(path, 1, PIN, PUK, MANAGEMENT_KEY)
    with CardFile.open(path) as file, InProcessReader(f"Plain Reader {uuid4()}") as reader:
        reader.insert(SimulatedCard(file))
        connection = reader.createConnection()
        connection.connect(disposition=Disposition.RESET_CARD)
        with pytest.raises(SmartcardException):
            connection.control(GET_FEATURE_REQUEST, [])


@given(st.sampled_from([VERIFY_CODE, MODIFY_CODE]), st.binary(max_size=64), st.text("0123456789", max_size=9))
def test_any_request_ends_in_a_status_word(code: int, request: bytes, digits: str) -> None:
    pad = PinPad(lambda _: digits)
    assert len(pad.control(code, request, lambda _: b"\x90\x00")) == 2
