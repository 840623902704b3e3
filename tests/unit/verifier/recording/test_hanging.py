"""A process whose work does not come back ends, and one whose work does goes on."""

import signal
import subprocess
import sys

_PROGRAM = """
import hashlib, signal, sys
from verifier.recording.hanging import ending_when_hung

def work(works):
    if works == ["hang"]:
        print("begun", flush=True)
        signal.pause()
    if works == ["hang under the interpreter's lock"]:
        print("begun", flush=True)
        pow(3, 1 << 400_000_000, 1 << 80_000_001 | 1)
    if works == ["fail"]:
        raise ValueError
    return list(works)

bounded = ending_when_hung(work, 0.2)
for _ in range(3):
    assert bounded([1, 2]) == [1, 2]
try:
    bounded(["fail"])
except ValueError:
    pass
assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
if len(sys.argv) > 1:
    bounded([sys.argv[1]])
print("ended")
"""


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", _PROGRAM, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_what_comes_back_stops_the_clock() -> None:
    assert (_run().returncode, _run().stdout) == (0, "ended\n")


def test_what_hangs_ends_with_its_process() -> None:
    done = _run("hang")
    assert (done.returncode, done.stdout) == (-signal.SIGALRM, "begun\n")


def test_not_even_the_interpreters_lock_keeps_it() -> None:
    done = _run("hang under the interpreter's lock")
    assert (done.returncode, done.stdout) == (-signal.SIGALRM, "begun\n")
