"""The table of permissions and the routes that the registry really has."""

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace
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
PROVING = {"POST /v1/sessions/current/proof", "POST /proof"}
"""Who one is, once more."""
ADDING = {
    "POST /v1/second-factor",
    "POST /v1/second-factor/confirmation",
    "POST /second-factor",
    "POST /second-factor/confirmation",
}
DECISIONS = {
    "POST /v1/operator-changes",
    "POST /v1/operator-changes/{change_id}/confirmation",
    "POST /v1/offices",
    "PUT /v1/offices/{code}/inspection",
    "DELETE /v1/offices/{code}/inspection",
    "POST /v1/stock/batches/{batch_id}/confirmation",
    "POST /v1/stock/spoilage",
    "POST /v1/stock/condemnations",
    "POST /v1/stock/destructions",
    "POST /v1/applications/{application_id}/matches/{number}/decision",
    "POST /v1/applications/{application_id}/old-card/ending",
    "POST /v1/applications/{application_id}/approval",
    "POST /v1/applications/{application_id}/return",
    "POST /v1/applications/{application_id}/refusal",
    "POST /v1/people/exports",
    "POST /v1/people/erasures",
    "POST /v1/people/erasures/{erasure_id}/confirmation",
    "POST /v1/approval-batches/{batch_id}/confirmation",
    "PUT /v1/orders/{application_id}/urgency",
    "POST /v1/cards/{card_number}/acceptance",
    "POST /v1/cards/{card_number}/rejection",
    "POST /v1/cards/{card_number}/identity-checks",
    "POST /v1/cards/{card_number}/presence-checks",
    "POST /v1/cards/{card_number}/return",
    "POST /v1/cards/{card_number}/recall-ending",
    "POST /v1/cards/{card_number}/resumption",
    "POST /v1/cards/{card_number}/station-renewals",
    "POST /v1/cards/{card_number}/revocation",
    "POST /v1/decrees",
    "POST /v1/decrees/{decree_id}/enactment",
    "POST /v1/decrees/{decree_id}/rejection",
    "POST /v1/mass-actions",
    "POST /v1/mass-actions/{action_id}/confirmation",
    "POST /v1/mass-actions/{action_id}/cancellation",
    "POST /v1/mass-actions/{action_id}/run",
    "POST /v1/mass-actions/{action_id}/lift",
    "POST /v1/mass-actions/{action_id}/lift/confirmation",
    "POST /v1/stations",
    "POST /v1/stations/{station_id}/codes",
    "POST /v1/stations/{station_id}/revocation",
    "POST /applications/{application_id}/approval",
    "POST /applications/{application_id}/return",
    "POST /applications/{application_id}/refusal",
    "POST /cards/{number}/identity-checks",
    "POST /cards/{number}/resumption",
    "POST /cards/{number}/revocation",
}
DECIDING = {
    *("approval", "return", "refusal", "decision", "confirmation", "revocation", "resumption", "ending"),
    *("enactment", "acceptance", "rejection", "destructions", "condemnations", "urgency", "recall-ending"),
    *("lift", "spoilage", "collections", "reprieves", "voiding", "cancellation", "withdrawal", "refusals"),
    *("identity-checks", "presence-checks", "decrees", "erasures", "operator-changes", "mass-actions"),
}
"""How the paths of decisions end."""
NO_DECISIONS = {
    "POST /v1/second-factor/confirmation": "the first code of one's own app",
    "POST /second-factor/confirmation": "the first code of one's own app",
    "POST /v1/batch-runs/{batch_run_id}/resumption": "machines go on",
    "POST /v1/batch-runs/{batch_run_id}/cancellation": "machines stop; each order keeps its place",
    "POST /v1/productions/{production_id}/voiding": "a run that stopped; its card is nobody's yet",
    "POST /productions/{production_id}/voiding": "a run that stopped; its card is nobody's yet",
    "POST /v1/stock/collections": "cards that had ended were handed in",
    "POST /v1/stock/reprieves": "all stays as it is",
    "POST /v1/operator-changes/{change_id}/withdrawal": "all stays as it is",
    "POST /v1/people/erasures/{erasure_id}/withdrawal": "all stays as it is",
    "POST /v1/applications/{application_id}/withdrawal": "the applicant's own, and they may come again",
    "POST /v1/cards/{card_number}/refusals": "the person's own; the card waits for them",
    "POST /cards/{number}/refusals": "the person's own; the card waits for them",
}
"""Routes whose names sound like decisions."""
HELP = """
A line for each route stands in issuance/web/permissions.py. Add the missing ones, by their path as declared:
    "POST /v1/things": by(CLERK, SUPERVISOR)                   where the path names no object
    "GET /v1/things/{thing_id}": at(THING, CLERK)              where its office must be the operator's
    "GET /v1/things/{thing_id}": anywhere(CLERK)               in all offices, or the service says whose
A new kind of object gets its office's query in issuance/web/belonging.py. Lines of routes that are gone go.
"""


def app() -> FastAPI:
    return create_app(cast("Issuance", SimpleNamespace(public_url="https://registry.example")))


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
    own = {"DELETE /v1/sessions/current", "POST /logout", "POST /purpose", *PROVING, *ADDING}
    own |= {
        "POST /v1/applications/searches",
        "POST /applications",
        "POST /v1/histories/{whose}",
    }  # what is looked for stands in the body
    may = {route for route, line in PERMISSIONS.items() if Role.AUDITOR in line.roles}
    assert {route for route in may if not route.startswith(READING)} == own


def test_decisions_want_a_new_proof() -> None:
    assert {route for route, line in PERMISSIONS.items() if line.fresh} == DECISIONS


def test_what_sounds_like_a_decision_is_one_or_is_named() -> None:
    """So that a new one isn't forgotten."""
    sounding = {
        route
        for route in PERMISSIONS
        if not route.startswith(READING) and route.rpartition("/")[2] in DECIDING
    }
    assert sounding - DECISIONS == set(NO_DECISIONS)


def test_pages_decide_as_the_api_does() -> None:
    ends = {(path.split("/")[-3:][0], path.rpartition("/")[2]) for path in DECISIONS if "/v1/" in path}
    for route, line in PAGES.items():
        parts = route.partition(" ")[2].split("/")
        if len(parts) > 3 and not route.startswith(READING):
            assert line.fresh is ((parts[-3], parts[-1]) in ends), route


def test_without_the_second_factor_one_adds_it_or_leaves() -> None:
    own = {"DELETE /v1/sessions/current", "POST /logout", "GET /second-factor", *ADDING}
    assert {route for route, line in PERMISSIONS.items() if line.incomplete} == own


def test_machines_people_and_cards_are_apart() -> None:
    """An administrator touches no person's record; whoever works with records runs no machines.

    Mass actions name cards by what they have in common, and nobody. Auditors read what administrators decide.
    """
    for route, line in PERMISSIONS.items():
        if Role.ADMINISTRATOR in line.roles and line.roles != set(Role):
            readers = {Role.AUDITOR} if route.startswith(READING) else set()
            assert line.roles == {Role.ADMINISTRATOR} | readers, route


def test_an_auditor_reads_every_list_and_what_was_decided() -> None:
    """Readers are at hand for whoever makes a card; nothing is decided there."""
    lists = {route for route in API if route.startswith(READING) and "{" not in route}
    closed = {r for r in lists if not (PERMISSIONS[r].is_public or PERMISSIONS[r].citizen)}
    assert {route for route in closed if Role.AUDITOR not in PERMISSIONS[route].roles} == {"GET /v1/readers"}


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
        "POST /card-challenges",
        "POST /login/card",
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
