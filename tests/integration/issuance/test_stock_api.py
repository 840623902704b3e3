"""The JSON API of offices, stock, orders, batch runs, inspection: the way, and hostile bodies."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from issuance.app import create_app
from issuance.operators.models import Role
from issuance.web.permissions import API
from simulators.actors.operator import add_operator
from simulators.factory import make_blank
from simulators.installation.server import running
from tests.integration.issuance.office import Office
from tests.integration.issuance.test_registry_api import Api, refused

SERIAL = "0000000001"
RANGE = {"first": SERIAL, "last": SERIAL}
BODIES: dict[str, dict[str, Any]] = {
    "/v1/offices": {"code": "1", "persian_name": "x", "latin_name": "x", "province": "x"},
    "/v1/stock/batches": {"product": "P71", "delivery_note": "taken", "serials": [RANGE]},
    "/v1/stock/batches/{batch_id}/count": {"serials": [RANGE]},
    "/v1/stock/batches/{batch_id}/confirmation": {"bodies": 1},
    "/v1/stock/sendings": {"serials": [SERIAL], "office": "9"},
    "/v1/stock/arrivals": {"serials": [SERIAL]},
    "/v1/stock/spoilage": {"serials": [SERIAL], "reason": "x"},
    "/v1/stock/collections": {"serials": [SERIAL], "reason": "x"},
    "/v1/stock/condemnations": {"serials": [SERIAL], "reason": "x"},
    "/v1/stock/reprieves": {"serials": [SERIAL], "reason": "x"},
    "/v1/stock/destructions": {"serials": [SERIAL], "reason": "x"},
    "/v1/stock/bodies/{serial}/reservation": {"application_id": "x"},
    "/v1/orders/{application_id}/urgency": {"reason": "x"},
    "/v1/batch-runs": {"readers": ["no such reader"]},
    "/v1/cards/{card_number}/rejection": {"reason": "x"},
}


@pytest.fixture
def server(office: Office) -> Iterator[str]:
    with running(Starlette(routes=[Mount("/issuance", create_app(office.registry))])) as address:
        yield f"{address}/issuance"


@pytest.fixture
def people(server: str, office: Office) -> Iterator[dict[str, Api]]:
    """Somebody of each role, and a second stock keeper."""
    passwords = json.loads((office.home.secrets / "operators.json").read_text())
    passwords["producer"] = add_operator(office.registry.accounts, "producer", Role.PRODUCTION)
    with ExitStack() as stack:
        apis = {}
        for name, password in passwords.items():
            api = stack.enter_context(httpx.Client(base_url=server, timeout=60))
            session = api.post("/v1/sessions", json={"username": name, "password": password})
            api.headers["Authorization"] = f"Bearer {session.json()['token']}"
            api.headers["Hoviat-Purpose"] = "enrolment"
            apis[name] = api
        yield apis


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("/v1/offices", {"code": "x" * 9}),
        ("/v1/offices", {"code": ""}),
        ("/v1/offices", {"inspects": True}),
        ("/v1/stock/batches", {"serials": []}),
        ("/v1/stock/batches", {"serials": [RANGE] * 5001}),
        ("/v1/stock/batches", {"serials": [{"first": SERIAL}]}),
        ("/v1/stock/batches", {"serials": [{**RANGE, "last": "1"}]}),
        ("/v1/stock/batches", {"office": "2"}),
        ("/v1/stock/batches", {"state": "confirmed"}),
        ("/v1/stock/batches", {"expected_on": "soon"}),
        ("/v1/stock/batches", {"delivery_note": "x" * 65}),
        ("/v1/stock/batches/{batch_id}/confirmation", {"bodies": 0}),
        ("/v1/stock/batches/{batch_id}/confirmation", {"bodies": 10**9}),
        ("/v1/stock/batches/{batch_id}/confirmation", {"confirmed_by": "somebody"}),
        ("/v1/stock/spoilage", {"serials": [SERIAL] * 1001}),
        ("/v1/stock/spoilage", {"reason": ""}),
        ("/v1/stock/destructions", {"actor": "somebody"}),
        ("/v1/orders/{application_id}/urgency", {"reason": "x" * 201}),
        ("/v1/batch-runs", {"readers": ["x"] * 17}),
        ("/v1/batch-runs", {"readers": ["x" * 201]}),
        ("/v1/batch-runs", {"office": "2"}),
    ],
)
def test_malformed_bodies(office: Office, people: dict[str, Api], path: str, change: dict[str, Any]) -> None:
    (method,) = {route.split()[0] for route in API if route.endswith(f" {path}")} - {"GET", "DELETE"}
    filled = path
    if "{batch_id}" in path:
        announced = people["stock-1"].post("/v1/stock/batches", json=BODIES["/v1/stock/batches"])
        filled = path.replace("{batch_id}", announced.json()["id"])
    elif "{application_id}" in path:
        filled = path.replace("{application_id}", office.approved())
    answer = people["supervisor-1"].request(method, filled, json={**BODIES[path], **change})
    refused(answer, 422, "request-malformed")


@pytest.mark.parametrize("serials", [[{"first": "000000000x", "last": SERIAL}], [RANGE, RANGE]])
def test_no_serials(people: dict[str, Api], serials: list[dict[str, str]]) -> None:
    body = {**BODIES["/v1/stock/batches"], "serials": serials}
    refused(people["stock-1"].post("/v1/stock/batches", json=body), 422, "invalid-range")


def test_from_delivery_note_to_an_inspected_card(office: Office, people: dict[str, Api]) -> None:
    first, second, clerk = people["stock-1"], people["stock-2"], people["clerk-1"]
    supervisor, producer = people["supervisor-1"], people["producer"]
    blank = make_blank(office.home.cards, office.pki.master_keys["factory"])
    serials = {"serials": [{"first": blank.stem, "last": blank.stem}]}
    delivery = {"product": "P71", "delivery_note": "DN 1", "expected_on": "2026-12-01", **serials}
    batch = first.post("/v1/stock/batches", json=delivery).json()["id"]
    refused(second.post("/v1/stock/batches", json=delivery), 409, "delivery-note-taken")
    assert first.post(f"/v1/stock/batches/{batch}/count", json=serials).status_code == 204
    confirmation = f"/v1/stock/batches/{batch}/confirmation"
    refused(first.post(confirmation, json={"bodies": 1}), 403, "second-person")
    refused(second.post(confirmation, json={"bodies": 2}), 409, "count-mismatch")
    assert second.post(confirmation, json={"bodies": 1}).status_code == 204
    stock = first.get("/v1/stock").json()
    assert (stock["opening"], stock["received"], stock["on_hand"]) == (0, 1, 1)
    assert stock["days_of_cover"] is None

    assert supervisor.put("/v1/offices/1/inspection").json()["inspects"]
    application = office.approved()
    assert [order["application_id"] for order in clerk.get("/v1/orders").json()] == [application]
    urgency = supervisor.put(f"/v1/orders/{application}/urgency", json={"reason": "سفر درمانی"})
    assert urgency.status_code == 204
    order = clerk.get(f"/v1/orders/{application}").json()
    assert (order["priority"], order["ahead"], order["expected_on"]) == ("urgent", 0, None)
    assert clerk.post(f"/v1/orders/{application}/promise").json()["promised_on"] is None

    office.insert(blank)
    run = producer.post("/v1/batch-runs", json={"readers": [office.reader.name]}).json()
    with producer.stream("GET", f"/v1/batch-runs/{run['id']}/events") as events:
        assert events.headers["content-type"].startswith("text/event-stream")
        for line in events.iter_lines():
            if line.startswith("data: "):
                view = json.loads(line.removeprefix("data: "))
                if view["produced"] == 1:
                    break
    assert producer.post(f"/v1/batch-runs/{run['id']}/cancellation").json()["state"] == "cancelled"
    refused(producer.post(f"/v1/cards/{blank.stem}/acceptance"), 403, "own-card")
    refused(clerk.post(f"/v1/cards/{blank.stem}/deliveries"), 409, "forbidden-transition")
    assert clerk.post(f"/v1/cards/{blank.stem}/acceptance").status_code == 204
    assert clerk.get(f"/v1/applications/{application}").json()["state"] == "ready"
    history = clerk.get(f"/v1/stock/bodies/{blank.stem}").json()
    assert [(row["kind"], row["actor"]) for row in history] == [("receive", "stock-2"), ("take", "producer")]


def test_offices(people: dict[str, Api]) -> None:
    supervisor = people["supervisor-1"]
    new = {"code": "ISF1", "persian_name": "اصفهان", "latin_name": "Isfahan", "province": "اصفهان"}
    assert supervisor.post("/v1/offices", json=new).status_code == 201
    refused(supervisor.post("/v1/offices", json=new), 409, "office-exists")
    refused(supervisor.post("/v1/offices", json={**new, "code": "isf"}), 422, "invalid-input")
    assert [office["code"] for office in supervisor.get("/v1/offices").json()] == ["1", "ISF1"]
