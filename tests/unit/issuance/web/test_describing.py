"""The OpenAPI document says what an operation wants: whose token, and why a record is looked at."""

import re
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issuance.app import create_app
from issuance.bootstrap import Issuance
from issuance.lookups.errors import PurposeError, PurposeMissingError
from issuance.lookups.purposes import WITH_CASE, Purpose, parse, pattern
from issuance.web.permissions import API

OF_A_RECORD = {
    "GET /v1/applications",
    "POST /v1/applications/searches",
    "GET /v1/applications/{application_id}",
    "GET /v1/applications/{application_id}/portrait",
    "GET /v1/applications/{application_id}/register-answers",
    "GET /v1/applications/{application_id}/matches",
    "POST /v1/applications/{application_id}/matches/{number}/decision",
    "GET /v1/applications/{application_id}/lookups",
    "POST /v1/people/searches",
    "POST /v1/people/exports",
    "GET /v1/people/erasures",
    "GET /v1/cards/{card_number}",
    "GET /v1/cards/{card_number}/validity",
    "GET /v1/cards/{card_number}/identity-checks",
}
OF_SOME_RECORDS = {"POST /v1/histories/{whose}"}
STREAMS = {"events": "text/event-stream", "report.csv": "text/csv", "report.jsonl": "application/jsonl"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return create_app(cast("Issuance", SimpleNamespace(public_url="https://registry.example"))).openapi()


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, found in document["paths"].items()
        for method, operation in found.items()
    }


def headers(document: dict[str, Any], operation: dict[str, Any]) -> list[dict[str, Any]]:
    known = document["components"]["parameters"]
    parameters = operation.get("parameters", [])
    resolved = [known[each["$ref"].rpartition("/")[2]] if "$ref" in each else each for each in parameters]
    return [each for each in resolved if each["in"] == "header"]


def test_whoever_looks_at_a_record_is_told_of_the_header(document: dict[str, Any]) -> None:
    asked = {route: headers(document, each) for route, each in operations(document).items()}
    assert {route for route, found in asked.items() if found} == OF_A_RECORD | OF_SOME_RECORDS
    for route, found in asked.items():
        for header in found:
            assert header["name"] == "Hoviat-Purpose"
            assert header["required"] is (route in OF_A_RECORD), route
            assert header["schema"] == {"type": "string", "pattern": pattern()}


def test_each_operation_says_whose_token_it_wants(document: dict[str, Any]) -> None:
    schemes = document["components"]["securitySchemes"]
    assert {name: (scheme["type"], scheme["scheme"]) for name, scheme in schemes.items()} == {
        "operator": ("http", "bearer"),
        "citizen": ("http", "bearer"),
    }
    for route, operation in operations(document).items():
        line = API[route]
        whose = "citizen" if line.citizen else "operator"
        assert operation["security"] == ([] if line.is_public else [{whose: []}]), route


@pytest.mark.parametrize(("end", "media_type"), STREAMS.items())
def test_streams_of_mass_actions_are_described(document: dict[str, Any], end: str, media_type: str) -> None:
    answer = operations(document)[f"GET /v1/mass-actions/{{action_id}}/{end}"]["responses"]["200"]
    assert set(answer["content"]) == {media_type}


def taken(text: str) -> bool:
    try:
        parse(text)
    except (PurposeError, PurposeMissingError):
        return False
    return True


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize(
    "end",
    ["", "; case=1404/17", ";case=1", "; case=", ";  case=1", "; case=" + "1" * 41, "; case=۱", " 1", "\n"],
)
def test_the_pattern_is_what_is_taken(purpose: Purpose, end: str) -> None:
    said = f"{purpose.value}{end}"
    matches = (
        re.search(pattern().removesuffix("$") + r"\Z", said) is not None
    )  # ECMA-262's $ is at the end only
    assert matches is taken(said) or said != said.strip()
    assert end != "" or matches is (purpose not in WITH_CASE)


@given(st.from_regex(pattern().removesuffix("$") + r"\Z"))
def test_all_that_the_pattern_makes_is_taken(said: str) -> None:
    assert taken(said)


@pytest.mark.parametrize(
    "said", ["", "enrol", "ENROLMENT", "court-order", "enrolment; case=1; case=2", "xenrolment"]
)
def test_what_the_pattern_does_not_know_is_refused(said: str) -> None:
    assert re.search(pattern(), said) is None
    assert not taken(said)
