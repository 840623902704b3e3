"""The table of permissions and the routes that the registry really has."""

import asyncio
from collections.abc import Iterator
from typing import cast

import httpx
import pytest
from fastapi import FastAPI
from starlette.routing import BaseRoute, Mount, Route

from issuance.app import create_app
from issuance.bootstrap import Issuance
from issuance.operators.models import Role
from issuance.web.permissions import API, PAGES, PERMISSIONS

NOT_IN_THE_TABLE = {"/openapi.json", "/static"}
"""What Starlette serves by itself: the description of the API, and the pages' files."""
READING = ("GET ",)
HELP = """
A line for each route stands in issuance/web/permissions.py. Add the missing ones, by their path as declared:
    "POST /v1/things": by(CLERK, SUPERVISOR)                   where the path names no object
    "GET /v1/things/{thing_id}": at(THING, CLERK)              where its office must be the operator's
    "GET /v1/things/{thing_id}": anywhere(CLERK)               in all offices, or the service says whose
A new kind of object gets its office's query in issuance/web/belonging.py. Lines of routes that are gone go.
"""


def app() -> FastAPI:
    return create_app(cast("Issuance", object()))


def routes(found: list[BaseRoute]) -> Iterator[tuple[str, str]]:
    for route in found:
        if isinstance(route, (Route, Mount)):
            for method in getattr(route, "methods", None) or {""}:
                yield method, route.path
        else:
            yield from routes(route.original_router.routes)  # type: ignore[attr-defined]


def declared() -> set[str]:
    return {f"{method} {path}" for method, path in routes(app().routes) if path not in NOT_IN_THE_TABLE}


def test_the_table_has_exactly_the_routes() -> None:
    found = declared()
    missing, superfluous = sorted(found - set(PERMISSIONS)), sorted(set(PERMISSIONS) - found)
    assert (missing, superfluous) == ([], []), f"missing: {missing}, superfluous: {superfluous}{HELP}"


def test_nothing_is_named_twice() -> None:
    assert len(API) + len(PAGES) == len(PERMISSIONS)


def test_objects_in_paths_have_an_office_or_need_none() -> None:
    loose = {route for route, line in PERMISSIONS.items() if "{" in route and not line.is_public}
    loose -= {route for route, line in PERMISSIONS.items() if line.object is not None or line.any_office}
    assert loose == set(), HELP


@pytest.mark.parametrize("route", [route for route, line in PERMISSIONS.items() if line.object])
def test_an_objects_identifier_is_in_its_path(route: str) -> None:
    owned = PERMISSIONS[route].object
    assert owned is not None
    assert sum(f"{{{name}}}" in route for name in owned.parameters) == 1


def test_an_auditor_changes_nothing() -> None:
    own = {"DELETE /v1/sessions/current", "POST /logout", "POST /purpose"}
    own |= {"POST /v1/applications/searches", "POST /applications"}  # what is looked for stands in the body
    may = {route for route, line in PERMISSIONS.items() if Role.AUDITOR in line.roles}
    assert {route for route in may if not route.startswith(READING)} == own


def test_machines_people_and_cards_are_apart() -> None:
    """An administrator touches no person's record; whoever works with records runs no machines.

    Mass actions name cards by what they have in common, and nobody.
    """
    for route, line in PERMISSIONS.items():
        if Role.ADMINISTRATOR in line.roles and line.roles != set(Role):
            assert line.roles == {Role.ADMINISTRATOR}, route


def test_what_strangers_may_is_this_and_no_more() -> None:
    assert {route for route, line in PERMISSIONS.items() if line.is_public} == {
        "GET /healthz",
        "GET /metrics",
        "POST /v1/sessions",
        "POST /v1/sessions/card-challenges",
        "POST /v1/sessions/by-card",
        "POST /v1/citizen-sessions/card-challenges",
        "POST /v1/citizen-sessions",
        "GET /my-record/login",
        "POST /my-record/login",
        "POST /my-record/challenges",
        "POST /v1/status",
        "GET /v1/slip-keys",
        "POST /v1/station-enrolments",
        "GET /v1/decrees",
        "GET /",
        "GET /login",
        "POST /login",
        "GET /language/{code}",
    }


def test_what_citizens_may_is_this_and_names_nothing() -> None:
    """No identifier in a path: the record is that of the session, whatever is asked."""
    found = {route: line for route, line in PERMISSIONS.items() if line.citizen}
    assert set(found) == {
        "DELETE /v1/citizen-sessions/current",
        "GET /v1/my-record",
        "GET /v1/my-record/lookups",
        "GET /my-record",
        "POST /my-record/logout",
    }
    assert not any(line.roles or line.is_public or line.object for line in found.values())


@pytest.mark.parametrize("path", ["/v1/back-door", "/back-door"])
def test_a_route_without_a_line_is_closed_to_everybody(path: str) -> None:
    opened = app()

    @opened.get(path)
    def back_door() -> str:
        return "let in"

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(opened), base_url="http://registry"
        ) as door:
            return await door.get(path)

    answer = asyncio.run(ask())
    assert answer.status_code == 403
    assert "let in" not in answer.text
    if path.startswith("/v1/"):
        assert answer.json()["type"] == "urn:hoviat:problem:route-closed"
