"""The sample e-service: its login, its session, its pages, and what strangers try on it."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509

from pki.store.database import create_database_engine, migrate
from simulators.eservice.app import COOKIE, create_app
from simulators.eservice.sessions import LIFETIME, MAXIMUM_SESSIONS, Sessions
from simulators.eservice.texts import TEXTS
from simulators.eservice.tls import make_certificate
from simulators.forge.certificates import NOW, POLICY_OID
from simulators.forge.inprocess import AppTransport, client_of
from simulators.forge.tokens import Forge
from tests.receiptkeys import receipt_keys
from verifier import app as verifier_app
from verifier.authentication.policy import national_policy
from verifier.authentication.status import Asked, CertificateStatus, StatusAnswer
from verifier.authentication.statuserrors import StatusError
from verifier.authentication.trust import PinnedTrust
from verifier.authentication.verification import TokenVerifier
from verifier.bootstrap import MIGRATIONS, assemble
from verifier.client import VerifierClient
from verifier.store.sessions import Database

ORIGIN = "https://localhost:9443"
FORGE = Forge.create()
CARD = FORGE.card()


class World:
    def __init__(self, folder: Path) -> None:
        engine = create_database_engine(f"sqlite:///{folder / 'verifier.sqlite3'}")
        migrate(engine, MIGRATIONS)
        self.now = NOW
        self.status = CertificateStatus.GOOD
        trust = PinnedTrust([FORGE.root.certificate], [FORGE.authority.certificate])
        checks = TokenVerifier(national_policy(frozenset({POLICY_OID})), trust, self.lookup)
        self.verifier = assemble(Database(engine), [checks], receipt_keys(), self.clock)
        self.key = self.verifier.services.register_site("sample", ORIGIN).api_key
        self.transport = AppTransport(verifier_app.create_app(self.verifier))
        self.app = self.site(self.key)
        self.http = client_of(self.app, ORIGIN)

    def site(self, key: str) -> object:
        client = VerifierClient("http://verifier", key, transport=self.transport)
        return create_app(client, ORIGIN, self.clock)

    def clock(self) -> datetime:
        return self.now

    def lookup(self, asked: Sequence[Asked]) -> list[StatusAnswer | StatusError]:
        return [StatusAnswer(self.status) for _ in asked]

    def challenge(self, http: httpx.Client | None = None) -> str:
        nonce: str = (http or self.http).post("/auth/challenge").json()["nonce"]
        return nonce

    def login(self, nonce: str, http: httpx.Client | None = None, origin: str = ORIGIN) -> httpx.Response:
        return (http or self.http).post("/auth/login", json={"auth-token": CARD.token(nonce, origin)})


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.http.close()
    made.verifier.close()


def kind_of(response: httpx.Response) -> str:
    assert response.headers["content-type"] == "application/problem+json"
    kind: str = response.json()["type"]
    return kind.removeprefix("urn:hoviat:problem:")


def test_login_shows_the_account_until_logout(world: World) -> None:
    answer = world.login(world.challenge())
    assert answer.status_code == 200
    assert answer.json()["claims"]["national_code"] == "0499370899"
    code = answer.json()["receipt"]["code"]
    account = world.http.get("/account")
    assert "0499370899" in account.text
    assert code in account.text
    assert world.http.post("/auth/logout").status_code == 303
    assert world.http.get("/account").status_code == 303


def test_account_without_login_leads_home(world: World) -> None:
    world.challenge()
    answer = world.http.get("/account")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_session_id_changes_at_login(world: World) -> None:
    nonce = world.challenge()
    before = world.http.cookies[COOKIE]
    assert world.login(nonce).status_code == 200
    after = world.http.cookies[COOKIE]
    assert before != after
    fixed = client_of(world.app, ORIGIN)
    fixed.cookies.set(COOKIE, before)
    assert fixed.get("/account").status_code == 303


def test_a_planted_session_id_is_not_taken_over(world: World) -> None:
    answer = world.http.post("/auth/challenge", headers={"Cookie": f"{COOKIE}=planted"})
    assert answer.cookies[COOKIE] != "planted"


def test_cookie_is_host_only_secure_and_strict(world: World) -> None:
    header = world.http.post("/auth/challenge").headers["set-cookie"].lower()
    assert header.startswith("__host-session=")
    for attribute in ("secure", "httponly", "samesite=strict", "path=/"):
        assert attribute in header
    assert "domain" not in header


def test_another_sessions_challenge(world: World) -> None:
    nonce = world.challenge()
    stranger = client_of(world.app, ORIGIN)
    assert kind_of(world.login(nonce, stranger)) == "challenge-missing"
    world.challenge(stranger)
    # The stranger's session answers its own challenge; a token over another nonce does not fit it.
    assert kind_of(world.login(nonce, stranger)) == "signature-invalid"
    assert world.login(nonce).status_code == 200


def test_a_challenge_serves_one_attempt(world: World) -> None:
    nonce = world.challenge()
    assert kind_of(world.login(nonce, origin="https://evil.example.ir")) == "signature-invalid"
    assert kind_of(world.login(nonce)) == "challenge-missing"


def test_replay_after_login(world: World) -> None:
    nonce = world.challenge()
    world.login(nonce)
    assert kind_of(world.login(nonce)) == "challenge-missing"


def test_only_the_newest_challenge_of_a_session_counts(world: World) -> None:
    old = world.challenge()
    world.challenge()
    assert kind_of(world.login(old)) == "signature-invalid"


def test_revoked_card_is_told_why(world: World) -> None:
    world.status = CertificateStatus.REVOKED
    answer = world.login(world.challenge())
    assert (answer.status_code, kind_of(answer)) == (403, "certificate-revoked")
    assert answer.json()["receipt"]["advice"]["fa"]
    assert world.http.get("/account").status_code == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example.ir"},
        {"Origin": "null"},
        {"Origin": "https://localhost:9444"},
        {"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize("path", ["/auth/challenge", "/auth/login", "/auth/logout"])
def test_cross_site_posts(world: World, path: str, headers: dict[str, str]) -> None:
    answer = world.http.post(path, headers=headers, json={})
    assert (answer.status_code, kind_of(answer)) == (403, "cross-site-request")


def test_a_good_token_posted_from_another_site(world: World) -> None:
    body = {"auth-token": CARD.token(world.challenge(), ORIGIN)}
    foreign = {"Origin": "https://evil.example.ir", "Sec-Fetch-Site": "cross-site"}
    assert kind_of(world.http.post("/auth/login", json=body, headers=foreign)) == "cross-site-request"
    assert world.http.get("/account").status_code == 303
    # It cost the visitor nothing: the challenge is still theirs.
    assert world.http.post("/auth/login", json=body).status_code == 200


def test_posts_of_the_sites_own_pages(world: World) -> None:
    headers = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}
    assert world.http.post("/auth/challenge", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "content", ["", "x", "[]", "{}", '{"auth-token": "x"}', '{"auth-token": {}, "auth-token": {}}']
)
def test_bodies_that_are_no_login(world: World, content: str) -> None:
    world.challenge()
    answer = world.http.post("/auth/login", content=content, headers={"Content-Type": "application/json"})
    assert (answer.status_code, kind_of(answer)) == (400, "request-malformed")


def test_form_posts_are_no_login(world: World) -> None:
    world.challenge()
    assert world.http.post("/auth/login", data={"auth-token": "{}"}).status_code == 400


@pytest.mark.parametrize("path", ["/", "/account", "/static/login.js", "/nowhere"])
def test_every_answer_carries_the_strict_headers(world: World, path: str) -> None:
    headers = world.http.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(("language", "direction"), [("fa", "rtl"), ("en", "ltr")])
def test_pages_in_both_languages(world: World, language: str, direction: str) -> None:
    page = world.http.get("/", params={"lang": language}).text
    assert f'<html lang="{language}" dir="{direction}">' in page
    assert TEXTS[language]["log_in"] in page
    assert "<style" not in page
    assert "onclick" not in page


def test_unknown_language_falls_back_to_persian(world: World) -> None:
    assert 'dir="rtl"' in world.http.get("/", params={"lang": "<script>"}).text


def test_both_languages_say_the_same_things() -> None:
    assert TEXTS["fa"].keys() == TEXTS["en"].keys()


def test_wrong_api_key_is_the_sites_fault(world: World) -> None:
    http = client_of(world.site("x"), ORIGIN)
    answer = http.post("/auth/challenge")
    assert (answer.status_code, kind_of(answer)) == (502, "verifier-refused")


def test_verifier_away(world: World) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    client = VerifierClient("http://verifier", world.key, transport=httpx.MockTransport(refuse))
    answer = client_of(create_app(client, ORIGIN), ORIGIN).post("/auth/challenge")
    assert (answer.status_code, kind_of(answer)) == (503, "verifier-unavailable")


def test_sessions_end_after_half_an_hour_without_a_visit() -> None:
    now = [NOW]
    sessions = Sessions(lambda: now[0])
    session = sessions.start()
    now[0] += LIFETIME
    assert sessions.find(session.session_id) is session
    now[0] += LIFETIME + timedelta(seconds=1)
    assert sessions.find(session.session_id) is None


def test_sessions_are_bounded() -> None:
    sessions = Sessions(lambda: NOW)
    first = sessions.start()
    for _ in range(MAXIMUM_SESSIONS):
        sessions.start()
    assert sessions.find(first.session_id) is None


def test_certificate_is_for_localhost_and_its_key_is_the_owners(tmp_path: Path) -> None:
    certificate_path, key_path = make_certificate(tmp_path / "tls", NOW)
    certificate = x509.load_pem_x509_certificate(certificate_path.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert key_path.stat().st_mode & 0o077 == 0
    again, _ = make_certificate(tmp_path / "tls", NOW)
    assert x509.load_pem_x509_certificate(again.read_bytes()).serial_number != certificate.serial_number
