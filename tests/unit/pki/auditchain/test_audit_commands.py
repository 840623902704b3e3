"""`hoviat pki audit`: what an auditor types, with the home and without."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pki import cli
from pki.auditchain.appendonly import unprotected
from pki.home import Home

Run = Callable[..., Result]


@pytest.fixture
def run(home: Home) -> Run:
    @click.group()
    @click.option("--home", type=click.Path(path_type=Path))
    def root(home: Path) -> None: ...

    root.add_command(cli.pki)

    def invoke(*arguments: str, where: Path = home.root) -> Result:
        return CliRunner().invoke(root, ["--home", str(where), "pki", *arguments])

    return invoke


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
    assert "unchanged" in run(*options, write(tmp_path / "noted", noted)).stdout
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


def test_a_checkpoint_of_what_is_no_more_is_told(run: Run, home: Home, tmp_path: Path) -> None:
    noted = write(tmp_path / "noted", run("audit", "checkpoint").stdout)
    tamper(home, "DELETE FROM audit WHERE sequence > 4")
    tamper_checkpoints = sqlite3.connect(home.root / "pki.sqlite3")
    with tamper_checkpoints:
        tamper_checkpoints.execute("DELETE FROM audit_checkpoints")
    tamper_checkpoints.close()
    assert run("audit", "verify").exit_code == 0
    refused = run("audit", "verify", "--checkpoint", noted)
    assert refused.exit_code == 1
    assert "audit entry 5: is missing: the log was cut off" in refused.stderr


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
