"""Over HTTP: methods by role, second factors, and decisions that want a new proof, at API and pages."""

import base64
import html
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from issuance.app import create_app
from issuance.enrolment.repository import get_application
from issuance.operators.service import FRESH_FOR
from issuance.operators.totp import STEP_SECONDS, code_at, step_of
from issuance.registry.httpregister import URL_VARIABLE
from issuance.registry.text import fold
from issuance.web.permissions import API, PERMISSIONS
from simulators.installation.server import running
from simulators.installation.services import IN_SERVICE, initialise, open_installation
from tests.integration.issuance.minimal import request_bodies
from tests.integration.issuance.office import SUPERVISOR, Office, open_office
from tests.integration.issuance.staff import HERE, staff
from tests.integration.issuance.test_registry_api import refused
from tests.integration.issuance.test_roles_and_routes import filled

NOTE = 'نام پدر <b>"درست"</b> نیست & …\r\nline two'
STALE = FRESH_FOR + timedelta(seconds=1)
STEP = timedelta(seconds=STEP_SECONDS)


@pytest.fixture
def service(tmp_path: Path, template: Path) -> Iterator[Office]:
    """An office whose people are real: nobody works with a password alone."""
    with open_office(tmp_path, template, trial=False) as opened:
        yield opened


@pytest.fixture
def address(service: Office) -> Iterator[str]:
    with running(Starlette(routes=[Mount("/issuance", create_app(service.registry))])) as found:
        yield f"{found}/issuance"


def password(office: Office, username: str) -> str:
    return str(json.loads((office.home.secrets / "operators.json").read_text())[username])


def code(office: Office, secret: str) -> str:
    return code_at(base64.b32decode(secret), step_of(office.clock()))


def enrolled(api: httpx.Client, office: Office, username: str) -> str:
    """Signs in with the password alone, and adds an app; returns its key."""
    login = {"username": username, "password": password(office, username)}
    opened = api.post("/sessions", json=login).json()
    assert opened["second_factor_needed"]
    api.headers["Authorization"] = f"Bearer {opened['token']}"
    new = api.post("/second-factor", json={"password": login["password"]}).json()
    assert api.post("/second-factor/confirmation", json={"code": code(office, new["secret"])}).is_success
    office.clock.ahead += STEP
    return str(new["secret"])


def test_from_a_password_alone_to_both(service: Office, address: str) -> None:
    with httpx.Client(base_url=f"{address}/v1", headers={"Hoviat-Purpose": "decision"}) as api:
        login = {"username": SUPERVISOR.username, "password": password(service, SUPERVISOR.username)}
        opened = api.post("/sessions", json=login).json()
        alone = {"Authorization": f"Bearer {opened['token']}"}
        told = refused(api.get("/applications", headers=alone), 403, "method-not-allowed")
        assert told["detail"] == "sign in by: card, password+totp"
        secret = enrolled(api, service, SUPERVISOR.username)
        assert api.get("/applications").status_code == 200
        refused(api.get("/applications", headers=alone), 401, "not-signed-in")
        bad = [login, login | {"code": "000000"}, login | {"password": "x", "code": code(service, secret)}]
        answers = [refused(api.post("/sessions", json=each), 401, "login-refused") for each in bad]
        assert all(answer == answers[0] for answer in answers)
        right = login | {"code": code(service, secret)}
        answer = api.post("/sessions", json=right)
        assert (answer.status_code, answer.json()["second_factor_needed"]) == (201, False)
        refused(api.post("/sessions", json=right), 401, "login-refused")


def test_a_session_without_its_second_factor_reaches_nothing_else(service: Office, address: str) -> None:
    bodies = request_bodies(create_app(service.registry).openapi())
    login = {"username": SUPERVISOR.username, "password": password(service, SUPERVISOR.username)}
    with httpx.Client(base_url=address) as api:
        token = api.post("/v1/sessions", json=login).json()["token"]
        api.headers["Authorization"] = f"Bearer {token}"
        for route, line in API.items():
            if not (line.is_public or line.citizen or line.incomplete):
                method, _, path = filled(route).partition(" ")
                answer = api.request(method, path, json=bodies.get(route))
                refused(answer, 403, "method-not-allowed")


def test_roles_of_cards_have_no_other_way(service: Office, address: str) -> None:
    with httpx.Client(base_url=f"{address}/v1") as api:
        for username in ("administrator-1", "pki-officer-1"):
            login = {"username": username, "password": password(service, username)}
            told = refused(api.post("/sessions", json=login), 403, "method-not-allowed")
            assert told["detail"] == "sign in by: card"
            refused(api.post("/sessions", json=login | {"password": "x"}), 401, "login-refused")


