import shutil
import sys
from pathlib import Path

import pytest

from simulators.readers import pcscd
from simulators.readers.errors import PcscdUnavailableError
from simulators.readers.pcscd import pcscd_service

# A daemon that says that it is up by making a file, and says that it was asked to end by making another.
DAEMON = """
import pathlib, signal, sys
up, ended = map(pathlib.Path, sys.argv[1:])
def end(*_):
    ended.touch()
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
up.touch()
signal.pause()
"""


def test_a_running_service_is_used_and_left_alone(tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    command = [sys.executable, "-c", f"open({str(touched)!r}, 'w')"]
    with pcscd_service(command, answers=lambda: True):
        pass
    assert not touched.exists()


def test_without_one_it_is_started_awaited_and_ended(tmp_path: Path) -> None:
    up, ended = tmp_path / "up", tmp_path / "ended"
    with pcscd_service([sys.executable, "-c", DAEMON, str(up), str(ended)], answers=up.exists):
        assert up.exists()
        assert not ended.exists()
    assert ended.exists()


def test_it_is_ended_after_a_failure_too(tmp_path: Path) -> None:
    up, ended = tmp_path / "up", tmp_path / "ended"
    command = [sys.executable, "-c", DAEMON, str(up), str(ended)]
    with pytest.raises(KeyError), pcscd_service(command, answers=up.exists):
        raise KeyError
    assert ended.exists()


@pytest.mark.parametrize(
    ("command", "cause"),
    [
        (["/nonexistent/pcscd"], "No such file"),
        ([sys.executable, "-c", "raise SystemExit(3)"], "status 3"),
    ],
)
def test_the_cause_is_told(command: list[str], cause: str) -> None:
    with pytest.raises(PcscdUnavailableError, match=cause), pcscd_service(command, answers=lambda: False):
        pytest.fail("the block ran without a service")


def test_a_service_that_never_answers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pcscd, "START_TIMEOUT_S", 0.0)
    command = [sys.executable, "-c", DAEMON, str(tmp_path / "up"), str(tmp_path / "ended")]
    with (
        pytest.raises(PcscdUnavailableError, match="did not answer"),
        pcscd_service(command, answers=lambda: False),
    ):
        pytest.fail("the block ran without a service")


def test_an_absent_program_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_args, **_kwargs: None)
    with pytest.raises(PcscdUnavailableError, match="not installed"), pcscd_service(answers=lambda: False):
        pytest.fail("the block ran without a service")
