"""A station's agent as a process, ended by its own pid or killed."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_STOP_SECONDS = 20


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