def test_every_decision_wants_a_new_proof(server: str, office: Office) -> None:
    bodies = request_bodies(create_app(office.registry).openapi())
    with staff(server, office, (HERE,)) as people:
        office.clock.ahead += STALE
        for route, line in PERMISSIONS.items():
            sent = {"json": bodies[route]} if route in bodies else {}
            for role in line.roles if line.fresh else ():
                answer = people[HERE, role].ask(filled(route), **sent)
                if route in API:
                    refused(answer, 403, "fresh-proof-needed")
                else:  # without the forms' token: not even asked for a proof
                    assert answer.status_code == 403, route
                    assert "own page" in answer.text, route


def test_a_proof_renews_and_serves_this_session_alone(service: Office, address: str) -> None:
    first = password(service, SUPERVISOR.username)
    with httpx.Client(base_url=f"{address}/v1", headers={"Hoviat-Purpose": "decision"}) as api:
        secret = enrolled(api, service, SUPERVISOR.username)
        login = {"username": SUPERVISOR.username, "password": first, "code": code(service, secret)}
        other = {"Authorization": f"Bearer {api.post('/sessions', json=login).json()['token']}"}
        service.clock.ahead += STALE
        approval = f"/applications/{service.enrol()}/approval"
        refused(api.post(approval), 403, "fresh-proof-needed")
        proof = {"password": first, "code": code(service, secret)}
        for wrong in ({"password": first}, proof | {"password": "x"}, proof | {"code": "000000"}):
            refused(api.post("/sessions/current/proof", json=wrong), 401, "login-refused")
        for body in ({}, proof | {"nonce": "x"}, {"code": "000000"}, proof | {"username": "clerk-1"}):
            refused(api.post("/sessions/current/proof", json=body), 422, "request-malformed")
        refused(api.post(approval), 403, "fresh-proof-needed")
        assert api.post("/sessions/current/proof", json=proof).status_code == 204
        refused(api.post("/sessions/current/proof", json=proof, headers=other), 401, "login-refused")
        refused(api.post(approval, headers=other), 403, "fresh-proof-needed")
        assert api.post(approval).status_code == 200


def fields_of(page: str) -> dict[str, str]:
    """The hidden fields of the form that asks for a proof, as a browser would send them."""
    form = re.search(r'<form method="post" action="[^"]*/proof".*?</form>', page, re.DOTALL)
    assert form, page
    found = dict(re.findall(r'<input type="hidden" name="([^"]+)"[^>]* value="([^"]*)">', form[0]))
    areas = re.findall(r'<textarea hidden name="([^"]+)">\n(.*?)</textarea>', form[0], re.DOTALL)
    return {name: html.unescape(value) for name, value in [*found.items(), *areas]}


def token_in(page: str) -> str:
    found = re.search(r'name="csrf" value="([0-9a-f]{64})"', page)
    assert found
    return found[1]


@pytest.fixture
def pages(server: str, office: Office) -> Iterator[httpx.Client]:
    """A supervisor's browser in a home on trial."""
    with httpx.Client(base_url=server, timeout=60) as browser:
        browser.get("/language/en")
        login = {"username": SUPERVISOR.username, "password": password(office, SUPERVISOR.username)}
        assert browser.post("/login", data=login).status_code == 303
        yield browser


def test_a_page_asks_for_the_proof_and_loses_nothing(office: Office, pages: httpx.Client) -> None:
    application = office.enrol()
    page = pages.get(f"/applications/{application}").text
    seen = {"csrf": token_in(page), "version": page.partition('name="version" value="')[2].partition('"')[0]}
    office.clock.ahead += STALE
    asked = pages.post(f"/applications/{application}/return", data={**seen, "note": NOTE})
    assert asked.status_code == 403
    fields = fields_of(asked.text)
    assert (fields["note"], fields["proof_action"]) == (NOTE, f"/issuance/applications/{application}/return")
    again = pages.post("/proof", data=fields | {"proof_password": "wrong"})
    assert again.status_code == 401
    assert fields_of(again.text) == fields
    proof = {"proof_password": password(office, SUPERVISOR.username)}
    sent = pages.post("/proof", data=fields_of(again.text) | proof)
    assert sent.status_code == 307
    done = pages.post(httpx.URL(sent.headers["location"]).path.removeprefix("/issuance"), data=fields | proof)
    assert done.status_code == 303
    with office.registry.database.reading() as session:
        told = get_application(session, application)
    assert told.state == "returned"
    assert told.decision_note == fold(NOTE)


