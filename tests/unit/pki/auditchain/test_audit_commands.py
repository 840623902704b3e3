"""`hoviat pki audit`: what an auditor types, with the home and without."""

import base64
import json
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pki.auditchain.appendonly import unprotected
from pki.home import Home, load

Run = Callable[..., Result]


@pytest.fixture
def key_file(run: Run, tmp_path: Path) -> str:
    return write(tmp_path / "key.pem", run("audit", "key").stdout)


def write(path: Path, text: str) -> str:
    path.write_text(text, "utf-8")
    return str(path)


def data_of(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def tamper(home: Home, statement: str) -> None:
    connection = sqlite3.connect(home.root / "pki.sqlite3")
    with connection:
        for table in ("audit", "audit_nodes", "audit_checkpoints"):
            for removal in unprotected("sqlite", table):
                connection.execute(removal)
        connection.execute(statement)
    connection.close()


def test_checkpoints_are_made_and_checked(run: Run, tmp_path: Path, key_file: str) -> None:
    first = run("audit", "checkpoint")
    assert first.stdout.startswith("127.0.0.1:8080/pki/audit\n")
    noted = write(tmp_path / "first", first.stdout)
    run("crl", "card-g1")
    second = data_of(run("audit", "checkpoint", "--json"))
    assert second["size"] == int(first.stdout.splitlines()[1]) + 1
    checked = data_of(run("audit", "verify", "--checkpoint", noted, "--key", key_file, "--json"))
    assert (checked["entries"], checked["covered"], checked["checkpoints"]) == (second["size"],) * 2 + (2,)
    assert checked["root"] == second["root"]


def test_the_same_state_has_one_checkpoint(run: Run) -> None:
    assert run("audit", "checkpoint").stdout == run("audit", "checkpoint").stdout


def test_the_key_is_printed_with_its_line_for_monitors(run: Run) -> None:
    told = data_of(run("audit", "key", "--json"))
    assert told["verifier_key"].startswith("127.0.0.1:8080/pki/audit+")
    assert told["pem"] == run("audit", "key").stdout


@pytest.mark.parametrize("arguments", [["2"], ["--consistency", "2"]], ids=["inclusion", "consistency"])
def test_proofs_are_checked_without_a_home(
    run: Run, tmp_path: Path, key_file: str, arguments: list[str]
) -> None:
    run("audit", "checkpoint")
    proof = write(tmp_path / "proof.json", run("audit", "prove", *arguments).stdout)
    nowhere = tmp_path / "nowhere"
    checked = data_of(run("audit", "verify", "--proof", proof, "--key", key_file, "--json", where=nowhere))
    assert checked["origin"] == "127.0.0.1:8080/pki/audit"
    assert not nowhere.exists()


def test_a_consistency_proof_is_held_against_a_noted_checkpoint(
    run: Run, tmp_path: Path, key_file: str
) -> None:
    noted = run("audit", "checkpoint").stdout
    size = noted.splitlines()[1]
    run("crl")
    newer = run("audit", "checkpoint").stdout
    proof = write(tmp_path / "proof.json", run("audit", "prove", "--consistency", size).stdout)
    options = ["audit", "verify", "--proof", proof, "--key", key_file, "--checkpoint"]
    assert (
        f"those of the checkpoint signed over {size}"
        in run(*options, write(tmp_path / "noted", noted)).stdout
    )
    refused = run(*options, write(tmp_path / "newer", newer))
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "another record" in refused.stderr


def test_a_changed_proof_is_refused(run: Run, tmp_path: Path, key_file: str) -> None:
    run("audit", "checkpoint")
    proof = run("audit", "prove", "2").stdout.replace('"actor": "init"', '"actor": "nobody"')
    assert "nobody" in proof
    refused = run("audit", "verify", "--proof", write(tmp_path / "p", proof), "--key", key_file)
    assert refused.exit_code == 1
    assert "does not lead to the root" in refused.stderr


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE audit SET actor = 'nobody' WHERE sequence = 2", "audit entry 2: was changed"),
        ("DELETE FROM audit WHERE sequence = 3", "audit entry 3: is missing"),
        ("DELETE FROM audit WHERE sequence > 4", "audit entry 5: is missing: the log was cut off"),
        ("UPDATE audit_checkpoints SET note = ''", "was changed"),
    ],
)
def test_tampering_is_told(run: Run, home: Home, statement: str, told: str) -> None:
    run("audit", "checkpoint")
    tamper(home, statement)
    refused = run("audit", "verify")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert told in refused.stderr


def cut(home: Home) -> None:
    """Everything after entry 4 leaves every table that tells of it."""
    tamper(home, "DELETE FROM audit WHERE sequence > 4")
    connection = sqlite3.connect(home.root / "pki.sqlite3")
    with connection:
        for table in ("audit_checkpoints", "audit_nodes"):
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names
    connection.close()


