"""Tests' files in memory, where there is enough of it.

Registries, authorities and simulated cards sync every commit, a hundred times for one card: on a disk that
is a third of the processor time and half of the waiting. A file in memory outlives any process that is
killed, as one on a disk does. What it does not outlive is a power cut, and no test can make one.
"""

import os
import tempfile
from pathlib import Path

_MEMORY = Path("/dev/shm")  # noqa: S108 - pytest makes a folder of the user's own there
_ROOM = 4 * 1024**3
"""As much must be free in it, and twice as much in the machine."""
_SETTING = "TMPDIR"


def use_memory() -> None:
    """Puts temporary files of this process and of those that it starts there; the caller's TMPDIR stays."""
    if _SETTING in os.environ or not _is_fit():
        return
    os.environ[_SETTING] = tempfile.tempdir = str(_MEMORY)


def _is_fit() -> bool:
    try:
        disk = os.statvfs(_MEMORY)
    except OSError:
        return False
    executable = not disk.f_flag & os.ST_NOEXEC
    return executable and disk.f_bavail * disk.f_frsize >= _ROOM and _available_bytes() >= 2 * _ROOM


def _available_bytes() -> int:
    """Of memory, as Linux tells it; elsewhere none."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return 0
    told = dict(line.split(":", 1) for line in lines)
    return int(told["MemAvailable"].split()[0]) * 1024
