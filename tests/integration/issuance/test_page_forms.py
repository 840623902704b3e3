"""Forms of the pages that are filled in wrongly come again, with what is wrong and all that was typed."""

from collections.abc import Iterator

import httpx
import pytest

from issuance.lookups.purposes import CASE_LENGTH
from issuance.operators.models import Role
from simulators.population.portrait import draw_portrait
from tests.integration.issuance.office import Office
from tests.integration.issuance.staff import HERE, Staff, staff
from tests.integration.issuance.test_proofs import token_in


@pytest.fixture
def people(server: str, office: Office) -> Iterator[Staff]:
    with staff(server, office, (HERE,)) as everybody:
        yield everybody


def form_of(pages: httpx.Client, path: str) -> dict[str, str]:
    """What the page's forms hide."""
    page = pages.get(path).text
    version = page.partition('name="version" value="')[2].partition('"')[0]
    return {"csrf": token_in(page), "version": version or "1"}


@pytest.mark.parametrize(
    ("purpose", "case", "told"),
    [
        ("court-order", "", "it needs the number of its case"),
        ("audit", "  ", "it needs the number of its case"),
        ("investigation", "no/پرونده", "none of the known ones"),
        ("audit", "1" * (CASE_LENGTH + 1), "none of the known ones"),
        ("audit", '"><script>', "none of the known ones"),
        ("curiosity", "1404/7", "none of the known ones"),
        ("", "", "say why"),
    ],
)
def test_a_purpose_that_is_none(people: Staff, purpose: str, case: str, told: str) -> None:
    pages = people[HERE, Role.AUDITOR].pages
    hidden = form_of(pages, "/purpose")
    back = "/issuance/applications/new"
    answer = pages.post("/purpose", data={**hidden, "purpose": purpose, "case": case, "back": back})
    assert answer.status_code == 400
    assert told in answer.text
    assert "set-cookie" not in answer.headers
    assert "<script>" not in answer.text.partition("<main")[2]
    assert f'name="back" value="{back}"' in answer.text
    if case.isascii() and '"' not in case:
        assert f'value="{case}"' in answer.text
    if purpose in {"court-order", "audit", "investigation"}:
        assert f'<option value="{purpose}" selected>' in answer.text
    right = {**hidden, "purpose": "audit", "case": "1404/7", "back": back}
    assert pages.post("/purpose", data=right).headers["location"] == back


@pytest.mark.parametrize("end", ["return", "refusal"])
def test_a_decision_without_its_reason_or_with_too_much_of_it(
    people: Staff, office: Office, end: str
) -> None:
    pages, application = people[HERE, Role.SUPERVISOR].pages, office.enrol()
    path = f"/applications/{application}"
    hidden = form_of(pages, path)
    long = "x" * 501
    for note, status in (("", 422), (" \u200c ", 422), (long, 422)):
        answer = pages.post(f"{path}/{end}", data={**hidden, "note": note})
        assert answer.status_code == status
        assert 'role="alert"' in answer.text
        assert f"{application}/return" in answer.text
        assert f">{note}</textarea>" in answer.text
    assert pages.post(f"{path}/{end}", data={**hidden, "note": "a note"}).status_code == 303


def test_what_was_decided_on_and_changed_meanwhile(people: Staff, office: Office) -> None:
    """The note stays; the page shows what there is now."""
    pages, application = people[HERE, Role.SUPERVISOR].pages, office.enrol()
    hidden = form_of(pages, f"/applications/{application}") | {"version": "99"}
    answer = pages.post(f"/applications/{application}/return", data={**hidden, "note": "another portrait"})
    assert answer.status_code == 409
    assert ">another portrait</textarea>" in answer.text
    assert 'name="version" value="99"' not in answer.text


def test_a_correction_that_cant_be_printed(people: Staff, office: Office) -> None:
    pages = people[HERE, Role.CLERK].pages
    person = office.people.person(3)
    new = {"national_code": person.national_code, "birth_date": person.birth_date.isoformat()}
    from_page = form_of(pages, "/applications/new") | new
    portrait = {"portrait": ("portrait.jpg", draw_portrait(person), "image/jpeg")}
    path = pages.post("/applications/new", data=from_page, files=portrait).headers["location"]
    path = path.removeprefix("/issuance")
    wrong = {"latin_given_name": "Reza", "latin_surname": "Ahmadi\u2603"}
    answer = pages.post(f"{path}/correction", data={**form_of(pages, path), **wrong})
    assert answer.status_code == 422
    assert "<details open>" in answer.text
    for name, value in wrong.items():
        assert f'name="{name}" dir="ltr" maxlength="39" value="{value}"' in answer.text
    nothing = {"portrait": ("portrait.jpg", b"no picture", "image/jpeg")}
    again = pages.post(f"{path}/correction", data={**form_of(pages, path), **wrong}, files=nothing)
    assert again.status_code == 422
    assert "Ahmadi" in again.text


def test_a_wrong_password_keeps_the_name(server: str) -> None:
    with httpx.Client(base_url=server) as stranger:
        answer = stranger.post("/login", data={"username": 'nobody-1"', "password": "not the one"})
    assert answer.status_code == 401
    assert 'value="nobody-1&#34;"' in answer.text
    assert "not the one" not in answer.text
