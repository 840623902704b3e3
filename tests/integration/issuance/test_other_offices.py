"""Nobody reaches into another office, and nobody learns what is there (OWASP API1:2023)."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

import httpx
import pytest
from sqlalchemy import select

from issuance.app import create_app
from issuance.batchruns.models import BatchRun
from issuance.delivery.models import Delivery
from issuance.enrolment.repository import get_application
from issuance.lifecycle.cards import get_card
from issuance.operators.models import NATIONWIDE, Role
from issuance.production.models import Production
from issuance.stock.models import Body
from issuance.web.permissions import PERMISSIONS
from tests.integration.issuance.minimal import request_bodies
from tests.integration.issuance.office import CLERK, Office
from tests.integration.issuance.staff import HERE, THERE, Staff, staff
from tests.integration.issuance.test_registry_api import refused

OWNED = {route: line for route, line in PERMISSIONS.items() if line.object is not None}


@dataclass(frozen=True)
class Thing:
    """Something of each kind, all in the first office."""

    identifiers: dict[str, str]
    national_code: str

    def filled(self, route: str) -> str:
        """The route with identifiers of what is there."""
        number = self.identifiers["card_number"] if "/cards/" in route else "1"
        for name, value in {**self.identifiers, "number": number}.items():
            route = route.replace(f"{{{name}}}", value)
        return route


def absent(route: str) -> str:
    """The same route, for something that nobody has."""
    method, _, path = route.partition(" ")
    return f"{method} " + "/".join("1" if part.startswith("{") else part for part in path.split("/"))


@pytest.fixture
def thing(office: Office) -> Thing:
    card = office.issue()
    run = BatchRun(
        id="B" * 16, office=HERE, state="cancelled", started_by=CLERK.username, started_at=office.clock()
    )
    with office.registry.database.writing() as session:
        session.add(run)
        found = get_card(session, card)
        delivery = session.scalars(select(Delivery.id)).one()
        production = session.scalars(select(Production.id)).one()
        batch = session.get_one(Body, card).batch_id
        return Thing(
            {
                "application_id": found.application_id,
                "production_id": production,
                "card_number": card,
                "delivery_id": delivery,
                "batch_id": batch,
                "serial": card,
                "batch_run_id": run.id,
            },
            found.national_code,
        )


@pytest.fixture
def people(server: str, office: Office, thing: Thing) -> Iterator[Staff]:  # noqa: ARG001 - first it is there
    with staff(server, office) as everybody:
        yield everybody


@pytest.fixture
def bodies(office: Office) -> dict[str, object]:
    return request_bodies(create_app(office.registry).openapi())


def told(answer: httpx.Response) -> tuple[int, str]:
    """What is told beside the address that was asked for, which a page's links repeat."""
    address = quote(answer.request.url.path, safe="")
    return answer.status_code, answer.text.replace(address, "").replace(answer.request.url.path, "")


def test_what_is_elsewhere_is_as_if_it_were_not(
    people: Staff, thing: Thing, bodies: dict[str, object]
) -> None:
    for route, line in OWNED.items():
        sent = {"json": bodies[route]} if route in bodies else {}
        for role in line.roles - NATIONWIDE:
            member = people[THERE, role]
            answer = member.ask(thing.filled(route), **sent)
            assert answer.status_code == 404, (route, role, answer.text)
            assert told(answer) == told(member.ask(absent(route), **sent)), (route, role)


def test_what_is_here_is_there(people: Staff, thing: Thing) -> None:
    """The same routes, or the test before would prove nothing."""
    for route, line in OWNED.items():
        for role in line.roles if route.startswith("GET ") else ():
            answer = people[HERE, role].ask(thing.filled(route))
            assert answer.status_code in {200, 409}, (route, role, answer.text)  # 409: a matter of its state


def test_an_auditor_reads_in_every_office(people: Staff, thing: Thing) -> None:
    auditor = people[THERE, Role.AUDITOR]
    assert auditor.ask(thing.filled("GET /v1/applications/{application_id}")).status_code == 200
    assert auditor.ask("GET /v1/applications").json()["total"] == 1


def test_lists_are_of_ones_own_office(people: Staff, thing: Thing) -> None:
    for role in (Role.CLERK, Role.SUPERVISOR, Role.PRODUCTION):
        assert people[THERE, role].ask("GET /v1/applications").json()["total"] == 0
        assert people[HERE, role].ask("GET /v1/applications").json()["total"] == 1
        for words in (thing.national_code, thing.identifiers["application_id"]):
            asked = "POST /v1/applications/searches"
            assert people[THERE, role].ask(asked, json={"words": words}).json()["total"] == 0
            assert people[HERE, role].ask(asked, json={"words": words}).json()["total"] == 1
        assert thing.national_code not in people[THERE, role].ask("GET /applications").text
        assert people[THERE, role].ask("GET /v1/batch-runs").json() == []
    keeper = people[THERE, Role.STOCK]
    assert keeper.ask("GET /v1/stock").json()["received"] == 0
    assert keeper.ask("GET /v1/orders").json() == []


def test_objects_that_bodies_name(people: Staff, office: Office, thing: Thing) -> None:
    waiting = office.enrol(1)
    batch = {"items": [{"id": waiting, "version": office_version(office, waiting)}]}
    supervisor = people[THERE, Role.SUPERVISOR]
    refused(supervisor.ask("POST /v1/approval-batches", json=batch), 404, "not-found")
    assert people[HERE, Role.SUPERVISOR].ask("POST /v1/approval-batches", json=batch).status_code == 201
    keeper = people[THERE, Role.STOCK]
    theirs = {"serials": [thing.identifiers["serial"]], "reason": "x"}
    refused(keeper.ask("POST /v1/stock/spoilage", json=theirs), 409, "elsewhere")


def test_a_card_is_stopped_wherever_its_holder_comes(people: Staff, thing: Thing) -> None:
    clerk = people[THERE, Role.CLERK]
    suspended = clerk.ask(thing.filled("POST /v1/cards/{card_number}/suspension"))
    assert suspended.json()["state"] == "suspended"


def office_version(office: Office, application_id: str) -> int:
    with office.registry.database.reading() as session:
        return get_application(session, application_id).version
