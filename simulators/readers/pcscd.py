"""The PC/SC daemon that a test, a demo or a simulated card needs: the running one, or one of our own."""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from cardio.transport import pcsc
from simulators.readers.errors import PcscdUnavailableError

START_TIMEOUT_S = 15.0
STOP_TIMEOUT_S = 10.0
_POLL_SECONDS = 0.05
_SYSTEM_FOLDERS = ("/usr/sbin", "/sbin")  # not on everybody's PATH
_HINT = "install the packages pcscd and vsmartcard-vpcd"


@contextmanager
def pcscd_service(
    command: Sequence[str] | None = None, answers: Callable[[], bool] = pcsc.service_answers
) -> Iterator[None]:
    """Makes sure that a PC/SC service answers inside the block.

    A running one is used and left alone. Otherwise `command` (by default `pcscd --foreground`) is started,
    awaited until `answers` says yes, and ended by its own process id.

    :raises PcscdUnavailableError: with the cause
    """
    if answers():
        yield
        return
    process = _start(command or _default_command())
    try:
        _wait_until(answers, process)
        yield
    finally:
        _stop(process)


def _default_command() -> list[str]:
    program = shutil.which("pcscd") or next(
        (found for folder in _SYSTEM_FOLDERS if (found := shutil.which("pcscd", path=folder))), None
    )
    if program is None:
        raise PcscdUnavailableError(f"pcscd is not installed; {_HINT}")
    return [program, "--foreground"]


def _start(command: Sequence[str]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
    except OSError as error:
        raise PcscdUnavailableError(f"{command[0]}: {error.strerror}; {_HINT}") from None


def _wait_until(answers: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Returns once a service answers; another process may have started it at the same moment."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while not answers():
        status = process.poll()
        if status is not None and not answers():
            raise PcscdUnavailableError(f"pcscd ended at once with status {status}")
        if time.monotonic() >= deadline:
            raise PcscdUnavailableError(f"pcscd did not answer within {START_TIMEOUT_S:g} s")
        time.sleep(_POLL_SECONDS)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
