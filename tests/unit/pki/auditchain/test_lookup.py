"""From a certificate to its entries' numbers, and from a number to a proof."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import text

from pki.authority import CertificateRequest
from pki.authority.values import IssuedCertificate
from pki.bootstrap import open_pki
from pki.home import Home
from tests.delivery import issue_delivered

Requests = Callable[..., CertificateRequest]
Run = Callable[..., Result]


@pytest.fixture
def delivered(home: Home, citizen_request: Requests) -> IssuedCertificate:
    opened = open_pki(home)
    try:
        return issue_delivered(opened.authority, citizen_request())
    finally:
        opened.close()


def told(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_certificates_entries_and_their_proofs(run: Run, delivered: IssuedCertificate) -> None:
    serial = f"{delivered.serial:032x}"
    about = told(run("audit", "entries", serial, "--json"))
    assert [(entry["action"], entry["actor"]) for entry in about] == [
        ("certificate.issued", "tester"),
        ("certificate.activated", "clerk-1"),
    ]
    assert {entry["subject"] for entry in about} == {serial}
    assert run("audit", "checkpoint").exit_code == 0
    for entry in about:
        proof = json.loads(run("audit", "prove", str(entry["entry"])).stdout)
        assert serial in json.dumps(proof)
    assert run("audit", "verify", "--head", about[-1]["end"]).exit_code == 0
    (held,) = told(run("audit", "holder", serial, "--json"))
    assert held == {"serial": serial, "entry": about[0]["entry"]}


def test_the_newest_come_last_and_only_so_many(run: Run, delivered: IssuedCertificate) -> None:
    entries = told(run("audit", "entries", "--json", "--limit", "3"))
    numbers = [entry["entry"] for entry in entries]
    assert numbers == list(range(numbers[0], numbers[0] + 3))
    assert entries[-1]["action"] == "certificate.activated"
    assert [
        entry["entry"] for entry in told(run("audit", "entries", "--actor", "clerk-1", "--json"))
    ] == numbers[-1:]
    lines = run("audit", "entries", "--action", "certificate.activated").stdout.splitlines()
    assert len(lines) == 1
    assert f"{delivered.serial:032x}" in lines[0]


def test_no_name_is_in_any_entry(run: Run, delivered: IssuedCertificate) -> None:
    whole = run("audit", "entries", f"{delivered.serial:x}", "--json").stdout
    for personal in ("سارا", "محمدی", "0012345679"):
        assert personal not in whole


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["holder", "5"], 1, "never issued"),
        (["holder", "no-file"], 1, "neither a certificate file nor"),
        (["entries", "no-file"], 1, "neither a certificate file nor"),
        (["entries", "5", "--subject", "root-g1"], 2, "either CERTIFICATE or --subject"),
        (["entries", "--limit", "0"], 2, "--limit"),
    ],
)
def test_wrong_questions(run: Run, arguments: list[str], code: int, message: str) -> None:
    refused = run("audit", *arguments)
    assert (refused.exit_code, refused.stdout) == (code, "")
    assert message in refused.stderr


def test_nothing_found_is_no_error(run: Run) -> None:
    assert told(run("audit", "entries", "--subject", "nobody", "--json")) == []


def test_what_was_written_for_somebody_else_is_refused(
    run: Run, home: Home, delivered: IssuedCertificate, citizen_request: Requests
) -> None:
    opened = open_pki(home)
    try:
        other = opened.authority.issue(citizen_request("another"))
        with opened.engine.begin() as connection:
            salts = "SELECT salt FROM intents WHERE request_id = 'another'"
            change = f"UPDATE intents SET salt = ({salts}) WHERE serial = :serial"  # noqa: S608
            connection.execute(text(change), {"serial": delivered.serial.to_bytes(16, "big")})
    finally:
        opened.close()
    assert run("audit", "holder", f"{other.serial:x}").exit_code == 0
    refused = run("audit", "holder", f"{delivered.serial:x}")
    assert (refused.exit_code, refused.stdout) == (1, "")


def test_a_terminal_is_not_commanded_by_an_entry(run: Run, home: Home) -> None:
    opened = open_pki(home)
    try:
        with opened.engine.begin() as connection:
            connection.execute(
                text(
                    "INSERT INTO audit SELECT sequence + 1, time, char(27) || '[2J', action, subject,"
                    " details, hash, previous_hash FROM audit ORDER BY sequence DESC LIMIT 1"
                )
            )
    finally:
        opened.close()
    shown = run("audit", "entries", "--limit", "1")
    assert "\x1b" not in shown.stdout
    assert "?[2J" in shown.stdout


def test_another_entry_that_somebody_appends_denies_no_holder(
    run: Run, home: Home, delivered: IssuedCertificate
) -> None:
    serial = f"{delivered.serial:032x}"
    before = told(run("audit", "holder", serial, "--json"))
    append(
        home,
        "SELECT MAX(sequence) + 1, time, actor, 'certificate.issued',"
        f" '{serial}', '{{}}', hash, previous_hash",
    )
    assert told(run("audit", "holder", serial, "--json")) == before


@pytest.mark.parametrize("body", ["x''", "x'3003020101'", "'text'"])
def test_an_odd_body_is_named(run: Run, home: Home, delivered: IssuedCertificate, body: str) -> None:
    change(home, f"UPDATE certificate_bodies SET der = {body}")  # noqa: S608 - the test's own words
    refused = run("audit", "holder", f"{delivered.serial:032x}")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "changed by somebody else" in refused.stderr


def test_json_commands_no_terminal(run: Run, home: Home) -> None:
    append(
        home,
        "SELECT sequence + 1, time, char(155) || '[2J', action, subject, details, hash, previous_hash",
    )
    shown = run("audit", "entries", "--limit", "1", "--json")
    assert "\x9b" not in shown.stdout
    assert json.loads(shown.stdout)["actor"] == "\x9b[2J"


def test_a_question_in_no_utf_8_is_refused(run: Run) -> None:
    refused = run("audit", "entries", "--subject", "\udcff")
    assert refused.exit_code == 2
    assert "UTF-8" in refused.stderr


def append(home: Home, selection: str) -> None:
    change(home, f"INSERT INTO audit {selection} FROM audit ORDER BY sequence DESC LIMIT 1")


def change(home: Home, statement: str) -> None:
    opened = open_pki(home)
    try:
        with opened.engine.begin() as connection:
            connection.execute(text(statement))
    finally:
        opened.close()
