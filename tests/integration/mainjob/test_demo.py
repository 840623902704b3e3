"""`hoviat demo`: every step holds, on either stack, in a new home and in a used one."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.integration.mainjob.hoviat_command import hoviat, refuse, succeed

STEPS = ["home", "reader", "services", "enrol", "approve", "blank", "insert", "produce", "deliver", "site"]
STEPS += ["login", "lost", "refused", "station", "audit"]


def _demo(home: Path, reader: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(succeed(home, "demo", "--reader", reader, "--json"))
    assert document["ok"] is True
    assert document["failure"] is None
    assert [step["name"] for step in document["steps"]] == STEPS
    assert all(step["ok"] and step["seconds"] >= 0 for step in document["steps"])
    return {step["name"]: step["detail"] for step in document["steps"]}


def test_two_demos_in_one_home(tmp_path: Path) -> None:
    first, second = (_demo(tmp_path / "home", "in-process") for _ in range(2))
    assert first["home"]["was"] == "made new"
    assert second["home"]["was"] == "there already"
    assert first["produce"]["card"] != second["produce"]["card"]
    assert first["login"]["receipt"] != second["login"]["receipt"]
    assert first["refused"]["reason"] == "The certificate is revoked"


def test_in_a_home_that_was_made_before_there_were_stations(tmp_path: Path) -> None:
    home = tmp_path / "home"
    succeed(home, "init")
    passwords = home / "secrets" / "operators.json"
    known = json.loads(passwords.read_text())
    del known["administrator-1"]
    passwords.write_text(json.dumps(known))
    with closing(sqlite3.connect(home / "issuance.sqlite3")) as registry, registry:
        registry.execute("DELETE FROM operators WHERE username = 'administrator-1'")
    for _ in range(2):
        assert _demo(home, "in-process")["home"]["was"] == "there already"


@pytest.mark.pcscd
@pytest.mark.xdist_group("pcscd")
def test_over_the_real_pcscd(tmp_path: Path) -> None:
    details = _demo(tmp_path / "home", "pcscd")
    assert details["reader"]["kind"] == "pcscd"
    assert details["insert"]["reader"].startswith("Virtual PCD 00 0")


def test_as_a_progress_display(tmp_path: Path) -> None:
    shown = succeed(tmp_path / "home", "demo", "--reader", "in-process", COLUMNS="160")
    assert shown.count("✓") == len(STEPS)
    assert "The next login is refused, and says why" in shown


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("mine")
    result = hoviat(tmp_path, "demo", "--json")
    assert result.returncode == 1
    document = json.loads(result.stdout)
    assert document["ok"] is False
    assert "is not empty" in document["failure"]
    assert [path.name for path in tmp_path.iterdir()] == ["letters.txt"]


def test_a_home_whose_passphrase_is_wrong_is_told(tmp_path: Path) -> None:
    home = tmp_path / "home"
    succeed(home, "init")
    message = refuse(home, "serve", "--port", "0", HOVIAT_PASSPHRASE="not the one")
    assert "passphrase" in message
