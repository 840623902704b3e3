"""Applications over the JSON API: kinds, dates, leases, slips, batches, and what strangers try."""

import base64
import io
import json
from typing import Any

import httpx
import pytest
import zxingcpp
from PIL import Image

from issuance.registry.text import persian_digits
from issuance.tracking.keys import read_pem
from issuance.tracking.slips import verify
from pki.jalali import to_jalali
from tests.integration.issuance.office import CLERK, SUPERVISOR, Office
from tests.integration.issuance.test_registry_api import body, refused

Api = httpx.Client


def opened(clerk: Api, office: Office, number: int = 0, **more: Any) -> dict[str, Any]:
    answer = clerk.post("/applications", json={**body(office, number), **more})
    assert answer.status_code == 201, answer.text
    application: dict[str, Any] = answer.json()
    return application


def submitted(clerk: Api, office: Office, number: int = 0) -> dict[str, Any]:
    application = opened(clerk, office, number)
    answer = clerk.post(
        f"/applications/{application['id']}/submission", json={"version": application["version"]}
    )
    assert answer.status_code == 200, answer.text
    done: dict[str, Any] = answer.json()
    return done


def test_birth_dates_in_both_calendars_and_any_digits(office: Office, clerk: Api) -> None:
    for number in range(3):
        born = office.people.person(number).birth_date
        written = (str(born), to_jalali(born), persian_digits(to_jalali(born)))[number]
        application = opened(clerk, office, number, birth_date=written)
        assert application["citizen"]["birth_date"] == born.isoformat()
        assert application["citizen"]["birth_date_jalali"] == to_jalali(born)


@pytest.mark.parametrize(
    "day", ["1404-12-30", "1403/13/01", "1990-02-30", "0000-00-00", "۱۴۰۴/۱۲/۳۰", "1", 5, None]
)
def test_days_that_are_none(office: Office, clerk: Api, day: object) -> None:
    problem = refused(
        clerk.post("/applications", json={**body(office), "birth_date": day}), 422, "request-malformed"
    )
    assert problem["fields"][0]["field"] == "body.birth_date"


def test_the_thirtieth_of_esfand_of_a_leap_year(office: Office, clerk: Api) -> None:
    answer = clerk.post("/applications", json={**body(office), "birth_date": "1403-12-30"})
    refused(answer, 409, "birth-date-mismatch")


@pytest.mark.parametrize(
    "more",
    [
        {"kind": "gift"},
        {"cause": "bored"},
        {"evidence": [{"document": "x" * 33}]},
        {"evidence": [{"document": "old_card", "reference": "1"}] * 17},
        {"evidence": [{"document": "old_card", "seen_by": "clerk-2"}]},
        {"enrolled_by": "clerk-2"},
        {"tracking_code": "0123456789"},
        {"undecided_matches": 0},
        {"replaces": "0000000001"},
    ],
)
def test_what_a_client_may_not_say(office: Office, clerk: Api, more: dict[str, Any]) -> None:
    refused(clerk.post("/applications", json={**body(office), **more}), 422, "request-malformed")


def test_kinds_that_can_not_be(office: Office, clerk: Api) -> None:
    refused(clerk.post("/applications", json={**body(office), "kind": "renewal"}), 409, "no-card-to-replace")
    lost_first = {**body(office), "cause": "lost"}
    refused(clerk.post("/applications", json=lost_first), 422, "invalid-input")
    paper = {**body(office), "evidence": [{"document": "library_card"}]}
    refused(clerk.post("/applications", json=paper), 422, "unknown-document")


def test_one_editor_and_one_version(office: Office, clerk: Api, supervisor: Api) -> None:
    application = opened(clerk, office)
    here = f"/applications/{application['id']}"
    assert (
        clerk.patch(here, json={"latin_surname": "A", "version": application["version"]}).status_code == 200
    )
    late = {"latin_surname": "B", "version": application["version"]}
    refused(clerk.patch(here, json=late), 409, "version-conflict")
    refused(supervisor.patch(here, json={"latin_surname": "C"}), 409, "being-edited")
    refused(supervisor.post(f"{here}/lease"), 409, "being-edited")
    refused(clerk.post(f"{here}/lease", json={"take_over": True}), 403, "role-required")
    assert supervisor.post(f"{here}/lease", json={"take_over": True}).status_code == 204
    refused(clerk.patch(here, json={"latin_surname": "D"}), 409, "being-edited")
    assert supervisor.patch(here, json={"latin_surname": "E"}).json()["edited_by"] == "supervisor-1"
    assert supervisor.delete(f"{here}/lease").status_code == 204
    refused(supervisor.patch(here, json={"latin_surname": "F"}), 403, "not-taken-over")
    refused(supervisor.post(f"{here}/submission"), 403, "not-taken-over")
    assert clerk.post(f"{here}/lease").status_code == 204
    assert clerk.get(here).json()["citizen"]["latin_surname"] == "E"


