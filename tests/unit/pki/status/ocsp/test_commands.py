"""`hoviat pki ocsp`: what operators type, what they read, and how it fails."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from cryptography.x509 import ocsp as x509_ocsp

from pki.authority import CertificateRequest, IssuedCertificate
from pki.bootstrap import open_pki
from pki.home import Home
from pki.status import RevocationReason
from pki.status.ocsp.cli import ocsp, serve

Run = Callable[..., Result]


@pytest.fixture
def run(home: Home) -> Run:
    @click.group()
    @click.option("--home", type=click.Path(path_type=Path))
    def root(home: Path) -> None: ...

    root.add_command(ocsp)
    root.add_command(serve)

    def invoke(*arguments: str, where: Path = home.root) -> Result:
        return CliRunner().invoke(root, ["--home", str(where), *arguments])

    return invoke


@pytest.fixture
def issued(home: Home, citizen_request: Callable[..., CertificateRequest]) -> IssuedCertificate:
    opened = open_pki(home)
    try:
        certificate = opened.authority.issue(citizen_request())
        opened.authority.revoke(certificate.serial, RevocationReason.SUPERSEDED, "tester", "")
        return certificate
    finally:
        opened.close()


def data_of(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_an_answer_is_signed_and_written(run: Run, issued: IssuedCertificate, tmp_path: Path) -> None:
    out = tmp_path / "answer.der"
    said = data_of(run("ocsp", f"{issued.serial:032x}", "--out", str(out), "--json"))
    assert (said["status"], said["reason"], said["issuer"]) == ("revoked", "superseded", "citizen-auth-g1")
    answer = x509_ocsp.load_der_ocsp_response(out.read_bytes())
    assert answer.serial_number == issued.serial
    assert said["bytes"] == len(out.read_bytes())
    assert "is revoked" in run("ocsp", f"{issued.serial:x}").stdout


def test_answers_are_made_ahead(run: Run, issued: IssuedCertificate) -> None:
    assert issued.serial
    assert data_of(run("ocsp", "--prepare", "citizen-auth-g1", "--json"))["made"] >= 1
    every = run("ocsp", "--prepare", "--json")
    assert every.exit_code == 0
    made = {data["issuer"]: data["made"] for data in map(json.loads, every.stdout.splitlines())}
    assert made["citizen-auth-g1"] == 0
    assert {"citizen-sign-g1", "card-g1", "operator-g1", "service-g1"} <= set(made)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "give either a certificate or --prepare"),
        (("1234", "--prepare"), "give either a certificate or --prepare"),
        (("1234",), "was never issued here"),
        (("nonsense",), "nonsense"),
        (("--prepare", "root-g1"), "no OCSP responder for a CA root-g1"),
    ],
)
def test_bad_input_is_explained(run: Run, arguments: tuple[str, ...], words: str) -> None:
    result = run("ocsp", *arguments)
    assert result.exit_code != 0
    assert words in result.stderr
    assert "Traceback" not in result.output


def test_an_answer_that_cant_be_written_is_an_error(
    run: Run, issued: IssuedCertificate, tmp_path: Path
) -> None:
    result = run("ocsp", f"{issued.serial:x}", "--out", str(tmp_path / "no" / "answer.der"))
    assert result.exit_code == 1
    assert "can't write" in result.stderr


def test_a_root_has_no_responder(run: Run, home: Home) -> None:
    opened = open_pki(home)
    try:
        serial = opened.trust.intermediates[0].serial_number
    finally:
        opened.close()
    result = run("ocsp", f"{serial:x}")
    assert result.exit_code == 1
    assert "has no OCSP responder" in result.stderr


def test_serving_what_is_no_home_fails(run: Run, tmp_path: Path) -> None:
    result = run("serve", "--port", "0", where=tmp_path / "nothing")
    assert result.exit_code == 1
    assert "hoviat init" in result.stderr
