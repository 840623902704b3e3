"""An approval that somebody heard and sends again counts once, for what was looked at, while signed in."""

import json
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from sqlalchemy import func, select

from issuance.audit import AuditEntry
from issuance.offices.models import FIRST_OFFICE
from issuance.operators.accounts import Wanted
from issuance.operators.changes import ChangeKind
from issuance.operators.models import Role
from issuance.operators.service import Actor
from tests.integration.issuance.conftest import signed_in
from tests.integration.issuance.office import Office
from tests.integration.issuance.test_application_api import Api, submitted
from tests.integration.issuance.test_registry_api import refused


def entries(office: Office, action: str) -> int:
    query = select(func.count()).select_from(AuditEntry).where(AuditEntry.action == action)
    with office.registry.database.reading() as session:
        return session.scalar(query) or 0


def heard(api: Api, method: str, path: str, body: object) -> httpx.Request:
    """A request as it went over the line, with everything that authenticates it."""
    return api.build_request(method, path, json=body)


def again(request: httpx.Request) -> httpx.Response:
    """The same octets from somebody else's connection."""
    with httpx.Client(timeout=30) as replayer:
        return replayer.send(
            httpx.Request(request.method, request.url, headers=request.headers, content=request.content)
        )


def test_an_approval_counts_once(office: Office, clerk: Api, supervisor: Api) -> None:
    application = submitted(clerk, office)
    approval = heard(supervisor, "POST", f"/applications/{application['id']}/approval", {})
    assert supervisor.send(approval).status_code == 200
    refused(again(approval), 409, "forbidden-transition")
    assert entries(office, "application.approve") == 1


def test_an_approval_dies_with_its_session(office: Office, clerk: Api, supervisor: Api) -> None:
    application = submitted(clerk, office)
    approval = heard(supervisor, "POST", f"/applications/{application['id']}/approval", {})
    assert supervisor.delete("/sessions/current").status_code == 204
    refused(again(approval), 401, "not-signed-in")
    assert entries(office, "application.approve") == 0


def test_an_approval_is_for_what_was_looked_at(office: Office, clerk: Api, supervisor: Api) -> None:
    """Returned, changed and handed over again, it is another thing, though its number is the same."""
    application = submitted(clerk, office)
    here = f"/applications/{application['id']}"
    approval = heard(supervisor, "POST", f"{here}/approval", {"version": application["version"]})
    assert supervisor.post(f"{here}/return", json={"note": "the name"}).status_code == 200
    assert clerk.patch(here, json={"latin_surname": "Other"}).status_code == 200
    assert clerk.post(f"{here}/submission", json={}).status_code == 200
    refused(again(approval), 409, "version-conflict")
    assert clerk.get(here).json()["state"] == "submitted"


def test_an_approval_does_not_pass_into_other_hands(office: Office, clerk: Api, supervisor: Api) -> None:
    """Neither its path with another one's session, nor its session with another path."""
    first, second = submitted(clerk, office, 0), submitted(clerk, office, 1)
    approval = heard(
        supervisor, "POST", f"/applications/{first['id']}/approval", {"version": first["version"]}
    )
    stolen = httpx.Request(
        "POST", approval.url, headers={"Authorization": clerk.headers["Authorization"]}, json={}
    )
    refused(again(stolen), 403, "role-required")
    moved = httpx.Request(
        "POST",
        str(approval.url).replace(first["id"], second["id"]),
        headers={"Authorization": supervisor.headers["Authorization"]},
        json={"version": second["version"], "decided_by": "supervisor-2"},
    )
    refused(again(moved), 422, "request-malformed")
    assert entries(office, "application.approve") == 0


@pytest.fixture
def second_supervisor(office: Office) -> str:
    accounts = office.registry.accounts
    wanted = Wanted(ChangeKind.CREATE, "supervisor-2", Role.SUPERVISOR, FIRST_OFFICE)
    proposed = accounts.propose(Actor("administrator-1", Role.ADMINISTRATOR), wanted)
    password = accounts.confirm(Actor("administrator-2", Role.ADMINISTRATOR), proposed).password
    assert password is not None
    return password


def test_a_batch_is_confirmed_once_whoever_heard_it(
    office: Office, server: str, clerk: Api, supervisor: Api, second_supervisor: str
) -> None:
    """Eight at the same moment: one is the confirmation, and each application is approved once."""
    items = [
        {"id": each["id"], "version": each["version"]}
        for each in (submitted(clerk, office, n) for n in (0, 1))
    ]
    batch = supervisor.post("/approval-batches", json={"items": items}).json()["id"]
    password = json.loads((office.home.secrets / "operators.json").read_text())["supervisor-1"]
    confirmation = heard(
        supervisor, "POST", f"/approval-batches/{batch}/confirmation", {"password": password}
    )
    with httpx.Client(base_url=f"{server}/v1", timeout=30) as other:
        session = {"username": "supervisor-2", "password": second_supervisor}
        token = other.post("/sessions", json=session).json()["token"]
        path = f"/approval-batches/{batch}/confirmation"
        for proof in (password, second_supervisor):
            headers = {"Authorization": f"Bearer {token}"}
            refused(other.post(path, json={"password": proof}, headers=headers), 404, "not-found")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: again(confirmation), range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    assert entries(office, "batch.confirmed") == 1
    assert entries(office, "application.approve") == len(items)


def test_the_same_password_confirms_no_other_batch(
    office: Office, server: str, clerk: Api, supervisor: Api
) -> None:
    """A confirmation that was heard says which batch it is for."""
    first, second = (
        [{"id": a["id"], "version": a["version"]}] for a in (submitted(clerk, office, n) for n in (0, 1))
    )
    batches = [
        supervisor.post("/approval-batches", json={"items": items}).json()["id"] for items in (first, second)
    ]
    password = json.loads((office.home.secrets / "operators.json").read_text())["supervisor-1"]
    confirmation = heard(
        supervisor, "POST", f"/approval-batches/{batches[0]}/confirmation", {"password": password}
    )
    assert again(confirmation).status_code == 200
    refused(again(confirmation), 409, "batch-over")
    assert clerk.get(f"/applications/{second[0]['id']}").json()["state"] == "submitted"
    with signed_in(server, office, "supervisor-1") as later:
        assert later.get(f"/approval-batches/{batches[1]}").json()["confirmed_at"] is None
