"""Citizens see who looked at their own record, by their card and the real verifier's word; nothing else."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from secrets import token_hex

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import func, select, update

from issuance.audit import AuditEntry
from issuance.enrolment.models import Application
from issuance.lookups.models import RecordLookup, What
from issuance.lookups.purposes import Purpose, Said
from issuance.lookups.service import Looker
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.people.erasure import Erasures
from issuance.people.models import Ground
from issuance.selfservice.errors import CitizenNotSignedInError
from issuance.selfservice.models import CitizenSession
from issuance.verifiersite import CITIZENS_SITE, OPERATORS_SITE, write_site
from pki.authority import CertificateRequest, PersonSubject
from pki.authority.values import InstitutionSubject
from pki.keys.files import FileSigner
from pki.pkcs10 import create_csr
from pki.profiles import Profile
from simulators.actors.operator import add_operator
from simulators.forge.tokens import ForgedCard
from simulators.installation.server import create_app, running
from simulators.installation.services import (
    CITIZENS_REGISTRY_SITE,
    REGISTRY_SITE,
    Installation,
    initialise,
    open_installation,
)
from tests.integration.issuance.office import Clock, new_application
from tests.integration.issuance.test_registry_api import refused

CLERK = Actor("clerk-1", Role.CLERK)
SUPERVISOR = Actor("supervisor-1", Role.SUPERVISOR)


@dataclass
class Hall:
    """A registry that is two sites of its verifier, and two people with applications."""

    installation: Installation
    clock: Clock
    api: httpx.Client
    applications: list[str]

    def code(self, number: int) -> str:
        return self.installation.people.person(number).national_code

    def card(self, number: int) -> ForgedCard:
        """A live national card of a person of the synthetic country."""
        person = self.installation.people.person(number)
        subject = PersonSubject(person.national_code, person.given_name.persian, person.surname.persian)
        key = ec.generate_private_key(ec.SECP256R1())
        csr = create_csr(FileSigner(key), "card")
        authority = self.installation.pki.authority
        issued = authority.issue(
            CertificateRequest(f"citizen-{token_hex(4)}", Profile.AUTHENTICATION, subject, csr, "test")
        )
        authority.activate(issued.serial, "test", "delivered")
        return ForgedCard(key, issued.der)

    def log_in(self, card: ForgedCard, at: str = "citizen-sessions") -> httpx.Response:
        given = self.api.post("/citizen-sessions/card-challenges").json()
        token = card.token(given["nonce"], given["origin"])
        path = "/citizen-sessions" if at == "citizen-sessions" else "/sessions/by-card"
        return self.api.post(path, json={"token": token, "nonce": given["nonce"]})

    def bearer(self, number: int) -> dict[str, str]:
        opened = self.log_in(self.card(number))
        assert opened.status_code == 201, opened.text
        return {"Authorization": f"Bearer {opened.json()['token']}"}

    def look(self, number: int, what: What = What.APPLICATION, by: Actor = CLERK) -> None:
        looker = Looker(by, Said(Purpose.ENROLMENT))
        with self.installation.issuance.lookups.looking(looker) as looking:
            looking.saw(what, self.code(number))

    def looks(self) -> int:
        with self.installation.issuance.database.reading() as session:
            return session.scalar(select(func.count()).select_from(RecordLookup)) or 0


@contextmanager
def open_hall(tmp_path: Path) -> Iterator[Hall]:
    clock, home = Clock(), initialise(tmp_path / "home")
    with open_installation(home.root, clock) as installation, running(create_app(installation)) as address:
        for name, file in ((REGISTRY_SITE, OPERATORS_SITE), (CITIZENS_REGISTRY_SITE, CITIZENS_SITE)):
            key = installation.verifier.services.renew_key(name).api_key
            write_site(home, f"{address}/verifier", key, file)
        enrolment = installation.issuance.enrolment
        people = installation.people
        opened = [enrolment.open(CLERK, new_application(people.person(number))) for number in (0, 1)]
        with httpx.Client(base_url=f"{address}/issuance/v1", timeout=60) as api:
            yield Hall(installation, clock, api, opened)


@pytest.fixture
def hall(tmp_path: Path) -> Iterator[Hall]:
    with open_hall(tmp_path) as opened:
        yield opened


def test_a_citizen_sees_their_own_looks_and_cases_alone(hall: Hall) -> None:
    hall.look(0)
    hall.look(0, What.PORTRAIT, SUPERVISOR)
    hall.look(1, What.HISTORY)
    mine = hall.bearer(0)
    before = hall.looks()
    told = hall.api.get("/my-record/lookups", headers=mine)
    assert [(each["role"], each["what"], each["purpose"]) for each in told.json()["lookups"]] == [
        ("supervisor", "portrait", "enrolment"),
        ("clerk", "application", "enrolment"),
    ]
    assert {each["office"] for each in told.json()["lookups"]} == {"1"}
    assert "clerk-1" not in told.text
    record = hall.api.get("/my-record", headers=mine).json()
    assert [each["id"] for each in record["applications"]] == [hall.applications[0]]
    assert record["cards"] == []
    assert hall.looks() == before, "a citizen's look is no operator's"


def test_nothing_that_is_sent_changes_whose_record_it_is(hall: Hall) -> None:
    hall.look(1)
    mine = hall.bearer(0)
    for query in ({"national_code": hall.code(1)}, {"person": hall.code(1)}, {"holder": hall.code(1)}):
        answer = hall.api.get("/my-record/lookups", params=query, headers=mine)
        assert answer.json()["lookups"] == []
    # Nor a cursor of somebody else's looks.
    with hall.installation.issuance.database.reading() as session:
        theirs = session.scalars(select(RecordLookup)).one()
    cursor = f"{int((theirs.at + timedelta(days=1)).timestamp()) * 1_000_000}.{'0' * 16}"
    assert hall.api.get("/my-record/lookups", params={"cursor": cursor}, headers=mine).json()["lookups"] == []
    refused(hall.api.get("/my-record/lookups", params={"cursor": "x"}, headers=mine), 422, "invalid-input")


def test_page_by_page(hall: Hall) -> None:
    for _ in range(103):
        hall.look(0, What.LIST)
    mine = hall.bearer(0)
    first = hall.api.get("/my-record/lookups", headers=mine).json()
    second = hall.api.get("/my-record/lookups", params={"cursor": first["cursor"]}, headers=mine).json()
    assert (len(first["lookups"]), len(second["lookups"]), second["cursor"]) == (100, 3, None)


def test_a_citizens_session_opens_no_operators_route_and_the_reverse(hall: Hall) -> None:
    mine = {**hall.bearer(0), "Hoviat-Purpose": "enrolment"}
    for path in ("/applications", f"/applications/{hall.applications[0]}", "/offices", "/orders"):
        refused(hall.api.get(path, headers=mine), 401, "not-signed-in")
    refused(hall.api.delete("/sessions/current", headers=mine), 401, "not-signed-in")
    assert hall.api.get("/my-record", headers=mine).status_code == 200
    password = json.loads((hall.installation.home.secrets / "operators.json").read_text())["clerk-1"]
    opened = hall.api.post("/sessions", json={"username": "clerk-1", "password": password}).json()
    clerk = {"Authorization": f"Bearer {opened['token']}"}
    for path in ("/my-record", "/my-record/lookups"):
        refused(hall.api.get(path, headers=clerk), 401, "citizen-not-signed-in")
    refused(hall.api.delete("/citizen-sessions/current", headers=clerk), 401, "citizen-not-signed-in")
    assert hall.api.get("/offices", headers=clerk).status_code == 200


def test_an_operators_card_opens_no_record_and_a_citizens_no_account(hall: Hall) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    csr = create_csr(FileSigner(key), "card")
    request = CertificateRequest("staff", Profile.OPERATOR, InstitutionSubject("clerk-1"), csr, "test")
    issued = hall.installation.pki.authority.issue(request)
    refused(hall.log_in(ForgedCard(key, issued.der)), 401, "card-refused")
    # A nonce is of the site that asked for it, and the other site doesn't take it.
    answer = hall.log_in(hall.card(0), at="operators")
    assert answer.status_code in {401, 503}
    assert answer.json()["type"].rpartition(":")[2] in {"card-refused", "card-login-unavailable"}


def test_a_card_that_is_not_live_opens_nothing(hall: Hall) -> None:
    person = hall.installation.people.person(0)
    key = ec.generate_private_key(ec.SECP256R1())
    csr = create_csr(FileSigner(key), "card")
    subject = PersonSubject(person.national_code, person.given_name.persian, person.surname.persian)
    authority = hall.installation.pki.authority
    issued = authority.issue(CertificateRequest("held", Profile.AUTHENTICATION, subject, csr, "test"))
    problem = refused(hall.log_in(ForgedCard(key, issued.der)), 401, "card-refused")
    assert "receipt" in problem["detail"]


def test_a_holder_of_whom_nothing_is_held(hall: Hall) -> None:
    problem = refused(hall.log_in(hall.card(7)), 404, "no-record")
    assert "receipt" in problem["detail"]
    assert hall.code(7) not in problem["detail"]


def test_sessions_end(hall: Hall) -> None:
    mine, other = hall.bearer(0), hall.bearer(0)
    assert hall.api.delete("/citizen-sessions/current", headers=mine).status_code == 204
    refused(hall.api.get("/my-record", headers=mine), 401, "citizen-not-signed-in")
    hall.clock.ahead = timedelta(minutes=14)
    assert hall.api.get("/my-record", headers=other).status_code == 200
    hall.clock.ahead = timedelta(minutes=16)
    refused(hall.api.get("/my-record", headers=other), 401, "citizen-not-signed-in")
    for wrong in ("x", "x" * 500, "\u00e9"):
        headers = {b"Authorization": f"Bearer {wrong}".encode()}
        refused(hall.api.get("/my-record", headers=headers), 401, "citizen-not-signed-in")


def test_what_is_kept_of_a_login_names_nobody(hall: Hall) -> None:
    mine = hall.bearer(0)
    token = mine["Authorization"].removeprefix("Bearer ")
    with hall.installation.issuance.database.reading() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "citizen.signed_in")).one()
        assert entry.subject.startswith("receipt:")
        assert hall.code(0) not in f"{entry.actor}{entry.subject}{entry.details}"
        raw = session.connection().exec_driver_sql("SELECT * FROM citizen_sessions").one()
    assert token not in str(raw)
    assert hall.code(0) not in str(raw)


def test_a_citizens_session_by_sql_or_moved_to_another_person_is_none(hall: Hall) -> None:
    mine, database = hall.bearer(0), hall.installation.issuance.database
    chosen = CitizenSession(
        token_digest=hashlib.sha256(b"mine").hexdigest(),
        national_code=hall.code(1),
        expires_at=hall.clock() + timedelta(minutes=9),
    )
    with database.writing() as session:
        session.add(chosen)
        session.flush()
        others = update(CitizenSession).where(CitizenSession.national_code == hall.code(0))
        session.execute(others.values(national_code=hall.code(1)))
    for headers in (mine, {"Authorization": "Bearer mine"}):
        refused(hall.api.get("/my-record", headers=headers), 401, "citizen-not-signed-in")


def test_an_erased_person_has_no_session(hall: Hall) -> None:
    mine = hall.bearer(0)
    registry = hall.installation.issuance
    with registry.database.writing() as session:
        session.execute(update(Application).values(state="withdrawn"))
    audit = registry.accounts._audit
    erasures = Erasures(registry.database, audit, hall.clock, lambda count: b"7" * count)
    add_operator(registry.accounts, "supervisor-2", Role.SUPERVISOR, "1")
    asked = erasures.request(SUPERVISOR, hall.code(0), Ground.REQUEST)
    erasures.confirm(Actor("supervisor-2", Role.SUPERVISOR), asked)
    refused(hall.api.get("/my-record", headers=mine), 401, "citizen-not-signed-in")
    refused(hall.log_in(hall.card(0)), 404, "no-record")


def test_a_registry_that_is_no_site_for_citizens(hall: Hall) -> None:
    (hall.installation.home.secrets / CITIZENS_SITE).unlink()
    refused(hall.api.post("/citizen-sessions/card-challenges"), 404, "card-login-not-set-up")
    write_site(hall.installation.home, "http://127.0.0.1:9/verifier", "x", CITIZENS_SITE)
    refused(hall.api.post("/citizen-sessions/card-challenges"), 503, "card-login-unavailable")


@pytest.fixture
def browser(hall: Hall) -> Iterator[httpx.Client]:
    base = str(hall.api.base_url).removesuffix("/").removesuffix("/v1")
    with httpx.Client(base_url=base, timeout=60) as pages:
        yield pages


def signed(hall: Hall, browser: httpx.Client, number: int) -> str:
    given = browser.post("/my-record/challenges").json()
    origin = hall.api.post("/citizen-sessions/card-challenges").json()["origin"]
    return json.dumps(hall.card(number).token(given["nonce"], origin))


def test_the_pages_in_both_languages(hall: Hall, browser: httpx.Client) -> None:
    hall.look(0, What.PORTRAIT)
    assert "ورود با کارت ملی" in browser.get("/my-record/login").text
    browser.get("/language/en")
    form = browser.get("/my-record/login")
    assert "Log in with the national card" in form.text
    opened = browser.post("/my-record/login", data={"token": signed(hall, browser, 0)})
    assert (opened.status_code, opened.headers["location"]) == (303, "/issuance/my-record")
    assert "hoviat-citizen-nonce" not in browser.cookies
    page = browser.get("/my-record")
    for text in ("My record", "The portrait", "Enrolment", "First card", hall.applications[0], "Draft"):
        assert text in page.text
    assert "clerk-1" not in page.text
    assert hall.applications[1] not in page.text
    assert page.headers["cache-control"] == "no-store"
    refusing = browser.post("/my-record/logout", data={"csrf": "guessed"})
    assert refusing.status_code == 403
    assert "Back to the applications" not in refusing.text
    csrf = page.text.partition('name="csrf" value="')[2].partition('"')[0]
    foreign = browser.post("/my-record/logout", data={"csrf": csrf}, headers={"Sec-Fetch-Site": "cross-site"})
    assert foreign.status_code == 403
    assert browser.get("/my-record").status_code == 200
    out = browser.post("/my-record/logout", data={"csrf": csrf})
    assert out.headers["location"] == "/issuance/my-record/login"
    assert browser.get("/my-record").headers["location"] == "/issuance/my-record/login"


def test_the_doors_of_pages_are_apart(hall: Hall, browser: httpx.Client) -> None:
    browser.post("/my-record/login", data={"token": signed(hall, browser, 0)})
    token = dict(browser.cookies)["hoviat-citizen"]
    assert browser.get("/applications").headers["location"] == "/issuance/login"
    browser.cookies.set("hoviat-session", token)
    assert browser.get("/applications").headers["location"] == "/issuance/login"
    with httpx.Client(base_url=browser.base_url) as swapped:
        swapped.headers["Authorization"] = f"Bearer {token}"
        assert swapped.get("/my-record").headers["location"] == "/issuance/my-record/login"
        swapped.cookies.set("hoviat-citizen", "x" * 500)
        assert swapped.get("/my-record").headers["location"] == "/issuance/my-record/login"
    refused(
        hall.api.get("/my-record", headers={"Cookie": f"hoviat-citizen={token}"}),
        401,
        "citizen-not-signed-in",
    )


def test_another_browsers_token_opens_nothing(hall: Hall, browser: httpx.Client) -> None:
    """The nonce is the browser's own: a token that somebody else had signed logs nobody in."""
    theirs = signed(hall, browser, 0)
    with httpx.Client(base_url=browser.base_url, timeout=60) as other:
        other.post("/my-record/challenges")
        answer = other.post("/my-record/login", data={"token": theirs})
        assert answer.status_code == 401
        assert "hoviat-citizen" not in other.cookies
    foreign = browser.post(
        "/my-record/login", data={"token": theirs}, headers={"Origin": "https://evil.example"}
    )
    assert foreign.status_code == 403


