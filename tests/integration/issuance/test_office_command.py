"""`hoviat registry office`: as over HTTP, by the same people and with the same entry in the audit chain."""

import json

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from hoviat import main
from issuance.audit import AuditEntry
from tests.integration.issuance.office import Office

SHIRAZ = ("--persian-name", "شيراز", "--latin-name", "Shiraz", "--province", "فارس")
"""As a foreign keyboard writes it: with the Arabic ye."""


def hoviat(office: Office, who: str, *arguments: str) -> Result:
    password = json.loads((office.home.secrets / "operators.json").read_bytes())[who]
    command = ["--home", str(office.home.root), "registry", "office", *arguments, "--operator", who]
    return CliRunner().invoke(main, command, env={"HOVIAT_OPERATOR_PASSWORD": password})


def entries(office: Office) -> list[tuple[str, str]]:
    query = select(AuditEntry.actor, AuditEntry.subject).where(AuditEntry.action == "office.opened")
    with office.registry.database.reading() as session:
        return [(row.actor, row.subject) for row in session.execute(query)]


def test_an_office_is_opened_and_listed(office: Office) -> None:
    added = hoviat(office, "supervisor-1", "add", "SH1", *SHIRAZ, "--json")
    assert added.exit_code == 0, added.output
    told = {"code": "SH1", "persian_name": "شیراز", "latin_name": "Shiraz", "province": "فارس"}
    assert json.loads(added.stdout) == told | {"inspects": False}
    assert entries(office) == [("supervisor-1", "office:SH1")]
    listed = hoviat(office, "clerk-1", "list", "--json")
    assert [json.loads(line)["code"] for line in listed.stdout.splitlines()] == ["1", "SH1"]
    assert "شیراز" in hoviat(office, "clerk-1", "list").stdout


@pytest.mark.parametrize("code", ["", "sh1", "SH-1", "123456789", "۱۲", "SH1\n", "1"])
def test_codes_that_are_none_or_taken(office: Office, code: str) -> None:
    refused = hoviat(office, "supervisor-1", "add", code, *SHIRAZ)
    assert refused.exit_code == 1
    assert refused.output.startswith("Error: ")
    assert entries(office) == []


@pytest.mark.parametrize("who", ["clerk-1", "stock-1", "administrator-1", "pki-officer-1"])
def test_whose_work_it_is_not(office: Office, who: str) -> None:
    refused = hoviat(office, who, "add", "SH1", *SHIRAZ)
    assert (refused.exit_code, "supervisor" in refused.output) == (1, True)
    assert entries(office) == []


def test_a_name_of_nothing(office: Office) -> None:
    refused = hoviat(office, "supervisor-1", "add", "SH1", *SHIRAZ, "--province", " \u200c ")
    assert refused.exit_code == 1
    assert "a name has" in refused.output
