"""What is exported: everything public under its name, and for officers every certificate, in flat memory."""

import errno
import json
import os
import re
import shutil
import stat
import subprocess
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from cryptography import x509
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from pki import cli
from pki import home as homes
from pki.auditchain import verify_table
from pki.authority import CertificateRequest
from pki.bootstrap import Pki, initialise, open_pki
from pki.certificateexport import export_certificates, to_pem, write_certificates
from pki.export import crl_names, write_public_files
from pki.home import Home
from pki.store.models import AuditEntry

Requests = Callable[..., CertificateRequest]
OPENSSL = shutil.which("openssl") or "openssl"


@click.group()
@click.option("--home", type=click.Path(path_type=Path))
def root(home: Path) -> None: ...


root.add_command(cli.pki)


def export(home: Home, folder: Path, *options: str) -> Result:
    return CliRunner().invoke(
        root, ["--home", str(home.root), "pki", "export", "--dir", str(folder), *options]
    )


def test_cas_crls_and_master_list_are_written(pki: Pki, tmp_path: Path) -> None:
    names = {path.name for path in write_public_files(pki, tmp_path / "out")}
    for name in pki.published:
        assert {f"{name}.cer", f"{name}.pem", f"{name}.crl", f"{name}.crl.pem"} <= names
        assert (tmp_path / "out" / f"{name}.cer").read_bytes() == pki.published[name]
    assert {"chain.pem", "masterlist.ml"} <= names
    assert not (tmp_path / "out" / "certificates").exists()


def test_partitions_and_deltas_are_written(tmp_path: Path, clock: Any) -> None:
    home = homes.create(tmp_path / "home", shards=3)
    initialise(home, clock)
    pki = open_pki(home, clock)
    try:
        names = {path.name for path in write_public_files(pki, tmp_path / "out")}
        scopes = set(crl_names(pki))
    finally:
        pki.close()
    assert {"card-g1", "card-g1-delta", "card-g1-p0002", "card-g1-p0002-delta", "root-g1"} <= scopes
    for scope in scopes:
        if re.search(r"-p\d{4}-delta$", scope):
            assert f"{scope}.crl" not in names  # nothing has changed since the full one
            continue
        assert {f"{scope}.crl", f"{scope}.crl.pem"} <= names
        der = x509.load_der_x509_crl((tmp_path / "out" / f"{scope}.crl").read_bytes())
        assert der == x509.load_pem_x509_crl((tmp_path / "out" / f"{scope}.crl.pem").read_bytes())


def test_what_there_is_is_written_while_the_clock_is_behind(pki: Pki, clock: Any, tmp_path: Path) -> None:
    clock.advance(days=-2)
    names = {path.name for path in write_public_files(pki, tmp_path)}
    assert {"chain.pem", "citizen-auth-g1.crl"} <= names
    assert "citizen-auth-g1-delta.crl" not in names


