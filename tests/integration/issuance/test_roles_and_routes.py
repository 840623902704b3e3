"""Each role at each route over HTTP: who may gets past the gate and past the service, nobody else does."""

from collections.abc import Iterator

import httpx
import pytest

from issuance.app import create_app
from issuance.operators.models import Role
from issuance.web.permissions import API, PAGES, PERMISSIONS
from tests.integration.issuance.minimal import request_bodies
from tests.integration.issuance.office import Office
from tests.integration.issuance.staff import HERE, Member, Staff, staff
from tests.integration.issuance.test_registry_api import refused

WORDS = {"{whose}": "batch"}
"""Parameters of a closed set."""
NOT_SET_UP_HERE = 503
"""This office has no verifier."""
ENDS_THE_SESSION = {"DELETE /v1/sessions/current", "POST /logout"}


@pytest.fixture
def people(server: str, office: Office) -> Iterator[Staff]:
    with staff(server, office, (HERE,)) as everybody:
        yield everybody


@pytest.fixture
def bodies(office: Office) -> dict[str, object]:
    return request_bodies(create_app(office.registry).openapi())


def filled(route: str) -> str:
    """The route with identifiers of what isn't there."""
    method, _, path = route.partition(" ")
    parts = (WORDS.get(part, "1") if part.startswith("{") else part for part in path.split("/"))
    return f"{method} " + "/".join(parts)


def refused_for_its_role(answer: httpx.Response) -> bool:
    problem = answer.headers["content-type"] == "application/problem+json"
    return problem and answer.json()["type"].endswith(":role-required")


def test_each_role_at_the_api(people: Staff, bodies: dict[str, object]) -> None:
    for route in sorted(set(API) - ENDS_THE_SESSION):
        line = PERMISSIONS[route]
        sent = {"json": bodies[route]} if route in bodies else {}
        for role in Role:
            answer = people[HERE, role].ask(filled(route), **sent)
            if line.citizen:
                refused(answer, 401, "citizen-not-signed-in")
            elif role in line.roles or line.is_public:
                assert answer.status_code < 500 or answer.status_code == NOT_SET_UP_HERE, (route, role)
                assert not refused_for_its_role(answer), (route, role, answer.text)
                assert "request-malformed" not in answer.text, (route, role, answer.text)
            else:
                told = refused(answer, 403, "role-required")
                assert told["detail"] == "only for: " + ", ".join(sorted(line.roles)), route


def test_each_role_at_the_pages(people: Staff) -> None:
    for route in sorted(set(PAGES) - ENDS_THE_SESSION):
        line = PERMISSIONS[route]
        for role in Role:
            answer = people[HERE, role].ask(filled(route))
            if line.citizen:
                assert answer.headers["location"].endswith("/my-record/login"), (route, role)
                continue
            closed = answer.status_code == 403 and "Your role does not allow this" in answer.text
            assert closed is not (role in line.roles or line.is_public), (route, role, answer.text)
            assert answer.status_code < 500, (route, role, answer.text)


def test_everybody_may_leave(people: Staff) -> None:
    for role in Role:
        member = people[HERE, role]
        assert member.ask("DELETE /v1/sessions/current").status_code == 204
        refused(member.ask("GET /v1/offices"), 401, "not-signed-in")


def test_who_has_no_pages_sees_who_they_are_and_can_leave(people: Staff) -> None:
    for role in (Role.STOCK, Role.PKI_OFFICER, Role.ADMINISTRATOR):
        pages = people[HERE, role].pages
        for path in ("/", "/applications", "/nowhere"):
            page = pages.get(path)
            assert f"{role}-of-{HERE}" in page.text, (role, path)
            assert "Sign out" in page.text, (role, path)
    assert people[HERE, Role.CLERK].pages.get("/").headers["location"].endswith("/applications")


def test_strangers(server: str, bodies: dict[str, object]) -> None:
    with httpx.Client(base_url=server) as stranger:
        somebody = Member(stranger, stranger)
        for route, line in PERMISSIONS.items():
            sent = {"json": bodies[route]} if route in bodies else {}
            answer = somebody.ask(filled(route), **sent)
            if line.is_public:
                assert "not-signed-in" not in answer.text, route
            elif line.citizen and route in API:
                refused(answer, 401, "citizen-not-signed-in")
            elif route in API:
                refused(answer, 401, "not-signed-in")
            else:
                assert answer.headers["location"].endswith("/login"), route


def test_neither_door_takes_the_others_key(people: Staff) -> None:
    member = people[HERE, Role.SUPERVISOR]
    token = member.api.headers["Authorization"].removeprefix("Bearer ")
    cookie = dict(member.pages.cookies)["hoviat-session"]
    with httpx.Client(base_url=member.api.base_url, cookies={"hoviat-session": cookie}) as swapped:
        refused(swapped.get("/v1/applications"), 401, "not-signed-in")
    with httpx.Client(base_url=member.api.base_url, headers={"Authorization": f"Bearer {token}"}) as swapped:
        assert swapped.get("/applications").headers["location"].endswith("/login")