def test_a_log_cut_with_its_checkpoints_is_told_and_not_signed(run: Run, home: Home) -> None:
    size = data_of(run("audit", "checkpoint", "--json"))["size"]
    cut(home)
    for command in ("verify", "checkpoint"):
        refused = run("audit", command)
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert f"It has 4 entries, and {size} were signed" in refused.stderr
    assert f"\n{size}\n" in home.audit_note.read_text()


def test_a_checkpoint_noted_elsewhere_tells_where_the_kept_one_is_gone(
    run: Run, home: Home, tmp_path: Path
) -> None:
    noted = write(tmp_path / "noted", run("audit", "checkpoint").stdout)
    cut(home)
    home.audit_note.unlink()
    assert data_of(run("audit", "verify", "--log-only", "--json"))["kept"] is None
    assert "no checkpoint is kept" in run("audit", "verify", "--log-only").stdout
    refused = run("audit", "verify", "--checkpoint", noted)
    assert refused.exit_code == 1
    assert "audit entry 5: is missing: the log was cut off" in refused.stderr


def test_a_log_that_went_another_way_is_told_and_not_signed(run: Run, home: Home) -> None:
    size = data_of(run("audit", "checkpoint", "--json"))["size"]
    cut(home)
    for _ in range(size):  # as long as before, and longer
        run("crl", "card-g1")
    for command in ("verify", "checkpoint"):
        refused = run("audit", command)
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert f"checkpoint at size {size}" in refused.stderr


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda _: "", "no signed note"),
        (lambda note: note.replace("\n", "\r\n"), "no note has"),
        (lambda note: re.sub(r"\n[0-9]+\n", "\n4\n", note, count=1), "forged"),
        (lambda note: note.replace("127.0.0.1", "127.0.0.2"), "not signed by a key"),
    ],
)
def test_a_kept_checkpoint_that_was_changed_is_told_and_stops_signing(
    run: Run, home: Home, change: Callable[[str], str], told: str
) -> None:
    run("audit", "checkpoint")
    home.audit_note.write_text(change(home.audit_note.read_text()), newline="")
    for command in ("verify", "checkpoint"):
        refused = run("audit", command)
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert told in refused.stderr


OFFICERS = ("--officer", "officer-1", "--officer", "officer-2", "--note", "backup of yesterday")


def test_two_officers_accept_a_restored_log_and_it_is_on_record(run: Run, home: Home) -> None:
    lost = data_of(run("audit", "checkpoint", "--json"))
    cut(home)
    made = data_of(run("audit", "restored", *OFFICERS, "--json"))
    assert made["size"] == 5
    assert data_of(run("audit", "verify", "--log-only", "--json"))["kept"] == 5
    connection = sqlite3.connect(home.root / "pki.sqlite3")
    actor, action, details = connection.execute(
        "SELECT actor, action, details FROM audit WHERE sequence = 5"
    ).fetchone()
    connection.close()
    assert (actor, action) == ("officers:officer-1+officer-2", "audit.restored")
    told = json.loads(details)
    assert (told["signed_size"], told["found_size"]) == (lost["size"], 4)
    assert (told["signed_root"], told["note"]) == (lost["root"], "backup of yesterday")
    (aside,) = home.audit_note.parent.glob(f"*.note.{lost['size']}-*")
    assert aside.read_text() == lost["note"]
    run("crl", "card-g1")
    assert data_of(run("audit", "checkpoint", "--json"))["size"] == 6


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--officer", "a", "--note", "x"), "two officers"),
        (("--officer", "a1", "--officer", "a-l", "--note", "x"), "two officers"),
        (("--officer", "a", "--officer", "b.", "--note", "x"), "label"),
        (("--officer", "a", "--officer", "b", "--note", ""), "say why"),
        (OFFICERS, "still holds"),
    ],
)
def test_nothing_is_accepted_lightly(run: Run, arguments: tuple[str, ...], told: str) -> None:
    before = data_of(run("audit", "checkpoint", "--json"))
    refused = run("audit", "restored", *arguments)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert told in refused.stderr
    assert data_of(run("audit", "checkpoint", "--json")) == before


def test_a_log_that_does_not_hold_is_not_accepted(run: Run, home: Home) -> None:
    run("audit", "checkpoint")
    cut(home)
    tamper_again = sqlite3.connect(home.root / "pki.sqlite3")
    with tamper_again:
        tamper_again.execute("UPDATE audit SET actor = 'nobody' WHERE sequence = 2")
    tamper_again.close()
    refused = run("audit", "restored", *OFFICERS)
    assert "audit entry 2: was changed" in refused.stderr
    assert home.audit_note.exists()


def _empty(note: Path) -> None:
    note.write_text("")


def _folder(note: Path) -> None:
    note.unlink()
    note.mkdir()


def _forged(note: Path) -> None:
    note.write_text(re.sub(r"\n[0-9]+\n", "\n4\n", note.read_text(), count=1), newline="")


