"""A pcscd of a test's own beside the machine's: its own folder, its own virtual readers, killed at will.

Where pcscd has its socket is compiled in. In a mount namespace of its own that path leads to a folder of the
test; clients find the socket there by the environment.
"""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from simulators.process import free_port
from tests.waiting import wait_for

_SOCKET_VARIABLE = "PCSCLITE_CSOCK_NAME"
_DRIVER = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so"
_IN_THE_NAMESPACE = (
    'mount -t tmpfs none /run && mkdir /run/pcscd && mount --bind "$0" /run/pcscd'
    ' && exec pcscd --foreground --config "$1"'
)
READER = "Own PCD 00 00"


class OwnPcscd:
    """The daemon; one slot, at TCP port `port` of loopback."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._configuration = folder / "pcscd", folder / "readers"
        self._folder.mkdir()
        self._configuration.mkdir()
        self.port = free_port()
        (self._configuration / "vpcd").write_text(
            f'FRIENDLYNAME "Own PCD"\nDEVICENAME /dev/null:{self.port:#06x}\n'
            f"LIBPATH {_DRIVER}\nCHANNELID {self.port:#06x}\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> Mapping[str, str]:
        """By which a client finds it."""
        return {_SOCKET_VARIABLE: str(self._folder / "pcscd.comm")}

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        for left in self._folder.iterdir():
            left.unlink()  # a killed one leaves its socket and its number
        command = ["sh", "-c", _IN_THE_NAMESPACE, str(self._folder), str(self._configuration)]
        self._process = subprocess.Popen(
            [*_unshare(), *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_for(lambda: not self.runs or (self._folder / "pcscd.comm").exists())
        assert self.runs, "pcscd ended at once"

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


def _unshare() -> list[str]:
    """As root, or as root of a user namespace of one's own."""
    return ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]


def can_run() -> bool:
    """Whether this machine lets us have mount namespaces, and has the driver."""
    tried = subprocess.run(
        [*_unshare(), "mount", "-t", "tmpfs", "none", "/run"], capture_output=True, check=False
    )
    return tried.returncode == 0 and Path(_DRIVER).exists()


@contextmanager
def own_pcscd(folder: Path) -> Iterator[OwnPcscd]:
    """A running one, ended with the block; skips the test where none can be had."""
    if not can_run():
        pytest.skip("no mount namespaces here, or no vpcd: pcscd can't be killed without harm to others")
    daemon = OwnPcscd(folder)
    daemon.start()
    try:
        yield daemon
    finally:
        daemon.kill()