@pytest.mark.parametrize("token", ["", "{", "[]", "null", '{"format": 1}', "x" * 70_000, "\x00"])
def test_what_is_no_token_opens_nothing(browser: httpx.Client, token: str) -> None:
    browser.post("/my-record/challenges")
    answer = browser.post("/my-record/login", data={"token": token})
    assert answer.status_code == 422
    assert "hoviat-citizen" not in browser.cookies


def test_a_browser_without_a_verifier_is_told(hall: Hall, browser: httpx.Client) -> None:
    (hall.installation.home.secrets / CITIZENS_SITE).unlink()
    browser.get("/language/en")
    assert browser.post("/my-record/challenges").status_code == 404
    members = ("format", "algorithm", "unverifiedCertificate", "signature")
    answer = browser.post("/my-record/login", data={"token": json.dumps(dict.fromkeys(members, "x"))})
    assert answer.status_code == 404
    assert "Nobody logs in with a card here" in answer.text


def test_expired_sessions_are_dropped_and_never_open(hall: Hall) -> None:
    hall.bearer(0)
    hall.clock.ahead = timedelta(minutes=16)
    hall.bearer(1)
    registry = hall.installation.issuance
    with registry.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(CitizenSession)) == 1
    with pytest.raises(CitizenNotSignedInError):
        registry.citizen_login.holder("anything")