def test_returned_with_reasons_and_withdrawn(office: Office, clerk: Api, supervisor: Api) -> None:
    application = submitted(clerk, office)
    here = f"/applications/{application['id']}"
    refused(supervisor.post(f"{here}/return", json={"reasons": ["boredom"]}), 422, "request-malformed")
    refused(supervisor.post(f"{here}/return", json={}), 422, "invalid-input")
    refused(supervisor.post(f"{here}/return", json={"note": "x", "version": 1}), 409, "version-conflict")
    returned = supervisor.post(f"{here}/return", json={"reasons": ["portrait_unfit"]}).json()
    assert (returned["state"], returned["decision_reasons"]) == ("returned", ["portrait_unfit"])
    assert clerk.post(f"{here}/withdrawal").json()["state"] == "withdrawn"
    refused(clerk.post(f"{here}/withdrawal"), 409, "forbidden-transition")


def test_a_slip_in_every_form(office: Office, clerk: Api, server: str) -> None:
    application = submitted(clerk, office)
    here = f"/applications/{application['id']}/slip"
    slip = clerk.get(here).json()
    with httpx.Client(base_url=f"{server}/v1") as stranger:
        keys = read_pem(stranger.get("/slip-keys").content)
        refused(stranger.get(here), 401, "not-signed-in")
        refused(stranger.get(f"{here}.png"), 401, "not-signed-in")
    said = verify(slip["slip"], keys, office.clock())
    assert said.tracking_code == application["tracking_code"]
    png = clerk.get(f"{here}.png")
    assert png.headers["content-type"] == "image/png"
    with Image.open(io.BytesIO(png.content)) as image:
        (read,) = zxingcpp.read_barcodes(image.convert("L"))
    assert verify(read.text, keys, office.clock()).tracking_code == application["tracking_code"]
    assert clerk.get(f"{here}.svg").headers["content-type"] == "image/svg+xml"
    refused(clerk.get(f"/applications/{opened(clerk, office, 1)['id']}/slip"), 409, "forbidden-transition")


def test_the_status_without_a_login(office: Office, clerk: Api, server: str) -> None:
    application = submitted(clerk, office)
    born = office.people.person(0).birth_date
    asked = {"tracking_code": application["tracking_code"], "birth_date": to_jalali(born)}
    with httpx.Client(base_url=f"{server}/v1") as stranger:
        told = stranger.post("/status", json=asked).json()
        assert told == {"stage": "submitted", "promised_on": None}
        answers = [
            stranger.post("/status", json={**asked, **wrong})
            for wrong in (
                {"birth_date": "1999-09-09"},
                {"tracking_code": "0000000000"},
                {"tracking_code": "no code"},
            )
        ]
        assert {answer.status_code for answer in answers} == {404}
        assert len({answer.text for answer in answers}) == 1
        refused(
            stranger.post("/status", json={**asked, "birth_date": "1404-12-30"}), 422, "request-malformed"
        )
        refused(stranger.post("/status", json={**asked, "tracking_code": "x" * 33}), 422, "request-malformed")
        refused(stranger.get("/status"), 405, "method-not-allowed")


def test_guessing_a_birth_date_is_ended(office: Office, clerk: Api, server: str) -> None:
    asked = {"tracking_code": submitted(clerk, office)["tracking_code"], "birth_date": "1999-09-09"}
    with httpx.Client(base_url=f"{server}/v1") as stranger:
        for _ in range(5):
            refused(stranger.post("/status", json=asked), 404, "status-unknown")
        answer = stranger.post("/status", json=asked)
        refused(answer, 429, "status-throttled")
        assert int(answer.headers["retry-after"]) > 0


def test_a_batch_of_approvals(office: Office, clerk: Api, supervisor: Api) -> None:
    applications = [submitted(clerk, office, number) for number in range(3)]
    items = [{"id": each["id"], "version": each["version"]} for each in applications]
    refused(clerk.post("/approval-batches", json={"items": items}), 403, "role-required")
    batch = supervisor.post("/approval-batches", json={"items": items})
    assert batch.status_code == 201, batch.text
    here = f"/approval-batches/{batch.json()['id']}"
    refused(clerk.get(here), 403, "role-required")
    refused(supervisor.post(f"{here}/confirmation", json={"password": "guessed"}), 401, "login-refused")
    password = json.loads((office.home.secrets / "operators.json").read_text())["supervisor-1"]
    refused(clerk.post(f"{here}/confirmation", json={"password": password}), 403, "role-required")
    done = supervisor.post(f"{here}/confirmation", json={"password": password}).json()
    assert [item["outcome"] for item in done["items"]] == ["approved"] * 3
    refused(supervisor.post(f"{here}/confirmation", json={"password": password}), 409, "batch-over")
    assert supervisor.get(here).json()["confirmed_at"] is not None


