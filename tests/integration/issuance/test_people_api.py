"""Export and erasure over HTTP, and by the command at the registry's machine."""

import io
import json
import zipfile
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from sqlalchemy import select

from hoviat import main
from issuance.lifecycle.states import RevocationCause
from issuance.lookups.models import RecordLookup
from issuance.operators.models import Role
from issuance.people.models import Erasure
from tests.integration.issuance.office import CLERK, Office
from tests.integration.issuance.staff import HERE, Staff, staff
from tests.integration.issuance.test_registry_api import Api, refused

ERASURES = "/people/erasures"


def code(office: Office, number: int = 0) -> str:
    return office.people.person(number).national_code


def looked(office: Office) -> list[tuple[str, str]]:
    with office.registry.database.reading() as session:
        rows = session.scalars(select(RecordLookup).order_by(RecordLookup.at, RecordLookup.id))
        return [(row.what, row.purpose) for row in rows]


def ended(office: Office) -> None:
    office.registry.lifecycle.revoke(CLERK, office.issue(0), RevocationCause.LOST)


def test_an_export_is_a_signed_archive_and_a_look(office: Office, supervisor: Api) -> None:
    office.enrol(0)
    said = {"Hoviat-Purpose": "court-order; case=7"}
    spaced = f" {code(office)[:3]} {code(office)[3:]} ".translate(str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹"))
    answer = supervisor.post("/people/exports", json={"national_code": spaced.replace(" ", "")}, headers=said)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        held = json.loads(archive.read("person.json"))["held"]
        (key,) = office.registry.tracking.keys.public.values()
        key.verify(archive.read("person.json.sig"), archive.read("person.json"), ec.ECDSA(SHA256()))
        assert archive.read(held["applications"][0]["portrait"]).startswith(b"\xff\xd8")
    assert held["citizens"][0]["national_code"] == code(office)
    assert looked(office) == [("export", "court-order")]


def test_an_export_of_nobody_is_none(office: Office, supervisor: Api) -> None:
    body = {"national_code": code(office, 5)}
    refused(supervisor.post("/people/exports", json=body), 404, "not-found")
    refused(supervisor.post("/people/exports", json={"national_code": "12"}), 422, "invalid-national-code")
    del supervisor.headers["Hoviat-Purpose"]
    office.enrol(5)
    refused(supervisor.post("/people/exports", json=body), 400, "purpose-missing")
    assert looked(office) == []


def second(people: Staff) -> Api:
    api = people[HERE, Role.SUPERVISOR].api
    api.base_url = httpx.URL(f"{str(api.base_url).rstrip('/')}/v1")
    return api


def test_two_supervisors_erase(server: str, office: Office, supervisor: Api) -> None:
    ended(office)
    body = {"national_code": code(office), "ground": "court"}
    with staff(server, office, (HERE,)) as people:
        other = second(people)
        number = supervisor.post(ERASURES, json=body).json()["id"]
        refused(supervisor.post(ERASURES, json=body), 409, "erased-already")
        (shown,) = other.get(ERASURES).json()
        assert (shown["id"], shown["national_code"], shown["requested_by"]) == (
            number,
            code(office),
            "supervisor-1",
        )
        assert ("list", "audit") in looked(office)
        confirmation = f"{ERASURES}/{number}/confirmation"
        refused(supervisor.post(confirmation), 403, "own-erasure")
        assert other.post(confirmation).status_code == 204
        refused(other.post(confirmation), 409, "erased-already")
        refused(other.post(f"{ERASURES}/{number}/withdrawal"), 409, "erased-already")
        assert other.get(ERASURES).json() == []
        refused(supervisor.post("/people/exports", json={"national_code": code(office)}), 404, "not-found")


def test_a_withdrawn_one_makes_room(server: str, office: Office, supervisor: Api) -> None:
    ended(office)
    body = {"national_code": code(office), "ground": "court"}
    number = supervisor.post(ERASURES, json=body).json()["id"]
    assert supervisor.post(f"{ERASURES}/{number}/withdrawal").status_code == 204
    with staff(server, office, (HERE,)) as people:
        refused(second(people).post(f"{ERASURES}/{number}/confirmation"), 404, "not-found")
    assert supervisor.post(ERASURES, json=body).status_code == 201


@pytest.mark.parametrize("number", ["1", "%00", "ا", "0" * 200])
def test_erasures_that_are_not_there(supervisor: Api, number: str) -> None:
    refused(supervisor.post(f"{ERASURES}/{number}/confirmation"), 404, "not-found")


def test_a_live_card_stands_in_the_way(office: Office, supervisor: Api) -> None:
    office.issue(0)
    body = {"national_code": code(office), "ground": "court"}
    refused(supervisor.post(ERASURES, json=body), 409, "not-erasable")


def run(office: Office, name: str, *arguments: str, national_code: str | None = None) -> Result:
    passwords = json.loads((office.home.secrets / "operators.json").read_text())
    environment = {"HOVIAT_OPERATOR_PASSWORD": passwords[name], "HOVIAT_NATIONAL_CODE": national_code}
    place = ["--home", str(office.home.root), "registry"]
    return CliRunner().invoke(main, [*place, *arguments, "--operator", name], env=environment)


def test_the_command_exports(office: Office, tmp_path: Path) -> None:
    office.enrol(0)
    folder = tmp_path / "out"
    export = ("person", "export", str(folder))
    assert run(office, "clerk-1", *export, national_code=code(office)).exit_code == 1
    assert not folder.exists()
    odd = run(office, "supervisor-1", *export, "--purpose", "curiosity", national_code=code(office))
    assert odd.exit_code == 1
    made = run(
        office, "supervisor-1", *export, "--purpose", "court-order; case=7", national_code=code(office)
    )
    assert made.exit_code == 0, made.output
    assert json.loads((folder / "person.json").read_text())["held"]["applications"]
    assert code(office) not in made.output
    again = run(office, "supervisor-1", *export, national_code=code(office))
    assert again.exit_code == 1
    assert "exists" in again.output
    wrong = run(office, "supervisor-1", "person", "export", str(tmp_path / "x"), national_code="1234")
    assert (wrong.exit_code, (tmp_path / "x").exists()) == (1, False)
    # the second one was made, and then found no place: it was read all the same
    assert looked(office) == [("export", "court-order"), ("export", "holder-request")]


def test_the_command_erases_by_two(office: Office) -> None:
    ended(office)
    asked = run(
        office,
        "supervisor-1",
        "person",
        "erase",
        "request",
        "--ground",
        "court",
        national_code=code(office),
    )
    assert asked.exit_code == 0, asked.output
    number = asked.output.strip()
    alone = run(office, "supervisor-1", "person", "erase", "confirm", number)
    assert alone.exit_code == 1
    assert "somebody else" in alone.output
    with office.registry.database.reading() as session:
        assert session.get_one(Erasure, number).confirmed_by is None


def test_the_command_that_prints_a_history_is_a_look(office: Office) -> None:
    application = office.enrol(0)
    printed = run(office, "clerk-1", "history", "citizen", national_code=code(office))
    assert printed.exit_code == 0, printed.output
    assert "application.submitted" in printed.output
    assert code(office) not in printed.output
    assert run(office, "clerk-1", "history", "order", application, "--purpose", "decision").exit_code == 0
    assert run(office, "stock-1", "history", "order", application).exit_code == 1
    assert run(office, "clerk-1", "history", "order", "NOBODY").exit_code == 1
    assert looked(office) == [("history", "holder-request"), ("history", "decision")]
