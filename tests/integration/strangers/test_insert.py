"""A card in the real virtual reader: the command, and what a program sees when the card goes away."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cardio.transport import pcsc
from cardio.transport.base import CardRemovedError
from simulators.card.blank import create_blank
from simulators.card.card import ATR, SimulatedCard
from simulators.card.file import CardFile
from simulators.readers.pcscd import pcscd_service
from simulators.readers.vpcd import SLOTS, insert

pytestmark = [pytest.mark.pcscd, pytest.mark.xdist_group("pcscd")]

PORT = 35964
WAIT_S = 300
VERIFY_STATUS = bytes.fromhex("00200080")
GET_SERIAL = bytes.fromhex("00F8000000")
CHANGE_PIN = bytes.fromhex("0024008010") + b"73105284" + b"24681012"


@pytest.fixture
def card_path(tmp_path: Path) -> Path:
    path = tmp_path / "card.json"
    create_blank(path, 1, "73105284", "90417263", bytes(range(32)))
    return path


@pytest.fixture
def command(card_path: Path) -> list[str]:
    program = "from simulators.readers.cli import insert; insert()"
    return [
        sys.executable,
        "-c",
        program,
        str(card_path),
        "--vpcd",
        f"127.0.0.1:{PORT}",
        "--wait",
        str(WAIT_S),
    ]


@pytest.fixture(autouse=True)
def _service() -> Iterator[None]:
    with pcscd_service():
        yield


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_the_command_inserts_until_it_is_interrupted(
    command: list[str], card_path: Path, end: signal.Signals
) -> None:
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "inserted\n"
        with pcsc.connect(SLOTS[PORT]) as connection:
            assert connection.atr == ATR
            assert connection.transmit(CHANGE_PIN) == b"\x90\x00"
        process.send_signal(end)
        assert process.wait(WAIT_S) == 0
    with CardFile.open(card_path) as file:
        assert not file.state.piv.pin_is_transport


def test_a_card_pulled_between_commands(card_path: Path) -> None:
    with (
        CardFile.open(card_path) as file,
        insert(SimulatedCard(file), PORT, slot_wait_s=WAIT_S) as slot,
        pcsc.connect(slot.name) as connection,
    ):
        assert connection.transmit(VERIFY_STATUS) == bytes.fromhex("63C3")
        slot.remove()
        with pytest.raises(CardRemovedError):
            connection.transmit(VERIFY_STATUS)


def test_power_cut_in_the_middle_of_a_command(card_path: Path) -> None:
    """The answer is lost, the try is counted, and the card that is put back at once remembers it."""
    with CardFile.open(card_path) as file:
        for tries_left in (2, 1):
            torn = SimulatedCard(file, power_cut_after_writes=1)
            with insert(torn, PORT, slot_wait_s=WAIT_S) as slot, pcsc.connect(slot.name) as connection:
                with pytest.raises(CardRemovedError):
                    connection.transmit(CHANGE_PIN)
                assert slot.wait_ended(WAIT_S)
            assert file.state.piv.pin.tries_left == tries_left
        with (
            insert(SimulatedCard(file), PORT, slot_wait_s=WAIT_S) as slot,
            pcsc.connect(slot.name) as connection,
        ):
            assert connection.transmit(VERIFY_STATUS) == bytes.fromhex("63C1")
            assert connection.transmit(CHANGE_PIN) == b"\x90\x00"


def test_cards_that_follow_each_other_at_once_are_not_taken_for_one(tmp_path: Path) -> None:
    for serial in (1, 2, 3):
        path = tmp_path / f"{serial}.json"
        create_blank(path, serial, "73105284", "90417263", bytes(range(32)))
        with (
            CardFile.open(path) as file,
            insert(SimulatedCard(file), PORT, slot_wait_s=WAIT_S) as slot,
            pcsc.connect(slot.name) as connection,
        ):
            assert connection.transmit(GET_SERIAL) == serial.to_bytes(4, "big") + b"\x90\x00"
