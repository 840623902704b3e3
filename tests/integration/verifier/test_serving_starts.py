"""`hoviat verifier serve` and `hoviat serve` over what is not as it should be.

What nothing works without is refused at the start: the cause in one line, no traceback, exit 1. What concerns
some is told on the log, in /healthz and in the metrics, and the others log in.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from pki.auditchain import append
from pki.home import load
from simulators.installation.services import initialise
from tests.integration.verifier.logins import until
from verifier.audit import AuditEntry
from verifier.bootstrap import open_database, open_registry

pytestmark = pytest.mark.slow

COMMANDS = {"verifier serve": ("verifier", "serve", "--workers", "1"), "serve": ("serve",)}
commands = pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
_SECONDS = 60


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return initialise(tmp_path_factory.mktemp("founded") / "home").root


@pytest.fixture
def root(founded: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(founded, tmp_path / "home"))


def _arguments(root: Path, command: tuple[str, ...]) -> list[str]:
    return [sys.executable, "-m", "hoviat", "--home", str(root), *command, "--port", "0"]


def _refused(root: Path, command: tuple[str, ...], **environment: str) -> str:
    """What it says when it refuses to start."""
    done = subprocess.run(
        _arguments(root, command),
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


@dataclass(frozen=True)
class Served:
    """One that did start."""

    url: str
    log: Path

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"{self.url}{path}", trust_env=False, timeout=_SECONDS)


@contextmanager
def _serving(root: Path, command: tuple[str, ...]) -> Iterator[Served]:
    log = root.parent / "log"
    with log.open("w") as sink:
        process = subprocess.Popen(_arguments(root, command), stdout=subprocess.DEVNULL, stderr=sink)
    try:
        until(lambda: "serving http" in log.read_text() or process.poll() is not None)
        [line] = [line for line in log.read_text().splitlines() if line.startswith("serving http")]
        url = "/".join(line.split()[1].split("/")[:3])
        yield Served(f"{url}/verifier", log)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(_SECONDS)


@commands
def test_a_database_that_can_not_be_reached(root: Path, command: tuple[str, ...]) -> None:
    url = "postgresql+psycopg://somebody:secret@127.0.0.1:1/verifier"
    said = _refused(root, command, HOVIAT_VERIFIER_DATABASE=url)
    assert "the database failed" in said
    assert "Connection refused" in said
    assert "secret" not in said


@commands
def test_a_home_that_is_none(tmp_path: Path, command: tuple[str, ...]) -> None:
    assert "hoviat init" in _refused(tmp_path, command)


@commands
def test_settings_and_anchors_that_can_not_be_used_are_told_and_stop_nobody(
    root: Path, command: tuple[str, ...]
) -> None:
    (root / "verifier.toml").write_text("[status")
    (root / "anchors" / "login" / "pinned").mkdir(parents=True)
    (root / "anchors" / "login" / "broken.pem").write_text("no certificate")
    (root / "anchors" / "login" / "pinned" / "broken.der").write_bytes(b"\x30\x00")
    with _serving(root, command) as served:
        assert served.get("/healthz").json() == {"status": "degraded", "degraded": ["anchors", "settings"]}
        page = served.get("/metrics").text
        assert "hoviat_verifier_anchors_unusable 2\n" in page
        assert "hoviat_verifier_settings_unusable 1\n" in page
        said = served.log.read_text()
        assert "webeid/broken.pem" in said
        assert "webeid/pinned/broken.der" in said
        assert "verifier.toml: is no TOML" in said
        (root / "verifier.toml").unlink()
        shutil.rmtree(root / "anchors")
        until(lambda: served.get("/healthz").json() == {"status": "ok"})


@commands
def test_a_site_of_an_unknown_policy_is_told_and_stops_nobody(root: Path, command: tuple[str, ...]) -> None:
    registry, database = open_registry(load(root))
    registry.register_site("odd", "https://odd.example.ir")
    with database.write() as session:
        session.execute(text("UPDATE sites SET policy = 'elsewhere' WHERE name = 'odd'"))
    database.close()
    with _serving(root, command) as served:
        assert served.get("/healthz").json() == {"status": "degraded", "degraded": ["sites"]}
        assert "hoviat_verifier_sites_without_policy 1\n" in served.get("/metrics").text
        assert "no login at site 'odd' is accepted" in served.log.read_text()


@commands
def test_a_clock_behind_the_record_is_told_and_nobody_logs_in(root: Path, command: tuple[str, ...]) -> None:
    registry, database = open_registry(load(root))
    key = registry.register_site("first", "https://first.example.ir").api_key
    database.close()
    database = open_database(load(root))
    with database.write() as session:
        later = datetime.now(UTC) + timedelta(hours=1)
        append(session, AuditEntry, time=later, actor="a", action="site.look", subject="s")
    database.close()
    with _serving(root, command) as served:
        assert served.get("/healthz").json() == {"status": "degraded", "degraded": ["clock"]}
        page = served.get("/metrics").text
        assert "hoviat_verifier_clock_behind_seconds " in page
        assert "hoviat_verifier_clock_behind_seconds 0\n" not in page
        assert "the clock is behind what is on record" in served.log.read_text()
        headers = {"Authorization": f"Bearer {key}"}
        refused = httpx.post(f"{served.url}/v1/challenges", json={}, headers=headers, trust_env=False)
        assert refused.status_code == 503
        assert refused.json()["type"].endswith(":clock-behind")
