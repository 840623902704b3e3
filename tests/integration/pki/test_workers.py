"""Worker processes that end, and the parent that replaces them."""

import subprocess
import sys
from pathlib import Path

ENDING = """
import os, sys
from pathlib import Path
from pki.workers import ServiceStoppedError, Work, supervise

def run(path):
    with Path(path).open("a") as log:
        log.write(Path("/proc/self/comm").read_text())
    os._exit(3)

if __name__ == "__main__":
    try:
        supervise([Work("broken", run, (sys.argv[1],))])
    except ServiceStoppedError as error:
        sys.exit(str(error))
"""


def test_a_worker_that_cannot_stay_up_is_tried_again_and_then_stops_the_service(tmp_path: Path) -> None:
    script = tmp_path / "ending.py"
    script.write_text(ENDING)
    log = tmp_path / "log"
    command = [sys.executable, str(script), str(log)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1, done.stderr
    assert "broken can't stay up: it ends with 3" in done.stderr
    assert len(log.read_text().splitlines()) == 3
