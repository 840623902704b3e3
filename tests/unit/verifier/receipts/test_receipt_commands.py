"""`hoviat verifier receipt` in a home."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hoviat import main
from pki.bootstrap import open_key_store
from pki.home import Home, create
from tests.unit.verifier.receipts.world import World
from verifier import bootstrap
from verifier.receipts.keys import open_receipt_keys


def run(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--home", str(home), "verifier", "receipt", *arguments])


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = create(tmp_path / "home")
    bootstrap.initialise(made)
    return made


def log_in(home: Home, origin: str = "https://portal.example.ir") -> dict[str, Any]:
    """At a verifier with this home's database and keys."""
    store = open_key_store(home)
    world = World(home.database_url("verifier"), open_receipt_keys(store))
    receipt = world.log_in(origin)
    world.close()
    store.close()
    return receipt


def test_verify_with_the_homes_keys_and_with_published_ones(home: Home, tmp_path: Path) -> None:
    file, keys = tmp_path / "receipt.json", tmp_path / "keys.json"
    receipt = log_in(home)
    keys.write_text(run(home.root, "keys").stdout)
    for document in (receipt, {"claims": {}, "receipt": receipt}):
        file.write_text(json.dumps(document))
        assert run(home.root, "verify", str(file)).exit_code == 0
        elsewhere = run(tmp_path / "nowhere", "verify", str(file), "--keys", str(keys), "--json")
        assert json.loads(elsewhere.stdout) == {"ok": True, "code": receipt["code"]}
    file.write_text(json.dumps(receipt | {"policy": "webeid"}))
    changed = run(home.root, "verify", str(file), "--json")
    assert (changed.exit_code, json.loads(changed.stdout)["ok"]) == (1, False)


@pytest.mark.parametrize("content", ["", "[]", "{}", "[" * 5_000, '{"receipt": 5}', '{"code": "x"}', "\x00"])
def test_verify_what_is_no_receipt(home: Home, tmp_path: Path, content: str) -> None:
    file = tmp_path / "file"
    file.write_text(content)
    result = run(home.root, "verify", str(file))
    assert (result.exit_code, result.stdout) == (1, "")
    assert run(home.root, "verify", str(file), "--keys", str(file)).exit_code == 1


def test_roll_over_keeps_what_was_signed_before(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "receipt.json"
    file.write_text(json.dumps(log_in(home)))
    before = json.loads(run(home.root, "keys").stdout)["keys"]
    assert run(home.root, "roll-over", "--operator", "officer-1").exit_code == 0
    after = json.loads(run(home.root, "keys").stdout)["keys"]
    assert (len(before), len(after), after[1]) == (1, 2, before[0])
    assert run(home.root, "verify", str(file)).exit_code == 0
    assert run(home.root, "roll-over", "--operator", "No Label").exit_code == 1
    assert len(json.loads(run(home.root, "keys").stdout)["keys"]) == 2


def test_show_and_purge(home: Home) -> None:
    code = log_in(home, "https://evil.example.ir")["code"]
    asked = ("show", code, "--operator", "desk-7", "--reason", "ticket 812")
    shown = run(home.root, *asked)
    assert shown.exit_code == 0
    for part in (code, "https://portal.example.ir", "signature-invalid", "valid", "7  failed"):
        assert part in shown.stdout
    assert json.loads(run(home.root, *asked, "--json").stdout)["failed_step"] == 7
    for missing in ("0000000000", "nonsense"):
        refused = run(home.root, "show", missing, "--operator", "desk-7", "--reason", "ticket 812")
        assert (refused.exit_code, refused.stdout) == (1, "")
    assert run(home.root, "show", code, "--operator", "desk-7").exit_code == 2
    purged = run(home.root, "purge", "--older-than", "1", "--operator", "desk-7", "--json")
    assert json.loads(purged.stdout)["deleted"] in {0, 1}
    assert run(home.root, "purge", "--older-than", "0", "--operator", "desk-7").exit_code == 2


def test_a_home_keeps_its_first_key(home: Home) -> None:
    first = run(home.root, "keys").stdout
    bootstrap.initialise(home)
    assert run(home.root, "keys").stdout == first
    assert (home.keys / "receipt-g1.pem").stat().st_mode & 0o077 == 0
