"""Every read of a person's record says why and is on record, at the API and at the pages."""

from collections import Counter

import httpx
import pytest
from sqlalchemy import select

from issuance.lookups.models import RecordLookup
from issuance.operators.models import Role
from issuance.web.permissions import PERMISSIONS
from tests.integration.issuance.office import Office
from tests.integration.issuance.staff import HERE, THERE, staff
from tests.integration.issuance.test_registry_api import Api, refused

RECORDS = {
    "/applications": "list",
    "/applications/{id}": "application",
    "/applications/{id}/portrait": "portrait",
    "/applications/{id}/register-answers": "register-answers",
    "/applications/{id}/matches": "matches",
    "/applications/{id}/lookups": "lookups",
}


def looks(office: Office) -> Counter[tuple[str, str]]:
    with office.registry.database.reading() as session:
        return Counter((row.what, row.purpose) for row in session.scalars(select(RecordLookup)))


@pytest.mark.parametrize("path", RECORDS)
def test_a_read_without_a_purpose_shows_nothing(office: Office, clerk: Api, path: str) -> None:
    application = office.enrol()
    del clerk.headers["Hoviat-Purpose"]
    here = path.replace("{id}", application)
    refused(clerk.get(here), 400, "purpose-missing")
    refused(clerk.get(here, headers={"Hoviat-Purpose": "curiosity"}), 400, "purpose-invalid")
    refused(clerk.get(here, headers={"Hoviat-Purpose": "court-order"}), 400, "purpose-invalid")
    assert looks(office) == Counter()
    assert clerk.get(here, headers={"Hoviat-Purpose": "court-order; case=17"}).status_code == 200
    assert looks(office) == Counter({(RECORDS[path], "court-order"): 1})


def test_a_list_is_a_look_at_everybody_on_it(office: Office, clerk: Api) -> None:
    for number in range(3):
        office.enrol(number)
    assert clerk.get("/applications").json()["total"] == 3
    assert looks(office) == Counter({("list", "enrolment"): 3})


def test_a_search_is_a_look_and_its_words_are_in_no_url(server: str, office: Office, clerk: Api) -> None:
    for number in range(2):
        office.enrol(number)
    code = office.people.person(0).national_code
    assert clerk.get("/applications", params={"q": code}).json()["total"] == 2, "no words of a URL are read"
    before = looks(office)
    found = clerk.post("/applications/searches", json={"words": code})
    assert found.json()["total"] == 1
    assert code not in str(found.request.url)
    assert looks(office) - before == Counter({("list", "enrolment"): 1})
    without = {"Authorization": clerk.headers["Authorization"]}
    with httpx.Client(base_url=f"{server}/v1", headers=without) as silent:
        refused(silent.post("/applications/searches", json={"words": code}), 400, "purpose-missing")
    for wrong in (
        {},
        {"words": ""},
        {"words": "x" * 65},
        {"words": code, "page": 0},
        {"words": code, "q": "x"},
    ):
        refused(clerk.post("/applications/searches", json=wrong), 422, "request-malformed")


def test_the_pages_search_by_a_form_of_their_own(server: str, office: Office) -> None:
    for number in range(2):
        office.enrol(number)
    code = office.people.person(0).national_code
    with staff(server, office, (HERE,)) as people:
        browser = people[HERE, Role.CLERK].pages
        page = browser.get("/applications", params={"q": code})
        assert page.text.count('class="person"') == 2
        assert 'method="get"' not in page.text
        csrf = page.text.partition('name="csrf" value="')[2].partition('"')[0]
        found = browser.post("/applications", data={"csrf": csrf, "q": code})
        assert found.text.count('class="person"') == 1
        assert f"q={code}" not in found.text
        assert browser.post("/applications", data={"q": code}).status_code == 403
        assert browser.post("/applications", data={"csrf": csrf, "q": "x" * 65}).status_code == 422


def test_what_is_not_there_is_no_look(office: Office, clerk: Api) -> None:
    refused(clerk.get("/applications/X"), 404, "not-found")
    assert looks(office) == Counter()


