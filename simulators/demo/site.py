"""The sample e-service, started as a process of its own."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from simulators.process import python_process


@dataclass(frozen=True)
class Site:
    """A running sample site."""

    origin: str
    cafile: Path
    """The certificate it made for itself, for its visitors to trust."""
    pid: int


@contextmanager
def running_site(port: int, verifier_url: str, api_key: str) -> Iterator[Site]:
    """Runs the sample site on https://localhost:`port` until the block ends."""
    with tempfile.TemporaryDirectory(prefix="hoviat-site-") as folder:
        options = ["--port", str(port), "--verifier", verifier_url, "--tls-dir", folder]
        command = ["-m", "simulators.eservice", *options]
        with python_process(command, port, {"HOVIAT_SITE_KEY": api_key}) as pid:
            yield Site(f"https://localhost:{port}", Path(folder) / "cert.pem", pid)
