"""`hoviat sim insert`: every bad input has an error that names its cause."""

import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from simulators.card.blank import create_blank
from simulators.card.file import CardFile
from simulators.readers import pcscd
from simulators.readers.cli import insert
from simulators.readers.slotlock import SlotLock

Insert = Callable[..., Result]


@pytest.fixture
def card(tmp_path: Path) -> Path:
    path = tmp_path / "card.json"
    create_blank(path, 1, "73105284", "90417263", bytes(range(32)))
    return path


@pytest.fixture
def port() -> Iterator[int]:
    """A port where nobody listens."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Insert:
    def service() -> AbstractContextManager[None]:
        return nullcontext()

    monkeypatch.setattr(pcscd, "pcscd_service", service)
    return lambda *arguments: CliRunner().invoke(insert, [str(argument) for argument in arguments])


def test_a_missing_file(run: Insert, tmp_path: Path) -> None:
    result = run(tmp_path / "absent.json")
    assert result.exit_code == 1
    assert "absent.json: No such file" in result.stderr


def test_a_corrupt_file(run: Insert, card: Path) -> None:
    card.write_bytes(b"{}")
    result = run(card)
    assert result.exit_code == 1
    assert "not a usable card file" in result.stderr
    assert card.read_bytes() == b"{}"


def test_a_card_in_use(run: Insert, card: Path) -> None:
    with CardFile.open(card):
        result = run(card)
    assert result.exit_code == 1
    assert "another process runs this card" in result.stderr


def test_a_slot_where_nobody_listens(run: Insert, card: Path, port: int) -> None:
    result = run(card, "--vpcd", f"127.0.0.1:{port}")
    assert result.exit_code == 1
    assert f"127.0.0.1:{port}: Connection refused" in result.stderr
    assert result.stdout == ""


def test_a_busy_slot(run: Insert, card: Path, port: int) -> None:
    with SlotLock("127.0.0.1", port) as lock:
        lock.acquire(0)
        result = run(card, "--vpcd", f"127.0.0.1:{port}")
    assert result.exit_code == 1
    assert "another process keeps a card in it" in result.stderr


@pytest.mark.parametrize("address", ["", "35963", "127.0.0.1:", ":1", "127.0.0.1:x", "127.0.0.1:65536"])
def test_an_impossible_address(run: Insert, card: Path, address: str) -> None:
    result = run(card, "--vpcd", address)
    assert result.exit_code == 2
    assert "HOST:PORT" in result.stderr
