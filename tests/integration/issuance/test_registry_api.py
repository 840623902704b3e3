"""The JSON API from outside: the whole way, and what it refuses."""

import base64
import json
from typing import Any

import httpx
import pytest

from issuance.delivery.service import OpenDelivery
from issuance.registry.nationalcode import check_digit
from simulators.population.portrait import draw_portrait
from tests.integration.issuance.office import Office

Api = httpx.Client


def body(office: Office, number: int = 0) -> dict[str, Any]:
    person = office.people.person(number)
    return {
        "national_code": person.national_code,
        "birth_date": person.birth_date.isoformat(),
        "portrait": base64.b64encode(draw_portrait(person)).decode(),
    }


def refused(answer: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["type"] == f"urn:hoviat:problem:{kind}"
    assert problem["title"]
    return problem


def produced(clerk: Api, application: str, office: Office) -> dict[str, Any]:
    started = clerk.post(f"/applications/{application}/production", json={"reader": office.reader.name})
    assert started.status_code == 202, started.text
    with clerk.stream("GET", f"/productions/{started.json()['id']}/events") as events:
        assert events.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in events.iter_lines() if line.startswith("data: ")]
    last: dict[str, Any] = json.loads(lines[-1].removeprefix("data: "))
    return last


def test_the_whole_way_of_a_card(office: Office, clerk: Api, supervisor: Api) -> None:
    opened = clerk.post("/applications", json=body(office))
    assert opened.status_code == 201, opened.text
    application = opened.json()["id"]
    assert opened.json()["state"] == "draft"
    assert opened.json()["citizen"]["birth_date_jalali"].startswith("13")
    assert clerk.post(f"/applications/{application}/submission", json={}).json()["state"] == "submitted"
    assert supervisor.post(f"/applications/{application}/approval").json()["state"] == "approved"
    office.insert(office.blank())
    run = produced(clerk, application, office)
    assert run["state"] == "produced"
    assert run["apdus"] > 0
    card = run["card_number"]
    refused(clerk.post(f"/cards/{card}/deliveries"), 409, "identity-unchecked")
    seen = {"document": "passport", "same_person": True, "score": 950}
    checked = clerk.post(f"/cards/{card}/identity-checks", json=seen)
    assert (checked.status_code, checked.json()["check"]["outcome"]) == (201, "passed")
    delivery = clerk.post(f"/cards/{card}/deliveries").json()
    challenge = base64.b64decode(delivery["challenge"])
    waiting = OpenDelivery(delivery["delivery_id"], card, delivery["transport_pin"], challenge)
    answer = {name: base64.b64encode(value).decode() for name, value in vars(office.accept(waiting)).items()}
    done = clerk.post(f"/deliveries/{delivery['delivery_id']}/completion", json=answer)
    assert done.status_code == 204
    assert clerk.get(f"/cards/{card}").json()["state"] == "active"
    assert clerk.post(f"/cards/{card}/suspension").json()["state"] == "suspended"
    assert clerk.post(f"/cards/{card}/resumption").json()["state"] == "active"
    assert clerk.post(f"/cards/{card}/revocation", json={"reason": "stolen"}).json()["state"] == "revoked"
    refused(clerk.post(f"/cards/{card}/resumption"), 409, "forbidden-transition")
    refused(clerk.post(f"/cards/{card}/deliveries"), 409, "forbidden-transition")
    assert clerk.get(f"/applications/{application}").json()["state"] == "delivered"
    assert clerk.get(f"/applications/{application}/portrait").content.startswith(b"\xff\xd8\xff")


def test_an_invalid_national_code_changes_nothing(office: Office, clerk: Api) -> None:
    asked = body(office)
    wrong = str((int(asked["national_code"][-1]) + 1) % 10)
    asked["national_code"] = asked["national_code"][:-1] + wrong
    problem = refused(clerk.post("/applications", json=asked), 422, "invalid-national-code")
    assert asked["national_code"] not in json.dumps(problem)
    assert clerk.get("/applications").json()["total"] == 0


def test_an_unknown_citizen(office: Office, clerk: Api) -> None:
    asked = body(office)
    for serial in range(1, 10_000):
        digits = f"001{serial:06d}"
        code = digits + check_digit(digits)
        if office.people.number(code) is None:
            break
    asked["national_code"] = code
    refused(clerk.post("/applications", json=asked), 404, "unknown-citizen")


def test_a_code_of_somebody_with_another_birth_date(office: Office, clerk: Api) -> None:
    asked = {**body(office), "birth_date": "1900-01-01"}
    refused(clerk.post("/applications", json=asked), 409, "birth-date-mismatch")


