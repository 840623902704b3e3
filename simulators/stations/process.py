"""A station's agent as a process, ended by its own pid or killed."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

_STOP_SECONDS = 20
_WAIT_SECONDS = 30
_POLL_SECONDS = 0.02


class StationMissingError(Exception):
    """A station did not come, or did not go, in time."""


@contextmanager
def agent_process(
    server: str,
    directory: Path,
    card: Path | None = None,
    environment: Mapping[str, str] | None = None,
    *,
    quiet: bool = False,
) -> "Iterator[subprocess.Popen[bytes]]":
    """Runs `python -m simulators.stations` until the block ends, if it isn't killed before."""
    options = ["--server", server, "--dir", str(directory)]
    if card is not None:
        options += ["--card", str(card)]
    process = subprocess.Popen(  # noqa: S603 - our own module, our own arguments
        [sys.executable, "-m", "simulators.stations", *options],
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL if quiet else None,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until(condition: Callable[[], bool]) -> None:
    """Raises StationMissingError if it doesn't come to that."""
    pause = threading.Event()
    for _ in range(int(_WAIT_SECONDS / _POLL_SECONDS)):
        if condition():
            return
        pause.wait(_POLL_SECONDS)
    raise StationMissingError("no station in time")


def reader_of(station: str, names: Callable[[], Sequence[str]]) -> str:
    """The station's reader among these names, once it is there. Raises StationMissingError."""
    wait_until(lambda: any(name.startswith(f"{station}/") for name in names()))
    return next(name for name in names() if name.startswith(f"{station}/"))