def test_a_look_at_a_card(office: Office, clerk: Api) -> None:
    card = office.issue()
    assert clerk.get(f"/cards/{card}").status_code == 200
    assert looks(office) == Counter({("card", "enrolment"): 1})


def test_the_counter_tells_office_role_and_purpose_and_no_name(
    server: str, office: Office, clerk: Api
) -> None:
    application = office.enrol()
    with staff(server, office, (HERE, THERE)) as people:
        auditor = people[THERE, Role.AUDITOR]
        assert auditor.ask(f"GET /v1/applications/{application}").status_code == 200
        said = {"Hoviat-Purpose": "holder-request"}
        answer = clerk.get(f"/applications/{application}/lookups", headers=said)
        told = [
            (each["office"], each["role"], each["purpose"], each["what"]) for each in answer.json()["lookups"]
        ]
        assert told == [
            (HERE, "clerk", "holder-request", "lookups"),
            (THERE, "auditor", "audit", "application"),
        ]
        assert "auditor-of-2" not in answer.text
        page = people[HERE, Role.CLERK].ask(f"GET /applications/{application}/lookups")
        assert page.status_code == 200
        assert "Who looked at this record" in page.text
        assert "auditor-of-2" not in page.text
        assert "Auditor" in page.text


def test_the_pages_carry_a_purpose(server: str, office: Office) -> None:
    application = office.enrol()
    with staff(server, office, (HERE,)) as people:
        clerk, auditor = people[HERE, Role.CLERK].pages, people[HERE, Role.AUDITOR].pages
        for browser in (clerk, auditor):
            browser.cookies.delete("hoviat-purpose")
        assert clerk.get(f"/applications/{application}").status_code == 200
        asked = auditor.get(f"/applications/{application}")
        assert asked.headers["location"].startswith("/issuance/purpose?back=")
        form = httpx.URL(asked.headers["location"])
        page = auditor.get(str(form).removeprefix("/issuance"))
        csrf = page.text.partition('name="csrf" value="')[2].partition('"')[0]
        answered = auditor.post(
            "/purpose", data={"csrf": csrf, "purpose": "audit", "case": "17", "back": form.params["back"]}
        )
        assert answered.headers["location"] == f"/issuance/applications/{application}"
        assert auditor.get(f"/applications/{application}").status_code == 200
        foreign = auditor.post("/purpose", data={"purpose": "audit", "case": "18"})
        assert foreign.status_code == 403
        without = auditor.post("/purpose", data={"csrf": csrf, "purpose": "audit"})
        assert without.status_code == 400
    assert looks(office) == Counter({("application", "enrolment"): 1, ("application", "audit"): 1})


@pytest.mark.parametrize(
    "cursor", ["", "yesterday", "1e300", f"{'9' * 18}.{'0' * 16}", f"1.{'0' * 16}\n", "\0"]
)
def test_cursors_that_are_none_are_a_mistake_and_no_outage(office: Office, clerk: Api, cursor: str) -> None:
    answer = clerk.get(f"/applications/{office.enrol()}/lookups", params={"cursor": cursor})
    refused(answer, 422, "invalid-input")


def test_the_first_and_the_last_moment_are_moments(office: Office, clerk: Api) -> None:
    application = office.enrol()
    for time, seen in (("0", 0), ("9" * 17, 2)):
        asked = {"cursor": f"{time}.{'0' * 16}"}
        answer = clerk.get(f"/applications/{application}/lookups", params=asked)
        assert len(answer.json()["lookups"]) == seen


def test_every_route_that_shows_a_record_is_among_these() -> None:
    """A new GET below /v1/applications is a record's until it is named here as none."""
    shows_none = {"slip", "slip.svg", "slip.png"}
    found = {
        route.removeprefix("GET /v1").replace("{application_id}", "{id}")
        for route in PERMISSIONS
        if route.startswith("GET /v1/applications") and route.rpartition("/")[2] not in shows_none
    }
    assert found == set(RECORDS)
