"""`hoviat pki issue | list | show`: for our own; every bad input is named, and then nothing is signed."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pki import cli
from pki import home as homes
from pki.bootstrap import initialise, open_engine
from pki.home import Home
from pki.keys.files import FileSigner
from pki.pkcs10 import create_csr
from pki.store.models import AuditEntry, CertificateRow

Run = Callable[..., Result]


@click.group()
@click.option("--home", type=click.Path(path_type=Path))
def root(home: Path) -> None: ...


root.add_command(cli.pki)


@pytest.fixture
def run(home: Home) -> Run:
    def invoke(*arguments: str, where: Path = home.root) -> Result:
        return CliRunner().invoke(root, ["--home", str(where), "pki", *arguments])

    return invoke


@pytest.fixture
def csr(tmp_path: Path) -> Path:
    path = tmp_path / "request.csr"
    path.write_bytes(create_csr(FileSigner.generate(ec.SECP256R1()), "whatever it says"))
    return path


def data_of(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def certificates(home: Home) -> int:
    engine = open_engine(home)
    try:
        with Session(engine) as session:
            return session.scalar(select(func.count()).select_from(CertificateRow)) or 0
    finally:
        engine.dispose()


@pytest.mark.parametrize(
    ("profile", "name"),
    [
        ("operator", "operator-1"),
        ("station", "station-7"),
        ("service", "id.example.org"),
        ("seal", "Register"),
    ],
)
def test_our_own_get_certificates(run: Run, csr: Path, tmp_path: Path, profile: str, name: str) -> None:
    out = tmp_path / "out.pem"
    arguments = ("issue", "--profile", profile, "--csr", str(csr), "--name", name)
    issued = data_of(run(*arguments, "--out", str(out), "--json"))
    certificate = x509.load_pem_x509_certificate(out.read_bytes())
    (common_name,) = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert common_name.value == name
    assert certificate.serial_number == int(issued["serial"], 16)
    again = run(*arguments)
    assert again.stdout.strip() == out.read_text().strip()
    shown = data_of(run("show", issued["serial"], "--json"))
    assert (shown["profile"], shown["status"]) == (profile, "good")
    assert data_of(run("show", str(out), "--pem", "--json"))["certificate"] == out.read_text()


def test_a_pem_request_is_taken(run: Run, csr: Path, tmp_path: Path) -> None:
    pem = tmp_path / "request.pem"
    pem.write_bytes(x509.load_der_x509_csr(csr.read_bytes()).public_bytes(Encoding.PEM))
    assert "BEGIN CERTIFICATE" in run("issue", "--profile", "seal", "--csr", str(pem), "--name", "x").stdout


def test_the_list_is_filtered(run: Run, csr: Path) -> None:
    data_of(run("issue", "--profile", "seal", "--csr", str(csr), "--name", "x", "--json"))
    lines = run("list", "--profile", "seal", "--json").stdout.splitlines()
    assert [json.loads(line)["profile"] for line in lines] == ["seal"]
    assert run("list", "--status", "revoked").stdout == ""
    assert run("list", "--issuer", "csca-g1").stdout.count("csca-g1") == 3
    assert len(run("list", "--limit", "2").stdout.splitlines()) == 2
    assert "Hoviat" not in run("list").stdout


def weak(path: Path) -> None:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    key = rsa.generate_private_key(65537, 1024)  # noqa: S505 - to be refused
    path.write_bytes(builder.sign(key, SHA256()).public_bytes(Encoding.DER))


def forged(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def broken_pem(path: Path) -> None:
    path.write_bytes(b"-----BEGIN CERTIFICATE REQUEST-----\nabc\n-----END CERTIFICATE REQUEST-----\n")


@pytest.mark.parametrize(
    ("spoil", "cause"),
    [
        (lambda path: path.unlink(), "can't be read"),
        (lambda path: path.write_bytes(b""), "not a PKCS#10 request"),
        (lambda path: path.write_bytes(b"x" * 40_000), "too long"),
        (lambda path: path.write_bytes(path.read_bytes() + b"x" * 9000), "more than"),
        (broken_pem, "is damaged"),
        (forged, "not signed by the key"),
        (weak, "1024 bits"),
    ],
    ids=["missing", "empty", "huge", "long", "broken PEM", "forged", "weak"],
)
def test_a_bad_request_is_named(run: Run, home: Home, csr: Path, spoil: Any, cause: str) -> None:
    before = certificates(home)
    spoil(csr)
    result = run("issue", "--profile", "operator", "--csr", str(csr), "--name", "operator-1")
    assert result.exit_code == 1
    assert cause in result.stderr
    assert result.stdout == ""
    assert certificates(home) == before


@pytest.mark.parametrize(
    ("profile", "name", "cause"),
    [
        ("operator", "", "1 to 64 characters"),
        ("operator", "x" * 65, "1 to 64 characters"),
        ("service", "a" * 60 + "." + "b" * 60, "1 to 64 characters"),
        ("service", "a b", "host"),
        ("service", "UPPER.example", "host"),
        ("operator", "a\nb", "CN holds"),
    ],
)
def test_an_impossible_name_is_refused(
    run: Run, home: Home, csr: Path, profile: str, name: str, cause: str
) -> None:
    before = certificates(home)
    result = run("issue", "--profile", profile, "--csr", str(csr), "--name", name)
    assert result.exit_code == 1, result.output
    assert cause in result.stderr
    assert certificates(home) == before


@pytest.mark.parametrize("profile", ["root_ca", "authentication", "signature", "ocsp_responder", "nothing"])
def test_other_profiles_are_not_issued_at_the_counter(run: Run, csr: Path, profile: str) -> None:
    result = run("issue", "--profile", profile, "--csr", str(csr), "--name", "x")
    assert result.exit_code == 2
    assert "--profile" in result.stderr


def test_a_request_id_means_one_certificate(run: Run, home: Home, csr: Path) -> None:
    arguments = ("issue", "--profile", "operator", "--csr", str(csr), "--request-id", "desk-1")
    data_of(run(*arguments, "--name", "operator-1", "--json"))
    before = certificates(home)
    refused = run(*arguments, "--name", "operator-2")
    assert refused.exit_code == 1
    assert "desk-1: came before with other content" in refused.stderr
    assert certificates(home) == before
    assert "too long" in run(*arguments[:-1], "x" * 65, "--name", "operator-1").stderr


def test_anothers_key_is_refused(run: Run, csr: Path) -> None:
    data_of(run("issue", "--profile", "operator", "--csr", str(csr), "--name", "operator-1", "--json"))
    refused = run("issue", "--profile", "operator", "--csr", str(csr), "--name", "operator-2")
    assert refused.exit_code == 1
    assert "already serves another purpose or person" in refused.stderr


def test_a_wrong_passphrase_is_named(run: Run, csr: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOVIAT_PASSPHRASE", "wrong-one")
    result = run("issue", "--profile", "operator", "--csr", str(csr), "--name", "operator-1")
    assert result.exit_code == 1
    assert "passphrase" in result.stderr
    assert "wrong-one" not in result.output


@pytest.mark.parametrize(
    ("when", "cause"),
    [
        (timedelta(days=2), "the clock says"),
        (timedelta(days=-365 * 13), "is not valid now"),
    ],
    ids=["clock set back", "CA ended"],
)
def test_the_time_must_be_right(tmp_path: Path, csr: Path, when: timedelta, cause: str) -> None:
    """A home of the day after tomorrow, and one whose CAs ended a year ago."""
    home = homes.create(tmp_path / "other")
    initialise(home, lambda: datetime.now(UTC) + when)
    before = certificates(home)
    arguments = ["issue", "--profile", "operator", "--csr", str(csr), "--name", "operator-1"]
    result = CliRunner().invoke(root, ["--home", str(home.root), "pki", *arguments])
    assert result.exit_code == 1
    assert cause in result.stderr
    assert certificates(home) == before


def test_an_unwritable_file_loses_nothing(run: Run, csr: Path, tmp_path: Path) -> None:
    arguments = ("issue", "--profile", "operator", "--csr", str(csr), "--name", "operator-1")
    refused = run(*arguments, "--out", str(tmp_path / "no" / "out.pem"))
    assert refused.exit_code == 1
    assert "is issued, but" in refused.stderr
    assert run(*arguments, "--out", str(tmp_path / "out.pem")).exit_code == 0


@pytest.mark.parametrize("serial", ["abc", "0", "f" * 32, "zz"])
def test_an_unknown_serial_is_named(run: Run, serial: str) -> None:
    result = run("show", serial)
    assert result.exit_code == 1
    assert "never issued here" in result.stderr or "neither a certificate file" in result.stderr


def test_who_issues_is_on_record(run: Run, home: Home, csr: Path) -> None:
    arguments = ("issue", "--profile", "seal", "--csr", str(csr), "--name", "Register")
    issued = data_of(run(*arguments, "--officer", "officer-1", "--json"))
    engine = open_engine(home)
    with Session(engine) as session:
        query = select(AuditEntry.actor).where(AuditEntry.subject == issued["serial"])
        assert session.scalars(query).all() == ["officer-1"]
    engine.dispose()


def test_nobody_issues_under_such_a_label(run: Run, home: Home, csr: Path) -> None:
    before = certificates(home)
    refused = run(
        *("issue", "--profile", "seal", "--csr", str(csr), "--name", "Register", "--officer", "authority")
    )
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "label" in refused.stderr
    assert certificates(home) == before


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--issuer", "service-g9"), "CA service-g9: there is no such CA"),
        (("--issuer", ""), "there is no such CA"),
        (("--profile", "sevrice"), "there is no 'sevrice'; there are"),
        (("--profile", "operator", "--issuer", "x"), "there is no such CA"),
    ],
)
def test_a_list_of_what_there_is_not_is_an_error(run: Run, options: tuple[str, ...], told: str) -> None:
    refused = run("list", *options)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert told in refused.stderr


def test_an_empty_list_of_a_known_kind_is_none(run: Run) -> None:
    listed = run("list", "--issuer", "service-g1", "--profile", "seal")
    assert (listed.exit_code, listed.stdout) == (0, "")


def test_a_revocation_is_shown_with_its_invalidity_date(run: Run, csr: Path) -> None:
    issued = data_of(run("issue", "--profile", "seal", "--csr", str(csr), "--name", "Register", "--json"))
    serial = issued["serial"]
    assert data_of(run("show", serial, "--json"))["invalidity_date"] is None
    date = ("--invalidity-date", "2026-01-02T03:04:05")
    assert run("revoke", serial, "--reason", "keyCompromise", *date).exit_code == 0
    shown = run("show", serial)
    assert json.loads(shown.stdout)["invalidity_date"] == "2026-01-02T03:04:05+00:00"


def test_mass_actions_on_a_certificate_are_shown(run: Run, csr: Path, tmp_path: Path) -> None:
    issued = data_of(run("issue", "--profile", "seal", "--csr", str(csr), "--name", "Register", "--json"))
    serial = issued["serial"]
    (tmp_path / "serials").write_text(f"{serial}\n")
    for kind in ("hold", "hold", "release"):  # the second finds nothing to do
        selection = ("--serials", str(tmp_path / "serials"), "--note", "drill", "--officer", "officer-1")
        proposed = data_of(run("mass", "propose", kind, *selection, "--json"))
        number = str(proposed["number"])
        approved = run("mass", "approve", number, "--officer", "officer-2", "--digest", proposed["digest"])
        assert approved.exit_code == 0, approved.output
        if kind == "hold":
            before = data_of(run("show", serial, "--json"))["mass_actions"]
            assert int(number) not in before, "approved is not done"
        assert run("mass", "run", number, "--officer", "officer-2").exit_code == 0
    shown = data_of(run("show", serial, "--json"))
    assert (shown["status"], shown["mass_actions"]) == ("good", [1, 3])
