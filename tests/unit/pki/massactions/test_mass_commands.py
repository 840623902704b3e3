"""`hoviat pki mass …` and `hoviat pki expiring`, as officers type them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from pki.authority import CertificateRequest
from pki.bootstrap import open_pki
from pki.home import Home
from tests.delivery import issue_delivered

Run = Callable[..., Result]


@pytest.fixture
def serials(home: Home, citizen_request: Callable[..., CertificateRequest]) -> list[str]:
    opened = open_pki(home)
    try:
        issued = [
            issue_delivered(opened.authority, citizen_request(f"request-{number}")) for number in range(3)
        ]
    finally:
        opened.close()
    return [f"{one.serial:032x}" for one in issued]


def lines(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_from_proposal_to_report(run: Run, serials: list[str], tmp_path: Path) -> None:
    file = tmp_path / "serials.txt"
    file.write_text("\n".join([serials[0], "", serials[1].upper(), ":".join(serials[1:2])]) + "\n")
    why = ("--note", "weak chips", "--officer", "officer-a", "--json")
    (proposed,) = lines(run("mass", "propose", "hold", "--serials", str(file), *why))
    assert (proposed["state"], proposed["preview"]["total"]) == ("proposed", 2)
    assert "digest     " + proposed["digest"] in run("mass", "show", "1").stdout
    confirm = ("mass", "approve", "1", "--digest", proposed["digest"], "--officer")
    refused = run(*confirm, "officer-a")
    assert refused.exit_code == 1
    assert "another officer has to approve it" in refused.stderr
    assert lines(run(*confirm, "officer-b", "--json"))[0]["state"] == "approved"
    progress = lines(run("mass", "run", "1", "--officer", "officer-b", "--part-size", "1", "--json"))
    assert [line["state"] for line in progress] == ["running", "running", "done"]
    assert [line["done"] for line in progress] == [1, 2, 2]
    (report,) = lines(run("mass", "report", "1", "--json"))
    assert report["progress"]["moved"] == 2
    assert report["approved_by"] == "officer-b"
    assert "the record holds" in run("mass", "report", "1").stdout
    assert [line["number"] for line in lines(run("mass", "list", "--json"))] == [1]
    assert "1: hold, done, weak chips" in run("mass", "list").stdout
    assert lines(run("resume", serials[0], "--json"))[0]["status"] == "good"


PROPOSE = ["mass", "propose", "hold", "--note", "x", "--officer", "officer-a"]


@pytest.mark.parametrize(
    ("arguments", "exit_code", "cause"),
    [
        (PROPOSE, 1, "it would mean every certificate"),
        ([*PROPOSE, "--provenance", "nowhere"], 1, "no certificate meets it"),
        ([*PROPOSE, "--role", "boss"], 1, "there is no 'boss'; there are root, citizen-auth"),
        ([*PROPOSE, "--profile", "root_ca"], 1, "CAs and responders take no part"),
        ([*PROPOSE, "--issued-before", "yesterday"], 1, "'yesterday' is no ISO 8601 time"),
        ([*PROPOSE, "--serials", "/nowhere"], 2, "does not exist"),
        ([*PROPOSE, "--serials", __file__], 1, "line 1: not a serial in hexadecimal"),
        ([*PROPOSE, "--provenance", "b", "--reason", "superseded"], 1, "go with a revocation alone"),
        (["mass", "propose", "revoke", "--note", "x", "--officer", "a", "--issuer", "i"], 1, "final reasons"),
        (
            ["mass", "propose", "hold", "--note", "x", "--officer", "A B", "--issuer", "i"],
            1,
            "label is 1 to 63 of a-z",
        ),
        (["mass", "propose", "explode"], 2, "explode"),
        (["mass", "show", "9"], 1, "mass action 9: there is none"),
        (["mass", "approve", "9", "--officer", "b"], 2, "--digest"),
        (["mass", "run", "9", "--officer", "b"], 1, "there is none"),
        (["mass", "pause", "0", "--officer", "b"], 2, "0 is not in the range"),
        (["mass", "cancel", "9"], 2, "--officer"),
        (["expiring"], 2, "--within"),
    ],
)
def test_refusals_name_their_cause(run: Run, arguments: list[str], exit_code: int, cause: str) -> None:
    result = run(*arguments)
    assert result.exit_code == exit_code
    assert cause in result.stderr
    assert result.stdout == ""


def test_a_pause_and_a_cancellation_are_told(run: Run, serials: list[str]) -> None:
    assert len(serials) == 3
    lines(run(*PROPOSE, "--profile", "authentication", "--json"))
    refused = run("mass", "pause", "1", "--officer", "officer-a")
    assert "is proposed and can't become paused" in refused.stderr
    assert lines(run("mass", "cancel", "1", "--officer", "officer-a", "--json"))[0]["state"] == "cancelled"


def test_what_ends_soon_is_listed_and_counted(run: Run, serials: list[str]) -> None:
    assert not [
        line for line in lines(run("expiring", "--within", "1000", "--json")) if "citizen" in line["issuer"]
    ]
    run("revoke", serials[0], "--reason", "superseded")
    found = lines(run("expiring", "--within", "1830", "--json"))
    assert {line["serial"] for line in found if line["profile"] == "authentication"} == set(serials[1:])
    ends = [line["not_after"] for line in found]
    assert ends == sorted(ends)
    counts = lines(run("expiring", "--within", "1830", "--count", "--json"))
    assert {"issuer": "citizen-auth-g1", "profile": "authentication", "certificates": 2} in counts