def test_certificates_are_for_officers_alone(
    home: Home, pki: Pki, citizen_request: Requests, tmp_path: Path
) -> None:
    issued = [pki.authority.issue(citizen_request(f"request-{number}")) for number in range(5)]
    folder = tmp_path / "out"
    plain = export(home, folder, "--json")
    assert plain.exit_code == 0, plain.output
    assert json.loads(plain.stdout)["certificates"] == 0
    assert not (folder / "certificates").exists()
    result = export(home, folder, "--certificates", "--officer", "officer-1", "--json")
    assert result.exit_code == 0, result.output
    everything = list((folder / "certificates").rglob("*.pem"))
    assert json.loads(result.stdout)["certificates"] == len(everything) == 9 + 5
    assert stat.S_IMODE((folder / "certificates").stat().st_mode) == 0o700
    for certificate in issued:
        name = f"{certificate.serial:032x}"
        path = folder / "certificates" / "citizen-auth-g1" / "authentication" / name[-2:] / f"{name}.pem"
        assert x509.load_pem_x509_certificate(path.read_bytes()).serial_number == certificate.serial
    text = subprocess.run(
        [OPENSSL, "x509", "-in", str(everything[0]), "-noout", "-subject"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert text.stdout.startswith("subject")


def entries(pki: Pki) -> list[AuditEntry]:
    with Session(pki.engine, expire_on_commit=False) as session:
        verify_table(session, AuditEntry)
        return list(session.scalars(select(AuditEntry).order_by(AuditEntry.sequence)))


def test_an_export_of_certificates_is_on_record(pki: Pki, home: Home, tmp_path: Path) -> None:
    assert export(home, tmp_path / "out", "--certificates", "--officer", "officer-1").exit_code == 0
    begun, done = entries(pki)[-2:]
    assert (begun.actor, begun.action, begun.subject) == ("officer-1", "export.begun", "certificates")
    assert (done.actor, done.action) == ("officer-1", "export.done")
    assert begun.details == done.details == {"selection": "all", "certificates": 9}
    before = len(entries(pki))
    assert export(home, tmp_path / "public").exit_code == 0  # what is public is nobody's decision
    assert len(entries(pki)) == before


def test_nothing_is_written_that_is_not_on_record(
    pki: Pki, clock: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise SQLAlchemyError

    monkeypatch.setattr("pki.certificateexport.record_events", refuse)
    with pytest.raises(SQLAlchemyError):
        export_certificates(pki.engine, tmp_path / "out", "officer-1", clock)
    assert not (tmp_path / "out").exists()


def test_an_export_that_fails_is_on_record(pki: Pki, clock: Any) -> None:
    with pytest.raises(OSError, match="nowhere"):
        export_certificates(pki.engine, Path("/proc/nowhere"), "officer-1", clock)
    assert entries(pki)[-1].action == "export.begun"


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        ((), 2, "needs --officer"),
        (("--officer", ""), 1, "label"),
        (("--officer", "Officer 1"), 1, "label"),
        (("--officer", "init"), 1, "label"),
    ],
)
def test_nobody_in_particular_exports_no_certificates(
    home: Home, tmp_path: Path, options: tuple[str, ...], code: int, told: str
) -> None:
    result = export(home, tmp_path / "out", "--certificates", *options)
    assert (result.exit_code, result.stdout) == (code, "")
    assert told in result.stderr
    assert not (tmp_path / "out").exists()


def test_exporting_again_writes_the_same(pki: Pki, tmp_path: Path) -> None:
    first = write_certificates(pki.engine, tmp_path)
    files = {path: path.read_bytes() for path in tmp_path.rglob("*.pem")}
    assert write_certificates(pki.engine, tmp_path) == first
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.pem")} == files


def test_links_that_somebody_laid_are_not_followed(
    pki: Pki, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, victim = tmp_path / "out", tmp_path / "victim"
    folder.mkdir()
    victim.write_text("mine")
    (folder / f".root-g1.cer.{os.getpid()}").symlink_to(victim)
    (folder / "root-g1.cer").symlink_to(victim)
    write_public_files(pki, folder)
    assert victim.read_text() == "mine"
    assert (folder / "root-g1.cer").read_bytes() == pki.certificates["root-g1"]
    assert not (folder / "root-g1.cer").is_symlink()
    monkeypatch.setattr("secrets.token_hex", lambda _count: "guessed")
    (folder / ".root-g1.cer.guessed").symlink_to(victim)
    with pytest.raises(FileExistsError):
        write_public_files(pki, folder)
    assert victim.read_text() == "mine"


def test_an_export_that_fails_leaves_no_half_file(
    pki: Pki, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="space"):
        write_public_files(pki, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_no_place_to_write_is_named(home: Home) -> None:
    result = export(home, Path("/proc/nowhere"), "--certificates", "--officer", "officer-1")
    assert result.exit_code == 1
    assert "can't write to /proc/nowhere" in result.stderr


def test_memory_does_not_grow_with_certificates(
    pki: Pki, citizen_request: Requests, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows come in batches: ten times the batch takes no more than the batch."""
    monkeypatch.setattr("pki.certificateexport._BATCH", 10)
    for number in range(10):
        pki.authority.issue(citizen_request(f"a-{number}"))
    few = peak(pki, tmp_path / "few")
    for number in range(150):
        pki.authority.issue(citizen_request(f"b-{number}"))
    many = peak(pki, tmp_path / "many")
    assert many < few + 400_000


def peak(pki: Pki, folder: Path) -> int:
    tracemalloc.start()
    try:
        write_certificates(pki.engine, folder)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_pem_is_what_others_write(pki: Pki) -> None:
    der = pki.certificates["root-g1"]
    from_library = x509.load_der_x509_certificate(der)
    assert x509.load_pem_x509_certificate(to_pem(der)) == from_library
