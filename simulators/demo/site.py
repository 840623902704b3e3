"""The sample e-service, started as a process of its own."""

import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_START_SECONDS = 30
_STOP_SECONDS = 10
_POLL_SECONDS = 0.05


class SiteStartError(Exception):
    """The sample site ended before it answered."""


@dataclass(frozen=True)
class Site:
    """A running sample site."""

    origin: str
    cafile: Path
    pid: int


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def running_site(port: int, verifier_url: str, api_key: str) -> Iterator[Site]:
    """Starts `python -m simulators.eservice` on https://localhost:`port`; ends it by its own pid."""
    with tempfile.TemporaryDirectory(prefix="hoviat-site-") as folder:
        options = ["--port", str(port), "--verifier", verifier_url, "--tls-dir", folder]
        process = subprocess.Popen(  # noqa: S603 - our own module, our own arguments
            [sys.executable, "-m", "simulators.eservice", *options],
            env={**os.environ, "HOVIAT_SITE_KEY": api_key},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        try:
            _wait_answering(process, port)
            yield Site(f"https://localhost:{port}", Path(folder) / "cert.pem", process.pid)
        finally:
            process.terminate()
            try:
                process.communicate(timeout=_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()


def _wait_answering(process: "subprocess.Popen[bytes]", port: int) -> None:
    pause = threading.Event()
    for _ in range(int(_START_SECONDS / _POLL_SECONDS)):
        if process.poll() is not None:
            detail = process.stderr.read().decode(errors="replace") if process.stderr else ""
            raise SiteStartError(f"the sample site ended with {process.returncode}: {detail.strip()[-400:]}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            pause.wait(_POLL_SECONDS)
        else:
            return
    raise SiteStartError(f"the sample site did not answer within {_START_SECONDS} s")
