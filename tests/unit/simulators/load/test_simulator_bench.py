"""`bench simulator` where pcscd, its reader or its slot can't be had: a word on stderr, the other lines."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import pytest
from click.testing import CliRunner

from cardio.transport.base import ReaderBusyError, ReaderUnavailableError
from simulators.load import simulator
from simulators.load.cli import bench
from simulators.load.result import Result
from simulators.readers.errors import (
    CardNotSeenError,
    PcscdUnavailableError,
    SlotBusyError,
    SlotUnavailableError,
)
from simulators.readers.vpcd import DEFAULT_PORT, LOOPBACK, SLOTS, Card

READER = SLOTS[DEFAULT_PORT]
Service = Callable[[], AbstractContextManager[None]]


@contextmanager
def absent_service() -> Iterator[None]:
    raise PcscdUnavailableError("pcscd is not installed")
    yield


def failing_with(error: Exception) -> type:
    class FailingSlot:
        name = READER

        def __init__(self, _port: int) -> None:
            pass

        def insert(self, _card: Card) -> None:
            raise error

    return FailingSlot


def measured(patch: pytest.MonkeyPatch, service: Service, slot: type) -> list[Result]:
    patch.setattr(simulator, "pcscd_service", service)
    patch.setattr(simulator, "VpcdSlot", slot)
    return list(simulator.measure(apdus=10, cards=1))


@pytest.mark.parametrize(
    "error",
    [
        SlotBusyError(LOOPBACK, DEFAULT_PORT, "another process keeps a card in it"),
        SlotUnavailableError(LOOPBACK, DEFAULT_PORT, "Connection refused"),
        CardNotSeenError(READER, 20.0),
        ReaderUnavailableError(READER, "no such reader"),
        ReaderBusyError(READER, "another program holds the card exclusively"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_slot_that_can_t_be_had(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(measured(monkeypatch, nullcontext, failing_with(error))) == 2
    assert capsys.readouterr().err == f"not measured: pcscd and vpcd: {error}\n"


def test_no_pcscd(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(measured(monkeypatch, absent_service, failing_with(AssertionError()))) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "not measured: pcscd and vpcd: no PC/SC service: pcscd is not installed"


def test_the_command_ends_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulator, "pcscd_service", absent_service)
    monkeypatch.setattr(simulator, "_in_process", lambda _apdus: iter(()))
    monkeypatch.setattr(simulator, "_personalised", lambda _cards: iter(()))
    result = CliRunner().invoke(bench, ["simulator", "--quick"])
    assert (result.exit_code, result.stdout) == (0, "")
    assert "not measured: pcscd and vpcd" in result.stderr


def test_behind_pcscd_the_goal_is_a_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    rates = iter((2_500.0, 3_000.0))
    monkeypatch.setattr(simulator, "_rate_in_slot", lambda _card, _apdus: next(rates))
    monkeypatch.setattr(simulator, "pcscd_service", nullcontext)
    (line,) = simulator._behind_pcscd(10)
    assert (line.goal, line.goal_is_figure, line.goal_met) == (2_000.0, True, True)
