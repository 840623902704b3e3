"""The `hoviat` command, run as people run it: in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

TIMEOUT_S = 600


def hoviat(home: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs to its end; the caller judges the exit status."""
    return subprocess.run(
        command(home, *arguments),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        env={**os.environ, **environment},
        check=False,
    )


def command(home: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "hoviat", "--home", str(home), *arguments]


def succeed(home: Path, *arguments: str, **environment: str) -> str:
    """Standard output of a run that must succeed."""
    result = hoviat(home, *arguments, **environment)
    assert result.returncode == 0, f"hoviat {arguments} exited with {result.returncode}:\n{result.stderr}"
    return result.stdout


def refuse(home: Path, *arguments: str, **environment: str) -> str:
    """Standard error of a run that must fail: in words, no traceback, nothing on standard output."""
    result = hoviat(home, *arguments, **environment)
    assert result.returncode != 0, f"hoviat {arguments} succeeded:\n{result.stdout}"
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    return result.stderr


def json_lines(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]