@pytest.mark.parametrize("damage", [_empty, _folder, _forged])
def test_two_officers_put_a_damaged_kept_checkpoint_aside(
    run: Run, home: Home, damage: Callable[[Path], None]
) -> None:
    run("audit", "checkpoint")
    damage(home.audit_note)
    assert run("audit", "checkpoint").exit_code == 1
    made = data_of(run("audit", "restored", *OFFICERS, "--json"))
    connection = sqlite3.connect(home.root / "pki.sqlite3")
    (details,) = connection.execute("SELECT details FROM audit ORDER BY sequence DESC LIMIT 1").fetchone()
    connection.close()
    told = json.loads(details)
    assert told["damaged"]
    assert told["found_size"] == made["size"] - 1
    assert home.audit_note.with_name(told["set_aside"]).exists()
    assert data_of(run("audit", "verify", "--json"))["kept"] == made["size"]
    assert "still holds" in run("audit", "restored", *OFFICERS).stderr


def test_the_log_keeps_its_name_when_the_address_changes(run: Run, home: Home) -> None:
    before = data_of(run("audit", "checkpoint", "--json"))
    settings = home.root / "hoviat.toml"
    text = settings.read_text().replace(
        'public_url = "http://127.0.0.1:8080"', 'public_url = "https://id.example.ir"'
    )
    settings.write_text(text)
    assert load(home.root).public_url == "https://id.example.ir"
    run("crl", "card-g1")
    after = data_of(run("audit", "checkpoint", "--json"))
    assert after["origin"] == before["origin"] == "127.0.0.1:8080/pki/audit"
    assert data_of(run("audit", "verify", "--json"))["kept"] == after["size"]


def test_without_a_kept_checkpoint_nothing_is_accepted(run: Run) -> None:
    assert "none is kept" in run("audit", "restored", *OFFICERS).stderr


def test_a_row_that_differs_from_the_log_is_named(run: Run, home: Home) -> None:
    told = data_of(run("audit", "verify", "--json"))
    assert told["certificates"] > 0
    connection = sqlite3.connect(home.root / "pki.sqlite3")
    with connection:
        serial: str = connection.execute(
            "SELECT lower(hex(serial)) FROM certificates WHERE request_id = 'ca-card-g1'"
        ).fetchone()[0]
        connection.execute(
            "UPDATE certificates SET status = 'revoked', reason = 'superseded' "
            "WHERE request_id = 'ca-card-g1'"
        )
    connection.close()
    refused = run("audit", "verify", "--json")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert f"certificate {serial}: status: the table says 'revoked', the log 'good'" in refused.stderr
    assert "the tables differ from it in 2 places" in refused.stderr
    assert data_of(run("audit", "verify", "--log-only", "--json"))["certificates"] is None


def test_a_consistency_proof_that_nobody_signed_says_so(run: Run, tmp_path: Path, key_file: str) -> None:
    run("audit", "checkpoint")
    proof = run("audit", "prove", "--consistency", "3").stdout
    told = run("audit", "verify", "--proof", write(tmp_path / "p", proof), "--key", key_file).stdout
    root = base64.b64decode(json.loads(proof)["old_root"]).hex()
    assert f"begin with 3 whose root is {root}; no checkpoint over 3 vouches for that root" in told


def test_without_a_checkpoint_there_is_no_proof(run: Run) -> None:
    refused = run("audit", "prove", "1")
    assert refused.exit_code == 1
    assert "no checkpoint yet" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["prove"], 2, "either SEQUENCE or --consistency"),
        (["prove", "1", "--consistency", "1"], 2, "either SEQUENCE or --consistency"),
        (["prove", "x"], 2, "not a valid integer"),
        (["prove", "99999"], 1, "not 99999"),
        (["prove", "--consistency", "0"], 1, "not 0"),
        (["prove", "--", "-1"], 1, "not -1"),
        (["verify", "--key", "rubbish"], 2, "no public key in PEM"),
        (["verify", "--key", "rsa.pem"], 1, "only ECDSA keys"),
        (["verify", "--key", "binary"], 1, "no text file"),
        (["verify", "--checkpoint", "rubbish"], 1, "no signed note"),
        (["verify", "--proof", "rubbish"], 2, "needs --key"),
        (["verify", "--proof", "rubbish", "--key", "key.pem"], 1, "no JSON"),
        (["verify", "--proof", "long", "--key", "key.pem"], 1, "too long"),
        (["verify", "--proof", "missing", "--key", "key.pem"], 2, "does not exist"),
    ],
)
def test_mistakes_are_told(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    run("audit", "checkpoint")
    write(tmp_path / "key.pem", run("audit", "key").stdout)
    write(tmp_path / "rubbish", "rubbish")
    write(tmp_path / "long", " " * (1024 * 1024 + 1))
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    public = rsa.generate_private_key(65537, 2048).public_key()
    (tmp_path / "rsa.pem").write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    refused = run("audit", *arguments)
    assert (refused.exit_code, refused.stdout) == (code, "")
    assert told in refused.stderr
