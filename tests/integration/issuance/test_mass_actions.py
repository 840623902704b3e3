"""A weak-key crisis with cards: provenance on record, keys held and made anew, over HTTP and by commands."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from alembic.script import ScriptDirectory
from click.testing import CliRunner, Result
from sqlalchemy import select, text
from starlette.applications import Starlette
from starlette.routing import Mount

from hoviat import main
from issuance.app import create_app
from issuance.bootstrap import open_issuance
from issuance.database import MIGRATIONS
from issuance.delivery.models import Delivery
from issuance.delivery.states import DeliveryState
from issuance.errors import ForbiddenTransitionError
from issuance.histories.service import HistoryOf
from issuance.lifecycle.models import Card, CardCertificate
from issuance.lifecycle.states import RevocationCause
from issuance.massactions.errors import CardHeldError
from issuance.massactions.selection import KeySelection
from issuance.massactions.states import ActionState
from issuance.notices.models import Notice
from issuance.offices.service import NewOffice
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.provenance.models import KeyProvenance
from issuance.provenance.placing import place_of
from pki.errors import StoredValueError
from pki.profiles import Profile
from pki.status.state import Status
from simulators.actors.operator import add_operator
from simulators.installation.server import running
from tests.integration.issuance.office import CITIZENS_PIN, CLERK, SUPERVISOR, Office, Readers
from tests.integration.issuance.staff import HERE, THERE, staff

OFFICER = Actor("pki-officer-1", Role.PKI_OFFICER)
FAR_CLERK = Actor("clerk-of-2", Role.CLERK, THERE)


def keys(office: Office) -> list[KeyProvenance]:
    with office.registry.database.reading() as session:
        return list(
            session.scalars(select(KeyProvenance).order_by(KeyProvenance.slot, KeyProvenance.made_at))
        )


def hold_all(office: Office) -> str:
    """An action over every key there is."""
    actions = office.registry.mass_actions
    action = actions.propose(SUPERVISOR, everything(office), "weak chips").id
    actions.confirm(OFFICER, action)
    assert list(office.registry.mass_runs.run(OFFICER, action))[-1].state is ActionState.HELD
    return action


def lift(office: Office, action: str) -> None:
    office.registry.mass_actions.propose_lift(SUPERVISOR, action, "chips are sound")
    office.registry.mass_actions.confirm_lift(OFFICER, action)
    assert list(office.registry.mass_runs.run(OFFICER, action))[-1].state is ActionState.LIFTED


def everything(office: Office) -> KeySelection:
    return KeySelection(body_batches=frozenset(key.body_batch for key in keys(office)))


def statuses(office: Office) -> set[Status]:
    return {office.status(key.serial).status for key in keys(office) if key.superseded_at is None}


def test_production_records_where_keys_come_from(office: Office) -> None:
    number = office.issue()
    authentication, signature = keys(office)
    assert [(key.slot, key.key_type, key.algorithm) for key in (authentication, signature)] == [
        ("9A", "ec", "secp256r1"),
        ("9C", "ec", "secp384r1"),
    ]
    with office.registry.database.reading() as session:
        rows = {int(row.serial, 16): row.der for row in session.scalars(select(CardCertificate))}
    for key in (authentication, signature):
        assert (key.card_number, key.office, key.station, key.origin) == (number, "1", None, "card")
        assert place_of(rows[key.serial]) == (key.issuer, key.shard)


def test_the_migration_finds_the_same_of_cards_that_there_were(office: Office) -> None:
    office.issue()
    office.registry.renewals.renew(CLERK, office.reader.name, Profile.AUTHENTICATION, CITIZENS_PIN)
    before = [facts(key) for key in keys(office)]
    migration = ScriptDirectory(str(MIGRATIONS)).get_revision("0011").module
    with office.registry.database.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER key_provenance_kept"))
        connection.execute(text("DELETE FROM key_provenance"))
        migration._fill(connection)
    assert [facts(key) for key in keys(office)] == before
    assert len(before) == 3


def facts(key: KeyProvenance) -> tuple[object, ...]:
    """All but the moment, which is only known to the run or renewal."""
    place = (key.serial, key.issuer, key.shard, key.card_number, key.slot, key.algorithm)
    return (*place, key.chip_type, key.body_batch, key.office, key.station, key.superseded_at)


@pytest.mark.parametrize("der", [b"", b"x", b"\x30\x03\x02\x01\x01"])
def test_what_is_no_certificate_has_no_place(der: bytes) -> None:
    with pytest.raises(StoredValueError):
        place_of(der)


def test_a_card_is_rekeyed_and_leaves_the_action(office: Office) -> None:
    office.issue()
    action = hold_all(office)
    assert statuses(office) == {Status.ON_HOLD}
    office.registry.offices.open(SUPERVISOR, NewOffice(THERE, "شیراز", "Shiraz", "فارس"))
    add_operator(office.registry.accounts, FAR_CLERK.username, Role.CLERK, THERE)
    machine = office.home, office.pki, office.register, Readers(office.reader.name), office.clock
    with closing(open_issuance(*machine, office=THERE)) as elsewhere:  # the machine at the other office
        assert list(elsewhere.production.readers(FAR_CLERK)) == [office.reader.name]
        for profile in (Profile.AUTHENTICATION, Profile.SIGNATURE):
            elsewhere.renewals.renew(FAR_CLERK, office.reader.name, profile, CITIZENS_PIN)
    report = office.registry.mass_actions.report(SUPERVISOR, action)
    assert report.states == {"rekeyed": 2}
    assert statuses(office) == {Status.GOOD}
    assert len(keys(office)) == 4
    with office.registry.database.reading() as session:
        assert sorted(key.rpartition(":")[2] for key in session.scalars(select(Notice.key))) == [
            "held",
            "rekeyed",
        ]
    lift(office, action)
    assert statuses(office) == {Status.GOOD}


def test_a_clerk_lifts_no_mass_action(office: Office) -> None:
    number = office.issue()
    office.registry.lifecycle.suspend(CLERK, number)
    action = hold_all(office)
    with pytest.raises(CardHeldError):
        office.registry.lifecycle.resume(CLERK, number)
    with pytest.raises(ForbiddenTransitionError):
        office.registry.renewals.renew(CLERK, office.reader.name, Profile.AUTHENTICATION, CITIZENS_PIN)
    lift(office, action)
    assert statuses(office) == {Status.ON_HOLD}  # the clerk's own
    office.registry.lifecycle.resume(CLERK, number)
    assert statuses(office) == {Status.GOOD}


def test_a_card_that_is_revoked_leaves_the_action(office: Office) -> None:
    number = office.issue()
    action = hold_all(office)
    office.registry.lifecycle.revoke(CLERK, number, RevocationCause.STOLEN)
    assert office.registry.mass_actions.report(SUPERVISOR, action).states == {"ended": 2}
    lift(office, action)
    assert statuses(office) == {Status.REVOKED}


def test_a_held_card_is_not_handed_over(office: Office) -> None:
    office.insert(office.blank())
    number = office.produce(office.approved()).card_number
    assert number is not None
    delivery = office.open_delivery(number)
    action = hold_all(office)
    signature = office.accept(delivery)
    with pytest.raises(CardHeldError):
        office.registry.deliveries.complete(CLERK, delivery.delivery_id, signature)
    with office.registry.database.reading() as session:  # nothing is proven in a crisis
        assert session.get_one(Delivery, delivery.delivery_id).state == DeliveryState.OPEN
    with pytest.raises(CardHeldError):
        office.registry.deliveries.open(CLERK, number)
    assert statuses(office) == {Status.ON_HOLD}
    lift(office, action)
    assert statuses(office) == {Status.ON_HOLD}  # it was never delivered
    office.registry.deliveries.complete(CLERK, delivery.delivery_id, signature)
    assert statuses(office) == {Status.GOOD}


def test_a_held_card_is_seen_as_held_and_its_history_says_why(
    office: Office, server: str, clerk: httpx.Client
) -> None:
    card = office.issue()
    action = hold_all(office)
    told = clerk.get(f"/cards/{card}").json()
    assert told["held_by"] == action
    assert [each["superseded_at"] for each in told["certificates"]] == [None, None]
    with office.registry.database.reading() as session:
        application = session.get_one(Card, card).application_id
    with staff(server, office, (HERE,)) as people:
        page = people[HERE, Role.CLERK].ask(f"GET /applications/{application}").text
        assert "Held: its keys are to be renewed" in page
        over = people[HERE, Role.CLERK].ask(f"GET /cards/{card}/delivery")
        assert (over.status_code, "station deliver" in over.text) == (200, False)  # it was handed over
    for whose, key in ((HistoryOf.CARD, card), (HistoryOf.CITIZEN, office.people.person(0).national_code)):
        events = office.registry.histories.page(CLERK, whose, key).events
        mine = [one for one in events if one.subject == f"mass-action:{action}"]
        assert {"mass-action.proposed", "mass-action.confirmed"} <= {one.what for one in mine}
        assert all(one.why for one in mine)
    lift(office, action)
    assert clerk.get(f"/cards/{card}").json()["held_by"] is None


def test_a_card_that_is_held_between_proof_and_activation_waits(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.insert(office.blank())
    number = office.produce(office.approved()).card_number
    assert number is not None
    deliveries = office.registry.deliveries
    delivery = office.open_delivery(number)
    with monkeypatch.context() as torn:
        torn.setattr(deliveries, "_activate", lambda _: None)
        deliveries.complete(CLERK, delivery.delivery_id, office.accept(delivery))
    action = hold_all(office)
    deliveries.finish_proven()
    assert statuses(office) == {Status.ON_HOLD}
    lift(office, action)
    deliveries.finish_proven()
    assert statuses(office) == {Status.GOOD}


S, A = "supervisor-1", "pki-officer-1"
ROUTES = {
    ("POST", "/v1/mass-actions/preview"),
    ("GET", "/v1/mass-actions"),
    ("POST", "/v1/mass-actions"),
    ("GET", "/v1/mass-actions/{action_id}"),
    ("POST", "/v1/mass-actions/{action_id}/confirmation"),
    ("POST", "/v1/mass-actions/{action_id}/cancellation"),
    ("POST", "/v1/mass-actions/{action_id}/run"),
    ("POST", "/v1/mass-actions/{action_id}/lift"),
    ("POST", "/v1/mass-actions/{action_id}/lift/confirmation"),
    ("GET", "/v1/mass-actions/{action_id}/progress"),
    ("GET", "/v1/mass-actions/{action_id}/events"),
    ("GET", "/v1/mass-actions/{action_id}/report"),
    ("GET", "/v1/mass-actions/{action_id}/report.csv"),
    ("GET", "/v1/mass-actions/{action_id}/report.jsonl"),
}
BODIES: dict[str, dict[str, Any]] = {
    "/v1/mass-actions/preview": {"offices": ["1"]},
    "/v1/mass-actions": {"selection": {"offices": ["1"]}, "reason": "x"},
    "/v1/mass-actions/{action_id}/lift": {"reason": "x"},
}


@pytest.fixture
def people(office: Office) -> Iterator[dict[str, httpx.Client]]:
    passwords = json.loads((office.home.secrets / "operators.json").read_text())
    app = Starlette(routes=[Mount("/issuance", create_app(office.registry))])
    with running(app) as address, ExitStack() as stack:
        apis = {}
        for name, password in passwords.items():
            api = stack.enter_context(httpx.Client(base_url=f"{address}/issuance", timeout=60))
            session = api.post("/v1/sessions", json={"username": name, "password": password})
            api.headers["Authorization"] = f"Bearer {session.json()['token']}"
            apis[name] = api
        yield apis


def kind(answer: httpx.Response) -> str:
    return str(answer.json()["type"]).rpartition(":")[2].rpartition("/")[2]


def test_the_table_names_every_route(office: Office) -> None:
    paths = create_app(office.registry).openapi()["paths"].items()
    found = {(method.upper(), path) for path, methods in paths for method in methods if "mass-action" in path}
    assert found == ROUTES


def test_who_may_at_each_route(people: dict[str, httpx.Client]) -> None:
    for method, path in ROUTES:
        url, body = path.replace("{action_id}", "nothing"), BODIES.get(path)
        for name, api in people.items():
            answer = api.request(method, url, json=body)
            if name in {S, A}:
                assert answer.status_code in {200, 404, 409}, (method, path, answer.text)
            else:
                assert (answer.status_code, kind(answer)) == (403, "role-required"), (
                    method,
                    path,
                    answer.text,
                )
        with httpx.Client(base_url=api.base_url) as stranger:
            assert stranger.request(method, url, json=body).status_code == 401


def test_the_way_over_http(office: Office, people: dict[str, httpx.Client]) -> None:
    office.issue()
    batch = keys(office)[0].body_batch
    selection = {"body_batches": [batch], "key_types": ["ec"], "made_from": "2020-01-01T00:00:00Z"}
    first, second = people[S], people[A]
    assert first.post("/v1/mass-actions/preview", json=selection).json()["keys"] == 2
    proposed = first.post("/v1/mass-actions", json={"selection": selection, "reason": "weak"})
    assert proposed.status_code == 201
    url = f"/v1/mass-actions/{proposed.json()['id']}"
    own = first.post(f"{url}/confirmation")
    assert (own.status_code, kind(own)) == (403, "own-proposal")
    assert second.post(f"{url}/confirmation").json()["confirmed_by"] == A
    assert second.post(f"{url}/run").status_code == 202
    events = [line for line in second.get(f"{url}/events").text.splitlines() if line.startswith("data:")]
    assert json.loads(events[-1].removeprefix("data:"))["state"] == "held"
    assert second.get(f"{url}/progress").json()["held"] == 2
    assert statuses(office) == {Status.ON_HOLD}
    report = second.get(f"{url}/report").json()
    assert (report["states"], report["failures"]) == ({"held": 2}, {})
    lines = second.get(f"{url}/report.csv").text.splitlines()
    assert lines[0] == "serial,issuer,card_number,slot,state,why"
    assert len(lines) == 3
    assert [json.loads(line)["state"] for line in second.get(f"{url}/report.jsonl").text.splitlines()] == [
        "held"
    ] * 2
    assert second.post(f"{url}/lift", json={"reason": "sound"}).status_code == 200
    assert first.post(f"{url}/lift/confirmation").json()["state"] == "lifting"
    assert first.post(f"{url}/run").status_code == 202
    first.get(f"{url}/events")
    assert first.get(url).json()["state"] == "lifted"
    assert statuses(office) == {Status.GOOD}
    assert [each["state"] for each in first.get("/v1/mass-actions").json()] == ["lifted"]


@pytest.mark.parametrize(
    "body",
    [
        {"selection": {}, "reason": "x"},
        {"selection": {"offices": ["1"]}, "reason": ""},
        {"selection": {"offices": ["1"]}, "reason": "x" * 151},
        {"selection": {"offices": ["1"]}},
        {"reason": "x"},
        {"selection": {"offices": "1"}, "reason": "x"},
        {"selection": {"offices": [1]}, "reason": "x"},
        {"selection": {"offices": ["x" * 65]}, "reason": "x"},
        {"selection": {"offices": ["1"] * 201}, "reason": "x"},
        {"selection": {"offices": ["\u0000"]}, "reason": "x"},
        {"selection": {"algorithms": ["dsa"]}, "reason": "x"},
        {"selection": {"slots": ["9A'; DROP TABLE cards; --"]}, "reason": "x"},
        {"selection": {"made_from": "2026-01-01T00:00:00"}, "reason": "x"},
        {"selection": {"made_from": "yesterday"}, "reason": "x"},
        {
            "selection": {"made_from": "2026-01-02T00:00:00Z", "made_before": "2026-01-01T00:00:00Z"},
            "reason": "x",
        },
        {"selection": {"made_from": "2026-01-02T00:00:00.5Z"}, "reason": "x"},
        {"selection": {"offices": ["1"]}, "reason": "x", "tolerance": -1},
        {"selection": {"offices": ["1"]}, "reason": "x", "tolerance": 1e9},
        {"selection": {"offices": ["1"]}, "reason": "x", "proposed_by": "administrator-1"},
        {"selection": {"offices": ["1"], "national_code": ["0084575948"]}, "reason": "x"},
    ],
)
def test_hostile_proposals(people: dict[str, httpx.Client], body: dict[str, Any]) -> None:
    answer = people[S].post("/v1/mass-actions", json=body)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert people[S].get("/v1/mass-actions").json() == []


@pytest.mark.parametrize("name", ["%00", "..%2f..", "x" * 4000, "%27%20OR%201=1", "\u06f1"])
def test_identifiers_that_are_none(people: dict[str, httpx.Client], name: str) -> None:
    for method, tail in (("GET", ""), ("POST", "/confirmation"), ("POST", "/run"), ("GET", "/events")):
        answer = people[S].request(method, f"/v1/mass-actions/{name}{tail}")
        assert answer.status_code in {404, 414, 422}, (name, answer.status_code)


def test_the_commands(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.issue()
    batch = keys(office)[0].body_batch
    passwords = json.loads((office.home.secrets / "operators.json").read_bytes())

    def mass(operator: str, *arguments: str) -> Result:
        monkeypatch.setenv("HOVIAT_OPERATOR_PASSWORD", passwords[operator])
        command_line = [
            "--home",
            str(office.home.root),
            "registry",
            "mass",
            *arguments,
            "--operator",
            operator,
        ]
        return CliRunner().invoke(main, command_line)

    def told(operator: str, *arguments: str) -> dict[str, Any]:
        result = mass(operator, *arguments, "--json")
        assert result.exit_code == 0, result.output
        printed: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
        return printed

    assert told(S, "preview", "--batch", batch)["keys"] == 2
    proposed = told(S, "propose", "--batch", batch, "--reason", "weak chips")
    action = proposed["id"]
    assert "another person" in mass(S, "confirm", action).stderr
    assert mass("clerk-1", "confirm", action).exit_code == 1
    assert told(A, "confirm", action)["state"] == "confirmed"
    assert told(A, "run", action)["held"] == 2
    assert told(A, "progress", action)["state"] == "held"
    assert statuses(office) == {Status.ON_HOLD}
    for_people = mass(A, "report", action, "--keys").stdout + mass(S, "preview", "--batch", batch).stdout
    assert "held 2" in for_people
    assert not {"None", "["} & set(for_people.replace(",", " ").split())
    assert "['" not in for_people
    assert "T" in told(A, "report", action)["action"]["proposed_at"]
    assert told(S, "lift", action, "--reason", "sound")["lift_proposed_by"] == S
    assert told(A, "confirm", action)["state"] == "lifting"
    assert told(A, "run", action)["state"] == "lifted"
    assert statuses(office) == {Status.GOOD}
    assert mass(S, "cancel", action).exit_code == 1
    for wrong in (("--algorithm", "dsa"), ("--made-from", "x"), ("--made-from", "2026-01-01T00:00:00"), ()):
        assert mass(S, "preview", *wrong).exit_code in {1, 2}


def test_notices_are_spooled(office: Office, tmp_path: Path) -> None:
    office.issue()
    hold_all(office)
    home = ["--home", str(office.home.root), "registry", "notices"]
    assert CliRunner().invoke(main, [*home, "send", "--spool", str(tmp_path / "spool")]).exit_code == 0
    (file,) = (tmp_path / "spool").iterdir()
    (line,) = map(json.loads, file.read_text().splitlines())
    assert line["template"] == "card-held"
    status = CliRunner().invoke(main, [*home, "status", "--json"])
    assert json.loads(status.stdout) == {"waiting": 0, "sent": 1, "failed": 0}
    assert CliRunner().invoke(main, [*home, "retry", "nothing"]).exit_code == 1