def test_what_changed_since_the_page_was_made_is_not_decided_on(office: Office, pages: httpx.Client) -> None:
    application = office.enrol()
    csrf = token_in(pages.get(f"/applications/{application}").text)
    for end, note in (("approval", {}), ("return", {"note": NOTE}), ("refusal", {"note": NOTE})):
        old = pages.post(f"/applications/{application}/{end}", data={"csrf": csrf, "version": "1", **note})
        assert old.status_code == 409, end
        assert (
            pages.post(f"/applications/{application}/{end}", data={"csrf": csrf, **note}).status_code == 422
        )
    with office.registry.database.reading() as session:
        assert get_application(session, application).state == "submitted"


def test_another_sites_form_becomes_no_form_of_ours(office: Office, pages: httpx.Client) -> None:
    """Else the operator's proof would send what somebody else has filled in."""
    application = office.enrol()
    csrf = token_in(pages.get(f"/applications/{application}").text)
    office.clock.ahead += STALE
    for data, headers in (
        ({"note": "x"}, {}),
        ({"note": "x", "csrf": "0" * 64}, {}),
        ({"note": "x", "csrf": csrf}, {"Sec-Fetch-Site": "cross-site"}),
        ({"note": "x", "csrf": csrf}, {"Origin": "https://elsewhere.example"}),
    ):
        answer = pages.post(f"/applications/{application}/refusal", data=data, headers=headers)
        assert answer.status_code == 403
        assert "proof_action" not in answer.text


def test_a_proof_sends_no_form_to_elsewhere(office: Office, pages: httpx.Client) -> None:
    csrf = token_in(pages.get("/applications").text)
    proof = {"csrf": csrf, "proof_password": password(office, SUPERVISOR.username)}
    for action in ("https://elsewhere.example/", "//elsewhere.example", "/elsewhere", "/issuance/\\x", ""):
        answer = pages.post("/proof", data=proof | {"proof_action": action})
        assert answer.headers["location"] == "/issuance/applications"


def test_the_second_factor_at_the_pages(service: Office, address: str) -> None:
    first = password(service, SUPERVISOR.username)
    with httpx.Client(base_url=address, timeout=60) as browser:
        browser.get("/language/en")
        login = {"username": SUPERVISOR.username, "password": first}
        assert browser.post("/login", data=login).status_code == 303
        assert browser.get("/applications").headers["location"] == "/issuance/second-factor"
        csrf = token_in(browser.get("/second-factor").text)
        assert browser.post("/second-factor", data={"csrf": csrf, "password": "x"}).status_code == 401
        shown = browser.post("/second-factor", data={"csrf": csrf, "password": first}).text
        image = re.search(r"data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)", shown)
        assert image
        assert b"<svg" in base64.b64decode(image[1])
        key = re.search(r"<code>([A-Z2-7]{32})</code>", shown)
        assert key
        wrong = browser.post("/second-factor/confirmation", data={"csrf": csrf, "code": "000000"})
        assert wrong.status_code == 403
        assert key[1] not in wrong.text
        right = {"csrf": csrf, "code": code(service, key[1])}
        assert browser.post("/second-factor/confirmation", data=right).status_code == 303
        assert browser.get("/applications").status_code == 200
        assert "two administrators end it" in browser.get("/second-factor").text
        service.clock.ahead += STEP
        assert browser.post("/login", data=login).status_code == 401
        assert browser.post("/login", data=login | {"code": code(service, key[1])}).status_code == 303


def test_the_card_is_offered_where_it_is_set_up(server: str) -> None:
    """This office is no verifier's site; what the button does is in test_operator_cards."""
    assert "use-card" not in httpx.get(f"{server}/login").text
    assert httpx.post(f"{server}/card-challenges").status_code == 404


def test_a_home_that_has_seen_real_people_is_not_on_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    home = initialise(tmp_path / "home")
    secret = json.loads((home.secrets / "operators.json").read_text())[SUPERVISOR.username]

    told: list[str] = []

    def lacking() -> bool:
        with open_installation(home.root) as installation:
            told.append(installation.register)
            operators = installation.issuance.operators
            return operators.enrols_only(operators.standing(operators.sign_in("supervisor-1", secret, "x")))

    assert not lacking()
    with monkeypatch.context() as with_register:
        with_register.setenv(URL_VARIABLE, "http://someone:secret@127.0.0.1:9/?key=secret")
        assert lacking()
        assert lacking()
    assert (home.root / IN_SERVICE).exists()
    assert lacking()
    trial, real, _, synthetic = told
    assert "on trial" in trial
    assert "synthetic" in trial
    assert "in service for good" in real
    assert URL_VARIABLE in real
    assert "in service for good" in synthetic
    assert "synthetic" in synthetic
    assert "secret" not in real + caplog.text
    assert [record.getMessage() for record in caplog.records if "from now on" in record.getMessage()] == [
        f"{home.root} is in service from now on: a civil register is configured for it"
    ]