def test_nobody_approves_their_own_application(office: Office, supervisor: Api) -> None:
    application = supervisor.post("/applications", json=body(office)).json()["id"]
    supervisor.post(f"/applications/{application}/submission")
    for decision in ("approval", "return", "refusal"):
        answer = supervisor.post(f"/applications/{application}/{decision}", json={"note": "x"})
        refused(answer, 403, "own-work")
    assert supervisor.get(f"/applications/{application}").json()["state"] == "submitted"


def test_a_clerk_does_not_approve(office: Office, clerk: Api, supervisor: Api) -> None:
    application = supervisor.post("/applications", json=body(office)).json()["id"]
    supervisor.post(f"/applications/{application}/submission")
    problem = refused(clerk.post(f"/applications/{application}/approval"), 403, "role-required")
    assert "supervisor" in problem["detail"]


def test_one_open_application_per_person(office: Office, clerk: Api, supervisor: Api) -> None:
    assert clerk.post("/applications", json=body(office)).status_code == 201
    refused(supervisor.post("/applications", json=body(office)), 409, "open-application")


def test_nothing_without_a_session(server: str) -> None:
    with httpx.Client(base_url=f"{server}/v1") as stranger:
        answer = stranger.get("/applications")
        refused(answer, 401, "not-signed-in")
        assert answer.headers["www-authenticate"] == "Bearer"
        stranger.headers["Authorization"] = "Bearer guessed"
        refused(stranger.get("/applications"), 401, "not-signed-in")


def test_a_session_ends(clerk: Api) -> None:
    assert clerk.delete("/sessions/current").status_code == 204
    refused(clerk.get("/applications"), 401, "not-signed-in")


def test_guessing_passwords_is_slowed_down(server: str, office: Office) -> None:
    with httpx.Client(base_url=f"{server}/v1") as stranger:
        wrong = {"username": "clerk-1", "password": "wrong"}
        for _ in range(5):
            refused(stranger.post("/sessions", json=wrong), 401, "login-refused")
        answer = stranger.post("/sessions", json=wrong)
        refused(answer, 429, "login-throttled")
        assert int(answer.headers["retry-after"]) > 0
        office.clock.ahead += office.clock.ahead.__class__(hours=2)
        refused(stranger.post("/sessions", json=wrong), 401, "login-refused")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"portrait": "not base 64!"}, "portrait"),
        ({"birth_date": "yesterday"}, "birth_date"),
        ({"national_code": None}, "national_code"),
        ({"state": "approved"}, "state"),
        ({"latin_surname": "x" * 40}, "latin_surname"),
    ],
)
def test_malformed_requests_are_named_and_not_repeated(
    office: Office, clerk: Api, change: dict[str, Any], field: str
) -> None:
    asked = body(office)
    problem = refused(clerk.post("/applications", json={**asked, **change}), 422, "request-malformed")
    assert [fault["field"] for fault in problem["fields"]] == [f"body.{field}"]
    assert asked["national_code"] not in json.dumps(problem)


def test_a_body_beyond_the_bound(clerk: Api) -> None:
    refused(clerk.post("/applications", content=b" " * (1024 * 1024 + 1)), 413, "request-too-large")
    chunks = (b" " * 65_536 for _ in range(32))
    refused(clerk.post("/applications", content=chunks), 413, "request-too-large")


def test_production_refuses_before_it_begins(office: Office, clerk: Api, supervisor: Api) -> None:
    application = clerk.post("/applications", json=body(office)).json()["id"]
    here = {"reader": office.reader.name}
    refused(clerk.post(f"/applications/{application}/production", json=here), 409, "forbidden-transition")
    clerk.post(f"/applications/{application}/submission")
    supervisor.post(f"/applications/{application}/approval")
    refused(clerk.post(f"/applications/{application}/production", json=here), 409, "no-card")
    nowhere = {"reader": "no such reader"}
    refused(clerk.post(f"/applications/{application}/production", json=nowhere), 409, "reader-unavailable")
    assert clerk.get(f"/applications/{application}").json()["state"] == "approved"


@pytest.mark.parametrize("path", ["applications/X", "productions/X", "cards/1", "productions/X/events"])
def test_what_is_not_there(clerk: Api, path: str) -> None:
    refused(clerk.get(f"/{path}"), 404, "not-found")


def test_security_headers_health_and_metrics(server: str, office: Office) -> None:
    office.enrol()
    with httpx.Client(base_url=server) as stranger:
        health = stranger.get("/healthz")
        assert health.status_code == 200
        assert "script-src 'self'" in health.headers["content-security-policy"]
        assert health.headers["cache-control"] == "no-store"
        assert 'hoviat_applications{state="submitted"} 1' in stranger.get("/metrics").text
