"""What an officer's command decides is signed before it reports success; what nobody signed yet is told."""

import json
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy.orm import Session

from pki.auditchain import Event
from pki.auditchain.appendonly import unprotected
from pki.authority.record import record_events
from pki.clock import utc_now
from pki.commandline import record_signed
from pki.errors import PkiError
from pki.home import Home
from pki.keys.files import FileSigner
from pki.pkcs10 import create_csr
from pki.store.database import create_database_engine

Run = Callable[..., Result]
OFFICER, OTHER = ("--officer", "officer-a"), ("--officer", "officer-b")


@pytest.fixture
def csr(tmp_path: Path) -> Path:
    path = tmp_path / "request.der"
    path.write_bytes(create_csr(FileSigner.generate(ec.SECP256R1()), "registry.example.org"))
    return path


@pytest.fixture
def serial(run: Run, csr: Path) -> str:
    issue = ("issue", "--profile", "service", "--csr", str(csr), "--name", "registry.example.org", "--json")
    return str(data_of(run(*issue))["serial"])


def data_of(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout.splitlines()[-1])


def verified(run: Run) -> Any:
    return data_of(run("audit", "verify", "--json"))


def require_signed(run: Run, action: str, home: Home) -> None:
    """The record's end is signed and kept, and of the action that was meant."""
    told = verified(run)
    assert (told["uncovered"], told["covered"], told["kept"]) == (0, told["entries"], told["entries"])
    with sqlite3.connect(home.root / "pki.sqlite3") as connection:
        newest = connection.execute("SELECT action FROM audit ORDER BY sequence DESC LIMIT 1").fetchone()[0]
    connection.close()
    assert newest == action


def record_a_time_to_come(home: Home) -> None:
    """As a clock does that is two days ahead."""
    engine = create_database_engine(home.database_url("pki"))
    with Session(engine) as session, session.begin():
        ahead = utc_now() + timedelta(days=2)
        record_events(session, [Event(ahead, "test", "crl.published", "card-g1", {})])
    engine.dispose()


def test_the_counter_s_decisions_are_signed(run: Run, serial: str, home: Home) -> None:
    require_signed(run, "certificate.issued", home)
    for command, action in (("suspend", "certificate.suspended"), ("resume", "certificate.resumed")):
        assert run(command, serial, *OFFICER).exit_code == 0
        require_signed(run, action, home)
    assert run("revoke", serial, "--reason", "superseded", *OFFICER).exit_code == 0
    require_signed(run, "certificate.revoked", home)


def test_an_export_and_a_confirmed_clock_are_signed(run: Run, home: Home, tmp_path: Path) -> None:
    assert run("export", "--dir", str(tmp_path / "out"), "--certificates", *OFFICER).exit_code == 0
    require_signed(run, "export.done", home)
    record_a_time_to_come(home)
    assert run("clock", "--confirm", "officer-a", "--note", "set by the time service").exit_code == 0
    require_signed(run, "clock.confirmed", home)


def test_an_export_that_fails_is_signed_as_begun(run: Run, home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "certificates").write_text("in the way")
    refused = run("export", "--dir", str(folder), "--certificates", *OFFICER)
    assert (refused.exit_code, "can't write" in refused.stderr) == (1, True)
    require_signed(run, "export.begun", home)


def test_each_step_of_a_mass_action_is_signed(run: Run, serial: str, home: Home, tmp_path: Path) -> None:
    file = tmp_path / "serials.txt"
    file.write_text(serial)
    told = data_of(run("mass", "propose", "hold", "--serials", str(file), "--note", "x", *OFFICER, "--json"))
    require_signed(run, "mass.proposed", home)
    data_of(run("mass", "approve", "1", "--digest", told["digest"], *OTHER, "--json"))
    require_signed(run, "mass.approved", home)
    data_of(run("mass", "run", "1", *OTHER, "--json"))
    require_signed(run, "mass.done", home)


def test_what_was_decided_can_t_be_dropped_unseen(run: Run, serial: str, home: Home) -> None:
    """The last entry goes, with every checkpoint and node: the note in the home tells."""
    before = verified(run)["entries"]
    assert run("revoke", serial, "--reason", "keyCompromise", *OFFICER).exit_code == 0
    with sqlite3.connect(home.root / "pki.sqlite3") as connection:
        for table in ("audit", "audit_nodes", "audit_checkpoints"):
            for removal in unprotected("sqlite", table):
                connection.execute(removal)
        connection.execute("DELETE FROM audit WHERE sequence > ?", (before,))
        connection.execute("DELETE FROM audit_checkpoints")
        connection.execute("DELETE FROM audit_nodes")
    connection.close()
    refused = run("audit", "verify", "--log-only")
    assert refused.exit_code == 1
    assert f"It has {before} entries, and {before + 1} were signed" in refused.stderr


def test_what_nobody_signed_yet_is_told(run: Run) -> None:
    nothing_signed = verified(run)
    assert nothing_signed["checkpoint_time"] is None
    assert nothing_signed["uncovered"] == nothing_signed["entries"]
    signed = data_of(run("audit", "checkpoint", "--json"))
    assert run("crl", "card-g1", "operator-g1").exit_code == 0
    told = verified(run)
    assert (told["uncovered"], told["checkpoint_time"]) == (2, signed["time"])
    text = run("audit", "verify").stdout
    assert "2 entries are newer than every checkpoint: nobody vouches for them yet" in text
    run("audit", "checkpoint")
    assert "nobody vouches" not in run("audit", "verify").stdout


def test_without_the_checkpoints_key_the_decision_stands_and_stderr_says_so(run: Run, home: Home) -> None:
    record_a_time_to_come(home)
    (home.secrets / "passphrase").unlink()
    confirmed = run("clock", "--confirm", "officer-a", "--note", "set by the time service", "--json")
    assert data_of(confirmed)["clock"] == "right"
    assert "vouched for by nobody yet" in confirmed.stderr
    assert "no passphrase" in confirmed.stderr


def test_a_record_that_is_shorter_than_what_was_signed_is_told_by_the_next_command(
    run: Run, home: Home
) -> None:
    run("audit", "checkpoint")
    record_a_time_to_come(home)
    home.audit_note.write_text(home.audit_note.read_text().replace("\n", "\r\n"), newline="")
    confirmed = run("clock", "--confirm", "officer-a", "--note", "set by the time service")
    assert confirmed.exit_code == 0
    assert "vouched for by nobody yet" in confirmed.stderr


def test_only_the_kind_of_a_machine_s_error_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise OSError("host db.internal")

    with pytest.raises(PkiError), record_signed(fail):
        raise PkiError
    told = capsys.readouterr().err
    assert "OSError" in told
    assert "db.internal" not in told


def test_commands_that_decide_nothing_sign_nothing(run: Run) -> None:
    assert run("clock").exit_code == run("mass", "list").exit_code == run("list").exit_code == 0
    assert run("mass", "show", "1").exit_code == 1
    assert verified(run)["checkpoints"] == 0
