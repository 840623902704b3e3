"""A server in a process of its own, on loopback, ended by its own pid."""

import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

_START_SECONDS = 30
_STOP_SECONDS = 10
_POLL_SECONDS = 0.05
_SHOWN_OUTPUT = 400  # characters of a failed server's last words


class ServerStartError(Exception):
    """The server ended before it answered, or did not answer in time."""


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def python_process(
    arguments: Sequence[str], port: int, environment: Mapping[str, str] | None = None
) -> Iterator[int]:
    """Runs `python ARGUMENTS` until the block ends; yields its pid once `port` accepts connections.

    :raises ServerStartError: with the process's last words
    """
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(  # noqa: S603 - our own modules, our own arguments
            [sys.executable, *arguments],
            env={**os.environ, **(environment or {})},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            if not _wait_answering(process, port):
                output.seek(0)
                words = output.read().decode(errors="replace").strip()[-_SHOWN_OUTPUT:]
                raise ServerStartError(f"{arguments[1]} does not answer on port {port}: {words}")
            yield process.pid
        finally:
            _end(process)


def _wait_answering(process: "subprocess.Popen[bytes]", port: int) -> bool:
    pause = threading.Event()
    for _ in range(int(_START_SECONDS / _POLL_SECONDS)):
        if process.poll() is not None:
            return False
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            pause.wait(_POLL_SECONDS)
        else:
            return True
    return False


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
