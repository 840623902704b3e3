"""Generated requests, by each role, at each operation of the API: documented answers, and never a 5xx."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from issuance.app import create_app
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.web.permissions import permission
from tests.integration.issuance.office import Office, open_office
from tests.repeated import REPEATED

pytestmark = REPEATED

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
MODES = (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)
ROLES = {
    "clerk-1": Role.CLERK,
    "supervisor-1": Role.SUPERVISOR,
    "stock-1": Role.STOCK,
    "administrator-1": Role.ADMINISTRATOR,
}
NOBODY = "nobody"
PRIVILEGED = {
    "state": "approved",
    "approved_by": "supervisor-1",
    "decided_by": "supervisor-1",
    "enrolled_by": "clerk-2",
    "actor": "administrator-1",
    "role": "administrator",
    "office": "2",
    "id": "0" * 16,
    "version_id": 1,
    "__proto__": {},
}
"""What a body may say nowhere: who acts, and where a thing stands, is not the sender's to say."""
POISONS = ("\0", "ali\0", "1" * 5000, 2**63, -(2**63) - 1, "\ud800", "%", "_", "\\", "'", "\u202e" * 30)
SIGN_OUT = "/v1/sessions/current"
BOUNDED = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


class World:
    """A registry with a bit of everything, signed-in people, and the names of what there is."""

    def __init__(self, office: Office) -> None:
        self.app = create_app(office.registry)
        delivered = office.issue(0)
        office.insert(office.blank())
        made = office.produce(office.approved(1))
        office.remove()
        passwords = json.loads((office.home.secrets / "operators.json").read_text())
        sign_in = office.registry.operators.sign_in
        self.tokens = {name: sign_in(name, passwords[name], "127.0.0.1") for name in ROLES}
        self._prove = {name: (self.tokens[name], passwords[name], "127.0.0.1") for name in ROLES}
        self._operators = office.registry.operators
        self.names: Mapping[str, list[str]] = {
            "application_id": [made.application_id, office.approved(2), office.enrol(3)],
            "card_number": [delivered, str(made.card_number)],
            "number": ["1"],
            "serial": [delivered, office.blank().stem],
            "production_id": [made.id],
            "delivery_id": [office.open_delivery(str(made.card_number)).delivery_id],
            "code": ["1"],
            "station_id": [
                office.registry.stations.add(Actor("administrator-1", Role.ADMINISTRATOR), "st-1", "1").id
            ],
        }

    def prove(self, names: list[str]) -> None:
        """Decisions want a new proof of who sends them."""
        for name in names:
            self._operators.prove(*self._prove[name])

    def headers(self, role: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens.get(role, 'x')}"}


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """On both: what one database takes, the other may refuse."""
    if request.param == "postgresql":
        monkeypatch.setenv("HOVIAT_ISSUANCE_DATABASE", request.getfixturevalue("postgres_url"))
    with open_office(tmp_path) as office:
        yield World(office)


def operations(app: FastAPI) -> list[tuple[str, str]]:
    return [(path, method.upper()) for path, found in app.openapi()["paths"].items() for method in found]


def poisoned(found: Any, draw: st.DrawFn) -> None:
    """Puts something that databases choke on in the place of one member, however deep."""
    if isinstance(found, dict) and found:
        name = draw(st.sampled_from(sorted(found)))
        if isinstance(found[name], dict):
            poisoned(found[name], draw)
        else:
            found[name] = draw(st.sampled_from(POISONS))


@st.composite
def requests(draw: st.DrawFn, world: World, operation: Any) -> tuple[schemathesis.Case[Any], str]:
    """A request, right or wrong; where it names something, as often as not a thing that there is."""
    case = draw(operation.as_strategy(draw(st.sampled_from(MODES))))
    for name in case.path_parameters or {}:
        there = world.names.get(name)
        if there and draw(st.booleans()):
            case.path_parameters[name] = draw(st.sampled_from(there))
    if draw(st.integers(0, 3)) == 0:
        poisoned(case.query, draw)
        poisoned(case.body, draw)
    role = NOBODY if case.operation.path == SIGN_OUT else draw(st.sampled_from([*ROLES, *ROLES, NOBODY]))
    return case, role


def test_generated_requests_end_as_described(world: World) -> None:
    schema = schemathesis.openapi.from_asgi("/openapi.json", world.app)
    failures: list[Exception] = []
    for path, method in operations(world.app):
        operation = schema[path][method]

        @BOUNDED
        @given(requests(world, operation))
        def request(drawn: tuple[schemathesis.Case[Any], str]) -> None:
            case, role = drawn
            case.call_and_validate(headers=world.headers(role), checks=CHECKS)

        try:
            request()
        except Exception as error:  # noqa: BLE001 - each operation is tried before any is told of
            error.add_note(f"{method} {path}")
            failures.append(error)
    if failures:
        raise ExceptionGroup("operations that do not keep to their description", failures)


def schemas_of(document: Any, found: Any) -> Iterator[dict[str, Any]]:
    """Every object schema that a body consists of, through all references."""
    if isinstance(found, list):
        for each in found:
            yield from schemas_of(document, each)
    if not isinstance(found, dict):
        return
    if "$ref" in found:
        yield from schemas_of(document, document["components"]["schemas"][found["$ref"].rpartition("/")[2]])
        return
    if found.get("type") == "object":
        yield found
    for each in found.values():
        yield from schemas_of(document, each)


def bodies(app: FastAPI) -> Iterator[tuple[str, str, list[dict[str, Any]]]]:
    document = app.openapi()
    for path, found in document["paths"].items():
        for method, operation in found.items():
            if "requestBody" in operation:
                yield path, method.upper(), list(schemas_of(document, operation["requestBody"]["content"]))


def refuses_members(world: World, operation: Any, known: set[str]) -> None:
    """A right body with one member more is no right body, whoever may send it."""
    line = permission(operation.method.upper(), operation.path)
    assert line is not None
    may = [name for name, role in ROLES.items() if line.is_public or role in line.roles]
    world.prove(may if line.fresh else [])

    @BOUNDED
    @given(st.data())
    def request(data: st.DataObject) -> None:
        case = data.draw(operation.as_strategy(MODES[0]))
        name = data.draw(st.sampled_from(sorted(PRIVILEGED.keys() - known)))
        case.body = {**(case.body if isinstance(case.body, dict) else {}), name: PRIVILEGED[name]}
        named = {each for each in case.path_parameters or {} if each in world.names}
        for each in named:
            case.path_parameters[each] = data.draw(st.sampled_from(world.names[each]))
        refusals = {422} if named == set(case.path_parameters or {}) else {422, 404}
        headers = world.headers(data.draw(st.sampled_from(may))) | {"Hoviat-Purpose": "decision"}
        answer = case.call(headers=headers)
        assert answer.status_code in refusals, (
            f"{operation.method} {operation.path} takes {name}: {answer.status_code}"
        )

    request()


def test_no_body_takes_a_member_that_it_does_not_know(template: Path, tmp_path: Path) -> None:
    """Mass assignment: by the document for every member, by requests for those that would matter."""
    with open_office(tmp_path, template) as office:
        world = World(office)
        schema = schemathesis.openapi.from_asgi("/openapi.json", world.app)
        described = list(bodies(world.app))
        assert len(described) > 30
        for path, method, objects in described:
            assert objects
            assert all(found.get("additionalProperties") is False for found in objects), f"{method} {path}"
            known = {name for found in objects for name in found.get("properties", {})}
            refuses_members(world, schema[path][method], known)
