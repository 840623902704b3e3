"""The commands: what operators type, what they read, and how it fails."""

import json
import os
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pki.auditchain.appendonly import unprotected
from pki.authority import CertificateRequest, IssuedCertificate
from pki.bootstrap import open_pki
from pki.home import Home
from tests.delivery import issue_delivered

Run = Callable[..., Result]


@pytest.fixture
def issued(home: Home, citizen_request: Callable[..., CertificateRequest]) -> IssuedCertificate:
    opened = open_pki(home)
    try:
        return issue_delivered(opened.authority, citizen_request())
    finally:
        opened.close()


def data_of(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_certificate_is_suspended_resumed_and_revoked(run: Run, issued: IssuedCertificate) -> None:
    serial = f"{issued.serial:032x}"
    assert data_of(run("suspend", serial, "--json"))["status"] == "on_hold"
    assert data_of(run("resume", serial, "--json"))["status"] == "good"
    revoked = data_of(run("revoke", serial, "--reason", "keyCompromise", "--note", "lost", "--json"))
    assert (revoked["serial"], revoked["status"], revoked["reason"]) == (serial, "revoked", "keyCompromise")
    refused = run("resume", serial)
    assert refused.exit_code == 1
    assert "is revoked and can't become good" in refused.stderr
    assert refused.stdout == ""


def actors(home: Home, serial: str) -> list[str]:
    connection = sqlite3.connect(home.root / "pki.sqlite3")
    rows = connection.execute("SELECT actor FROM audit WHERE subject = ? ORDER BY sequence", [serial])
    found = [actor for (actor,) in rows]
    connection.close()
    return found


def test_who_decides_is_on_record(run: Run, home: Home, issued: IssuedCertificate) -> None:
    serial = f"{issued.serial:032x}"
    assert run("suspend", serial, "--officer", "officer-1").exit_code == 0
    assert run("resume", serial).exit_code == 0
    assert run("revoke", serial, "--reason", "superseded", "--officer", "officer-2").exit_code == 0
    assert actors(home, serial) == ["tester", "clerk-1", "officer-1", f"cli:uid-{os.getuid()}", "officer-2"]


@pytest.mark.parametrize("label", ["", "Officer", "officer-", "cli", "a b", "\u202ea"])
@pytest.mark.parametrize("command", ["suspend", "resume", "revoke"])
def test_nobody_decides_under_such_a_label(
    run: Run, home: Home, issued: IssuedCertificate, command: str, label: str
) -> None:
    serial = f"{issued.serial:032x}"
    options = ["--reason", "superseded"] if command == "revoke" else []
    refused = run(command, serial, *options, "--officer", label)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "label" in refused.stderr
    assert actors(home, serial) == ["tester", "clerk-1"]


@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
def test_a_file_names_its_certificate(
    run: Run, issued: IssuedCertificate, tmp_path: Path, encoding: Encoding
) -> None:
    path = tmp_path / "certificate"
    path.write_bytes(x509.load_der_x509_certificate(issued.der).public_bytes(encoding))
    assert f"{issued.serial:032x} is on_hold" in run("suspend", str(path)).stdout


@pytest.mark.parametrize(
    ("arguments", "exit_code", "cause"),
    [
        (["revoke", "zz", "--reason", "superseded"], 1, "neither a certificate file nor"),
        (["revoke", "1" * 33, "--reason", "superseded"], 1, "neither a certificate file nor"),
        (["revoke", "abc", "--reason", "superseded"], 1, "was never issued here"),
        (["revoke", "abc"], 2, "--reason"),
        (["revoke", "abc", "--reason", "certificateHold"], 2, "certificateHold"),
        (["suspend", __file__], 1, "is not a certificate"),
        (["crl", "nobody"], 1, "no CA nobody"),
        (["audit", "verify", "--head", "x"], 2, "SEQUENCE:HASH"),
        (["audit", "verify", "--head", "5:abc"], 2, "64 hexadecimal digits"),
        (["audit", "verify", "--head", "999:" + "ab" * 32], 1, "cut off"),
        (["export", "--dir", "/proc/nowhere"], 1, "can't write"),
    ],
)
def test_refusals_name_their_cause(run: Run, arguments: list[str], exit_code: int, cause: str) -> None:
    result = run(*arguments)
    assert result.exit_code == exit_code
    assert cause in result.stderr


def test_a_wrong_passphrase_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOVIAT_PASSPHRASE", "wrong-one")
    result = run("crl")
    assert result.exit_code == 1
    assert "passphrase" in result.stderr
    assert "wrong-one" not in result.output


def test_no_home_is_named(run: Run, tmp_path: Path) -> None:
    result = run("crl", where=tmp_path / "nothing")
    assert result.exit_code == 1
    assert "is not initialised" in result.stderr


def test_crls_are_published(run: Run) -> None:
    first = data_of(run("crl", "card-g1", "--json"))
    assert data_of(run("crl", "card-g1", "--json"))["number"] > first["number"]
    assert run("crl").stdout.count("CRL ") == 7


def test_the_audit_is_verified_and_its_end_can_be_kept(run: Run, home: Home) -> None:
    end = data_of(run("audit", "verify", "--json"))
    run("crl", "card-g1")
    head = f"{end['entries']}:{end['hash']}"
    assert run("audit", "verify", "--head", head).exit_code == 0
    tamper(home)
    broken = run("audit", "verify")
    assert broken.exit_code == 1
    assert "audit entry 2" in broken.stderr


def tamper(home: Home) -> None:
    connection = sqlite3.connect(home.root / "pki.sqlite3")
    with connection:
        for statement in unprotected("sqlite", "audit"):
            connection.execute(statement)
        connection.execute("UPDATE audit SET actor = 'nobody' WHERE sequence = 2")
    connection.close()


def test_public_files_are_exported(run: Run, tmp_path: Path) -> None:
    files = data_of(run("export", "--dir", str(tmp_path / "out"), "--json"))["files"]
    names = {Path(file).name for file in files}
    assert {
        "root-g1.pem",
        "root-g1.cer",
        "root-g1.crl",
        "card-g1.pem",
        "card-g1.crl.pem",
        "chain.pem",
    } <= names
    assert len(x509.load_pem_x509_certificates((tmp_path / "out" / "chain.pem").read_bytes())) == 7
    assert {path.name for path in (tmp_path / "out").iterdir()} == names


def test_an_invalidity_date_goes_into_the_crl(run: Run, issued: IssuedCertificate, home: Home) -> None:
    arguments = ("revoke", f"{issued.serial:032x}", "--reason", "keyCompromise", "--invalidity-date")
    assert run(*arguments, "2999-01-01").exit_code == 1
    assert "ISO 8601" in run(*arguments, "soon").stderr
    assert run(*arguments, "2026-11-01T10:00Z").exit_code == 0
    opened = open_pki(home)
    try:
        crl = x509.load_der_x509_crl(opened.crls.current("citizen-auth-g1").read())
    finally:
        opened.close()
    entry = crl.get_revoked_certificate_by_serial_number(issued.serial)
    assert entry is not None
    suspect = entry.extensions.get_extension_for_class(x509.InvalidityDate).value
    assert suspect.invalidity_date_utc == datetime(2026, 11, 1, 10, tzinfo=UTC)
