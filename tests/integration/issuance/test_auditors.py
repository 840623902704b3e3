"""Auditors read what others decide, in all offices, and change nothing."""

from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest

from issuance.enrolment.kinds import RULES
from issuance.lifecycle.cards import get_card
from issuance.lifecycle.states import RevocationCause
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.people.models import Ground
from issuance.stations.models import StationState
from tests.integration.issuance.office import CLERK, SUPERVISOR, Office
from tests.integration.issuance.staff import HERE, THERE, Staff, staff
from tests.integration.issuance.test_deliveries import produced
from tests.integration.issuance.test_registry_api import refused


@pytest.fixture
def people(server: str, office: Office) -> Iterator[Staff]:
    with staff(server, office) as everybody:
        yield everybody


@pytest.fixture
def auditor(people: Staff) -> httpx.Client:
    """Of another office than the one where everything happens."""
    return people[THERE, Role.AUDITOR].api


def test_accounts_and_what_is_to_become_of_them(people: Staff, auditor: httpx.Client) -> None:
    wanted = {"kind": "create", "username": "clerk-77", "role": "clerk", "office": HERE}
    assert people[HERE, Role.ADMINISTRATOR].api.post("/v1/operator-changes", json=wanted).status_code == 201
    assert f"clerk-of-{HERE}" in {account["username"] for account in auditor.get("/v1/operators").json()}
    (change,) = auditor.get("/v1/operator-changes").json()
    assert (change["username"], change["proposed_by"]) == ("clerk-77", f"administrator-of-{HERE}")
    confirmation = f"/v1/operator-changes/{change['id']}/confirmation"
    refused(auditor.post(confirmation, json={"password": "x"}), 403, "role-required")
    refused(auditor.post(f"/v1/operator-changes/{change['id']}/withdrawal"), 403, "role-required")


def test_stations(people: Staff, auditor: httpx.Client) -> None:
    added = people[HERE, Role.ADMINISTRATOR].api.post("/v1/stations", json={"id": "st-1", "office": HERE})
    assert added.status_code == 201
    (station,) = auditor.get("/v1/stations").json()
    assert (station["id"], station["office"], station["state"]) == ("st-1", HERE, StationState.WAITING)
    refused(auditor.post("/v1/stations/st-1/revocation", json={}), 403, "role-required")


def test_decrees_that_nobody_enacted(office: Office, people: Staff, auditor: httpx.Client) -> None:
    today = office.clock().date()
    says = {
        "number": "1404/7",
        "decreed_on": today.isoformat(),
        "expires_from": today.isoformat(),
        "expires_to": (today + timedelta(days=400)).isoformat(),
        "extended_to": (today + timedelta(days=800)).isoformat(),
    }
    proposed = people[HERE, Role.CLERK].api.post("/v1/decrees", json=says)
    assert proposed.status_code == 201
    rejection = f"/v1/decrees/{proposed.json()['id']}/rejection"
    assert people[HERE, Role.SUPERVISOR].api.post(rejection, json={}).status_code == 200
    (decree,) = auditor.get("/v1/decree-proposals").json()
    assert (decree["number"], decree["state"]) == ("1404/7", "rejected")
    assert (decree["proposed_by"], decree["decided_by"]) == (f"clerk-of-{HERE}", f"supervisor-of-{HERE}")
    assert auditor.get(f"/v1/decrees/{decree['id']}").json() == {**decree, "means": 0}
    refused(auditor.post("/v1/decrees", json=says), 403, "role-required")


def test_recalls_of_all_offices(office: Office) -> None:
    card, recalls = produced(office), office.registry.recalls
    office.clock.ahead += RULES.delivery.notice_after + timedelta(days=1)
    assert recalls.notify(CLERK) == [card]
    assert [recall.card_number for recall in recalls.open(Actor("auditor-1", Role.AUDITOR, THERE))] == [card]
    assert recalls.open(Actor("clerk-1", Role.CLERK, THERE)) == []


def test_erasures_are_looks(office: Office, auditor: httpx.Client) -> None:
    card = office.issue()
    with office.registry.database.reading() as session:
        person = get_card(session, card).national_code
    office.registry.lifecycle.revoke(CLERK, card, RevocationCause.LOST)
    office.registry.erasures.request(SUPERVISOR, person, Ground.COURT)
    (erasure,) = auditor.get("/v1/people/erasures").json()
    assert erasure["national_code"] == person
    del auditor.headers["Hoviat-Purpose"]
    refused(auditor.get("/v1/people/erasures"), 400, "purpose-missing")
    refused(auditor.post(f"/v1/people/erasures/{erasure['id']}/confirmation"), 403, "role-required")


@pytest.mark.parametrize("path", ["/v1/stock", "/v1/orders"])
def test_queue_and_stock_of_any_office(path: str, people: Staff, auditor: httpx.Client) -> None:
    seen = auditor.get(path, params={"office": HERE})
    assert seen.status_code == 200
    assert seen.json() == people[HERE, Role.SUPERVISOR].api.get(path).json()
    for role in (Role.CLERK, Role.SUPERVISOR, Role.PRODUCTION, Role.STOCK):
        own = people[HERE, role].api
        assert own.get(path, params={"office": HERE}).json() == own.get(path).json()
        refused(own.get(path, params={"office": THERE}), 404, "not-found")
        refused(own.get(path, params={"office": "9"}), 404, "not-found")
    for strange in ("", "x" * 9, "\0"):
        assert auditor.get(path, params={"office": strange}).status_code == 422
