"""A person's whole way over HTTP, with mistakes at each: no log, error, metric or chain tells of them."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from issuance.audit import AuditEntry
from issuance.registry.text import persian_digits
from pki.jalali import to_jalali
from simulators.population.register import record_of
from tests.integration.issuance.office import CITIZENS_PIN, CLERK, Office
from tests.integration.issuance.test_registry_api import Api, body

PHRASE = "کتابِ قدیمی ۱۲"
ODD: tuple[object, ...] = ("", "x" * 3000, "\0", "'; --", "\u202e", 7, None, [], {})


class Listening:
    """Keeps every answer that refuses something."""

    def __init__(self) -> None:
        self.refusals: list[httpx.Response] = []
        self.seen: set[int] = set()

    def __call__(self, answer: httpx.Response) -> None:
        answer.read()
        self.seen.add(answer.status_code)
        if answer.is_error:
            self.refusals.append(answer)


@pytest.fixture
def listening(clerk: Api, supervisor: Api) -> Listening:
    found = Listening()
    for api in (clerk, supervisor):
        api.event_hooks = {"response": [found]}
    return found


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Everything that the registry and its server say, but for what a database library says in debugging."""
    with caplog.at_level(logging.DEBUG):
        yield caplog


def marks(office: Office, number: int = 0) -> list[str]:
    """What must stand nowhere."""
    record = record_of(office.people.person(number))
    born = to_jalali(record.birth_date)
    return [
        record.national_code,
        persian_digits(record.national_code),
        record.given_name,
        record.surname,
        record.father_name,
        record.birth_date.isoformat(),
        born,
        persian_digits(born),
        CITIZENS_PIN,
        PHRASE,
    ]


def wrong(right: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The same body with each member spoiled in turn, and one member more."""
    for name in right:
        for value in ODD:
            yield {**right, name: value}
        yield {each: value for each, value in right.items() if each != name}
    yield {**right, "more": right[next(iter(right))]}


def the_way(office: Office, clerk: Api, supervisor: Api) -> str:
    """From the form to a delivered card that a call has stopped; its number."""
    for spoiled in wrong(body(office)):
        clerk.post("/applications", json=spoiled)
    clerk.post("/applications", content=json.dumps(body(office))[:-1])
    application = clerk.post("/applications", json=body(office)).json()
    here = f"/applications/{application['id']}"
    clerk.post("/applications", json=body(office))  # a second one of the same person
    for spoiled in wrong({"latin_surname": "A", "version": application["version"]}):
        clerk.patch(here, json=spoiled)
    version = clerk.get(here).json()["version"]
    clerk.post(f"{here}/submission", json={"version": version})
    clerk.post(f"{here}/approval", json={})
    supervisor.post(f"{here}/approval", json={"version": 99})
    supervisor.post(f"{here}/approval", json={})
    supervisor.post(f"{here}/approval", json={})
    office.insert(office.blank())
    card = office.produce(application["id"]).card_number
    assert card is not None
    delivery = office.open_delivery(card)
    clerk.post(f"/deliveries/{delivery.delivery_id}/completion", json={"signature": "AA=="})
    office.registry.deliveries.complete(CLERK, delivery.delivery_id, office.accept(delivery))
    assert clerk.put(f"/cards/{card}/pass-phrase", json={"pass_phrase": PHRASE}).is_success
    person = office.people.person(0)
    said = {
        "national_code": person.national_code,
        "birth_date": person.birth_date.isoformat(),
        "pass_phrase": PHRASE,
    }
    for spoiled in wrong(said):
        supervisor.post("/suspension-calls", json=spoiled)
    supervisor.post("/suspension-calls", json=said)
    for path in ("/people/searches", "/people/exports", "/people/erasures", "/histories/citizen"):
        key = {"/people/searches": "words", "/histories/citizen": "identifier"}.get(path, "national_code")
        for spoiled in wrong({key: person.national_code}):
            supervisor.post(path, json=spoiled)
    return card


def test_a_persons_way_leaves_no_trace_outside_their_record(
    office: Office,
    server: str,
    clerk: Api,
    supervisor: Api,
    listening: Listening,
    log: pytest.LogCaptureFixture,
) -> None:
    the_way(office, clerk, supervisor)
    telling = {
        f"{answer.request.method} {answer.url} {answer.status_code}": answer.text
        for answer in listening.refusals
    }
    assert len(listening.refusals) > 100
    assert {400, 403, 404, 409, 422} & listening.seen >= {403, 409, 422}
    assert not {status for status in listening.seen if status >= 500}
    telling["metrics"] = httpx.get(f"{server}/metrics").text
    telling["log"] = "\n".join(
        f"{record.name} {record.getMessage()} {record.exc_text}" for record in log.records
    )
    assert "POST" in telling["log"]
    with office.registry.database.reading() as session:
        telling["chain"] = "\n".join(
            f"{entry.actor} {entry.action} {entry.subject} {json.dumps(entry.details, ensure_ascii=False)}"
            for entry in session.scalars(select(AuditEntry))
        )
    assert "card.delivered" in telling["chain"]
    found = [(where, mark) for where, text in telling.items() for mark in marks(office) if mark in text]
    assert found == []
