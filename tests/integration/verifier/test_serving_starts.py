"""`hoviat verifier serve` where it can't start: the cause in one line, no traceback, exit 1."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from simulators.installation.services import initialise

pytestmark = pytest.mark.slow


def _serve(root: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "hoviat", "--home", str(root), "verifier", "serve", "--port", "0"]
    return subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_database_that_can_not_be_reached(tmp_path: Path) -> None:
    initialise(tmp_path / "home")
    url = "postgresql+psycopg://somebody:secret@127.0.0.1:1/verifier"
    done = _serve(tmp_path / "home", HOVIAT_VERIFIER_DATABASE=url)
    assert done.returncode == 1
    assert "the database failed" in done.stderr
    assert "Connection refused" in done.stderr
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr


def test_a_home_that_is_none(tmp_path: Path) -> None:
    done = _serve(tmp_path)
    assert done.returncode == 1
    assert "hoviat init" in done.stderr
    assert "Traceback" not in done.stderr
