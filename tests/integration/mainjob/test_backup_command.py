"""`hoviat backup`, `restore`, `registry reconcile` as an administrator runs them; a backup that is killed."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pki.home import load
from simulators.installation.backup.making import MAGIC
from tests.integration.issuance.office import initialise as make_home
from tests.integration.issuance.office import open_office
from tests.integration.mainjob.hoviat_command import command, refuse, succeed
from verifier.bootstrap import initialise as make_verifier

PASSPHRASE = {"HOVIAT_BACKUP_PASSPHRASE": "correct horse battery staple"}
OFFICERS = ("--officer", "officer-one", "--officer", "officer-two", "--note", "a drill")


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with an order that waits."""
    folder = tmp_path_factory.mktemp("founded")
    make_home(folder / "template")
    make_verifier(load(folder / "template"))
    with open_office(folder, folder / "template") as office:
        office.approved(0)
        return office.home.root


@pytest.fixture
def home(founded: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(founded, tmp_path / "home"))


@pytest.fixture(scope="module")
def whole(founded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("whole") / "set"
    told = json.loads(succeed(founded, "backup", "--encrypt", "--json", str(target), **PASSPHRASE))
    assert told["file"] == str(target)
    return target


def test_lost_brought_back_and_reconciled(whole: Path, tmp_path: Path) -> None:
    back = tmp_path / "back"
    told = json.loads(succeed(back, "restore", "--json", str(whole), *OFFICERS, **PASSPHRASE))
    assert (told["orders_held"], told["runs_torn"]) == (1, 0)
    password = json.loads((back / "secrets" / "operators.json").read_text())
    supervisor = {"HOVIAT_OPERATOR_PASSWORD": password["supervisor-1"]}
    clerk = {"HOVIAT_OPERATOR_PASSWORD": password["clerk-1"]}
    (held,) = succeed(
        back, "registry", "reconcile", "list", "--operator", "supervisor-1", **supervisor
    ).splitlines()
    application = held.split()[0]
    release = ("registry", "reconcile", "release", application, "--found", "not_made", "--operator")
    assert "supervisor" in refuse(back, *release, "clerk-1", **clerk)
    assert "in the queue again" in succeed(back, *release, "supervisor-1", **supervisor)
    assert refuse(back, *release, "supervisor-1", **supervisor)
    succeed(back, "pki", "audit", "verify")


def test_checking_brings_nothing_back(whole: Path, tmp_path: Path) -> None:
    told = json.loads(succeed(tmp_path / "back", "restore", "--check", "--json", str(whole), **PASSPHRASE))
    assert told["whole"] is True
    assert not (tmp_path / "back").exists()


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (OFFICERS[:2], PASSPHRASE),
        (OFFICERS, {"HOVIAT_BACKUP_PASSPHRASE": "another"}),
        (OFFICERS, {"HOVIAT_BACKUP_PASSPHRASE": ""}),
        ((*OFFICERS, "--key", "NOTHING"), PASSPHRASE),
        ((*OFFICERS, "--key", "BINARY"), PASSPHRASE),
    ],
)
def test_refusals_are_told_and_leave_nothing(
    whole: Path, tmp_path: Path, arguments: tuple[str, ...], environment: dict[str, str]
) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "binary").write_bytes(os.urandom(64) + b"\xff")
    files = {"NOTHING": str(tmp_path / "empty"), "BINARY": str(tmp_path / "binary")}
    given = [files.get(each, each) for each in arguments]
    assert refuse(tmp_path / "back", "restore", str(whole), *given, **environment)
    assert not (tmp_path / "back").exists()


def test_a_target_that_is_there_stays(home: Path, tmp_path: Path) -> None:
    (tmp_path / "set").write_text("mine")
    assert "is there already" in refuse(home, "backup", str(tmp_path / "set"))
    assert (tmp_path / "set").read_text() == "mine"
    assert "can't be written" in refuse(home, "backup", str(tmp_path / "nowhere" / "set"))


def snapshot_is_there(home: Path, _: Path) -> bool:
    return any(home.glob(".backup-*/*"))


def output_grows(_: Path, target: Path) -> bool:
    return any(path.stat().st_size > len(MAGIC) for path in target.parent.glob(".set.*.part"))


def killed_in_time(home: Path, target: Path, moment: Callable[[Path, Path], bool]) -> bool:
    """Kills a backup at that moment; False if it was quicker, and is taken away again."""
    with subprocess.Popen(command(home, "backup", str(target)), stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and not moment(home, target):
            pass  # it may be there for a millisecond alone
        process.kill()
    target.unlink(missing_ok=True)
    return process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("moment", [snapshot_is_there, output_grows])
def test_a_killed_backup_leaves_no_set_and_the_next_one_clears_up(
    home: Path, tmp_path: Path, moment: Callable[[Path, Path], bool]
) -> None:
    (tmp_path / "out").mkdir()
    target = tmp_path / "out" / "set"
    assert any(killed_in_time(home, target, moment) for _ in range(20))
    assert not target.exists()
    torn = next((tmp_path / "out").glob(".set.*.part"))
    assert torn.stat().st_mode & 0o077 == 0
    assert refuse(tmp_path / "back", "restore", "--check", str(torn))
    succeed(home, "backup", str(target))
    assert not list(home.glob(".backup-*"))
    succeed(tmp_path / "back", "restore", "--check", str(target))


def test_one_backup_at_a_time(home: Path, tmp_path: Path) -> None:
    with (home / ".backup.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "another backup" in refuse(home, "backup", str(tmp_path / "set"))
    assert [path.name for path in tmp_path.iterdir()] == ["home"]