@pytest.mark.parametrize(
    "items",
    [
        [],
        [{"id": "0" * 16}],
        [{"id": "0" * 16, "version": 0}],
        [{"id": "0" * 15, "version": 1}],
        [{"id": "0" * 16, "version": 2**40}],
        [{"id": "0" * 16, "version": 1}] * 101,
        "all",
    ],
)
def test_batches_that_are_malformed(supervisor: Api, items: object) -> None:
    refused(supervisor.post("/approval-batches", json={"items": items}), 422, "request-malformed")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/applications/X/matches"),
        ("POST", "/applications/X/lease"),
        ("DELETE", "/applications/X/lease"),
        ("POST", "/applications/X/withdrawal"),
        ("GET", "/applications/X/slip"),
        ("GET", "/applications/X/register-answers"),
        ("POST", "/applications/X/register-answers"),
        ("POST", "/applications/X/old-card/ending"),
        ("GET", "/approval-batches/X"),
    ],
)
def test_nothing_there_and_nobody_signed_in(supervisor: Api, server: str, method: str, path: str) -> None:
    refused(supervisor.request(method, path), 404, "not-found")
    with httpx.Client(base_url=f"{server}/v1") as stranger:
        refused(stranger.request(method, path), 401, "not-signed-in")


def test_a_duplicate_over_the_api(office: Office, clerk: Api, supervisor: Api) -> None:
    application = submitted(clerk, office)
    here = f"/applications/{application['id']}/matches"
    assert clerk.get(here).json() == {"matches": []}
    decision = {"decision": "other", "reason": "looked at both"}
    refused(supervisor.post(f"{here}/1/decision", json=decision), 404, "not-found")
    for path, said in ((f"{here}/0/decision", decision), (f"{here}/1/decision", {"decision": "maybe"})):
        refused(supervisor.post(path, json=said), 422, "request-malformed")


def test_what_the_register_said_is_there_to_read(office: Office, clerk: Api) -> None:
    application = submitted(clerk, office)
    here = f"/applications/{application['id']}/register-answers"
    (answer,) = clerk.get(here).json()["answers"]
    assert answer["taken_over"]
    assert answer["record"]["national_code"] == application["citizen"]["national_code"]
    refused(clerk.post(here), 409, "forbidden-transition")


def test_a_renewal_takes_the_place_of_the_old_card(office: Office, clerk: Api) -> None:
    """With real cards: the old one works until it is handed in, and two are never live."""
    card = office.issue()
    proof = [{"document": "old_card", "reference": card}]
    application = opened(clerk, office, kind="renewal", evidence=proof)
    assert application["replaces"] == card
    here = f"/applications/{application['id']}"
    refused(clerk.post(f"{here}/old-card/ending"), 409, "forbidden-transition")
    clerk.post(f"{here}/submission")
    office.registry.approval.approve(SUPERVISOR, application["id"])
    assert clerk.get(f"/cards/{card}").json()["state"] == "active"
    office.insert(office.blank())
    refused_run = office.produce(application["id"])
    assert (refused_run.state, refused_run.failure_kind) == ("failed", "live-card")
    assert clerk.post(f"{here}/old-card/ending").status_code == 204
    assert clerk.post(f"{here}/old-card/ending").status_code == 204
    old = clerk.get(f"/cards/{card}").json()
    assert (old["state"], old["revocation_cause"]) == ("revoked", "withdrawn")
    run = office.produce(application["id"])
    assert run.state == "produced", run
    assert run.card_number is not None
    delivery = office.open_delivery(run.card_number)
    office.registry.deliveries.complete(CLERK, delivery.delivery_id, office.accept(delivery))
    assert clerk.get(f"/cards/{run.card_number}").json()["state"] == "active"


def test_a_portrait_that_is_turned_by_its_metadata_comes_back_upright(office: Office, clerk: Api) -> None:
    asked = body(office)
    exif = Image.Exif()
    exif[0x0112] = 6
    output = io.BytesIO()
    with Image.open(io.BytesIO(base64.b64decode(asked["portrait"]))) as image:
        image.rotate(90, expand=True).save(output, "JPEG", exif=exif)
    asked["portrait"] = base64.b64encode(output.getvalue()).decode()
    application = clerk.post("/applications", json=asked).json()["id"]
    with Image.open(io.BytesIO(clerk.get(f"/applications/{application}/portrait").content)) as stored:
        assert stored.size == (480, 640)


def test_an_application_promises_no_date_of_its_own(office: Office, clerk: Api) -> None:
    """What the queue promised stands with its order and in the public status; there was another date here."""
    assert "promised_on" not in submitted(clerk, office)
