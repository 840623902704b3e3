"""The verifier's HTTP interface: what sites send, what strangers send, and what each is answered."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from starlette.requests import Request

from pki.store.database import create_database_engine, migrate
from simulators.forge.certificates import NOW, POLICY_OID
from simulators.forge.inprocess import AppTransport, client_of
from simulators.forge.tokens import Forge, Token
from tests.receiptkeys import receipt_keys
from verifier import bodies
from verifier.app import create_app
from verifier.authentication.policy import national_policy
from verifier.authentication.status import Asked, CertificateStatus, StatusAnswer
from verifier.authentication.statuserrors import StatusError, StatusUnavailableError
from verifier.authentication.trust import PinnedTrust
from verifier.authentication.verification import TokenVerifier
from verifier.bootstrap import MIGRATIONS, Verifier, assemble
from verifier.challenges.repository import forget_secrets
from verifier.client import (
    LoginRefusedError,
    RequestRefusedError,
    VerifierClient,
    VerifierUnavailableError,
)
from verifier.receipts.models import ReceiptRow
from verifier.store.sessions import Database

FORGE = Forge.create()
CARD = FORGE.card()
ORIGIN = "https://portal.example.ir"


class World:
    def __init__(self, folder: Path) -> None:
        url = f"sqlite:///{folder / 'verifier.sqlite3'}"
        engine = create_database_engine(url)
        migrate(engine, MIGRATIONS)
        self.now = NOW
        self.answer = StatusAnswer(CertificateStatus.GOOD)
        self.down = False
        self.database = Database(engine)
        self.begin()
        self.key = self.verifier.services.register_site("portal", ORIGIN).api_key
        self.headers = {"Authorization": f"Bearer {self.key}"}

    def begin(self) -> None:
        """A service that knows what is on record and nothing more."""
        trust = PinnedTrust([FORGE.root.certificate], [FORGE.authority.certificate])
        checks = TokenVerifier(national_policy(frozenset({POLICY_OID})), trust, self.lookup)
        self.verifier: Verifier = assemble(self.database, [checks], receipt_keys(), self.clock)
        self.app = create_app(self.verifier)
        self.http = client_of(self.app, "http://verifier")

    def clock(self) -> datetime:
        return self.now

    def lookup(self, asked: Sequence[Asked]) -> list[StatusAnswer | StatusError]:
        return [StatusUnavailableError() if self.down else self.answer for _ in asked]

    def client(self, key: str | None = None) -> VerifierClient:
        return VerifierClient("http://verifier", key or self.key, transport=AppTransport(self.app))

    def nonce(self) -> str:
        nonce: str = self.http.post("/v1/challenges", json={}, headers=self.headers).json()["nonce"]
        return nonce

    def post(self, token: Token, nonce: str) -> httpx.Response:
        return self.http.post(
            "/v1/authentications", json={"token": token, "nonce": nonce}, headers=self.headers
        )


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.http.close()
    made.verifier.close()


def kind_of(response: httpx.Response) -> str:
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert document["status"] == response.status_code
    kind: str = document["type"]
    return kind.removeprefix("urn:hoviat:problem:")


def test_challenge_and_login(world: World) -> None:
    challenge = world.http.post("/v1/challenges", json={}, headers=world.headers)
    assert challenge.status_code == 201
    assert challenge.headers["cache-control"] == "no-store"
    body = challenge.json()
    assert (len(body["nonce"]), body["origin"]) == (72, ORIGIN)
    assert datetime.fromisoformat(body["expires_at"]) == NOW + timedelta(minutes=5)
    login = world.post(CARD.token(body["nonce"], ORIGIN), body["nonce"])
    assert login.status_code == 200
    assert login.json()["claims"]["national_code"] == "0499370899"
    assert login.json()["receipt"]["outcome"] == "accepted"
    assert login.json()["receipt"]["failed_step"] is None


def test_challenge_for_the_sites_own_origin_and_no_other(world: World) -> None:
    mine = world.http.post("/v1/challenges", json={"origin": ORIGIN}, headers=world.headers)
    assert mine.status_code == 201
    for origin in ("https://evil.example.ir", ORIGIN + "/", 7, None):
        other = world.http.post("/v1/challenges", json={"origin": origin}, headers=world.headers)
        assert (other.status_code, kind_of(other)) == (403, "origin-not-registered")


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Basic eDp5",
        "Bearer aaaaaaaaaaaaaaaa." + "a" * 43,
        "Bearer " + "é" * 60,
    ],
)
def test_no_valid_api_key(world: World, authorization: str) -> None:
    headers = [(b"authorization", authorization.encode("latin-1"))]
    for path in ("/v1/challenges", "/v1/authentications"):
        response = world.http.post(path, json={}, headers=httpx.Headers(headers))
        assert (response.status_code, kind_of(response)) == (401, "api-key-invalid")
        assert response.headers["www-authenticate"] == "Bearer"
    assert world.http.get("/v1/receipts/0123456789", headers=httpx.Headers(headers)).status_code == 401


def test_wrong_origin(world: World) -> None:
    nonce = world.nonce()
    response = world.post(CARD.token(nonce, "https://evil.example.ir"), nonce)
    assert (response.status_code, kind_of(response)) == (403, "signature-invalid")
    receipt = response.json()["receipt"]
    assert receipt["failed_step"] == 7
    assert [step["outcome"] for step in receipt["steps"]] == [*["passed"] * 7, "failed", "not_reached"]
    assert set(receipt["advice"]) == {"fa", "en"}


def test_reused_and_old_and_foreign_nonces(world: World) -> None:
    nonce = world.nonce()
    token = CARD.token(nonce, ORIGIN)
    assert world.post(token, nonce).status_code == 200
    assert (world.post(token, nonce).status_code, kind_of(world.post(token, nonce))) == (
        409,
        "challenge-used",
    )
    old = world.nonce()
    world.now += timedelta(minutes=6)
    assert kind_of(world.post(CARD.token(old, ORIGIN), old)) == "challenge-expired"
    assert world.post(CARD.token(old, ORIGIN), "x" * 44).status_code == 403


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (CertificateStatus.REVOKED, 403, "certificate-revoked"),
        (CertificateStatus.ON_HOLD, 403, "certificate-suspended"),
        (CertificateStatus.UNKNOWN, 403, "certificate-unknown"),
    ],
)
def test_status_not_good(world: World, status: CertificateStatus, code: int, kind: str) -> None:
    world.answer = StatusAnswer(status, NOW)
    nonce = world.nonce()
    response = world.post(CARD.token(nonce, ORIGIN), nonce)
    assert (response.status_code, kind_of(response)) == (code, kind)


def test_status_unavailable_is_a_503_with_receipt(world: World) -> None:
    world.down = True
    nonce = world.nonce()
    response = world.post(CARD.token(nonce, ORIGIN), nonce)
    assert (response.status_code, kind_of(response)) == (503, "status-unavailable")
    assert response.headers["retry-after"] == "5"
    assert response.json()["receipt"]["failed_step"] == 8


def test_receipt_is_found_by_its_code_as_people_write_it(world: World) -> None:
    nonce = world.nonce()
    receipt = world.post(CARD.token(nonce, ORIGIN), nonce).json()["receipt"]
    code = receipt["code"]
    for spelling in (code, code.lower(), f"{code[:5]}-{code[5:]}"):
        found = world.http.get(f"/v1/receipts/{spelling}", headers=world.headers)
        assert found.json() == receipt


def test_receipt_of_another_site_or_of_nobody(world: World) -> None:
    nonce = world.nonce()
    code = world.post(CARD.token(nonce, ORIGIN), nonce).json()["receipt"]["code"]
    other = world.verifier.services.register_site("other", "https://other.example.ir").api_key
    theirs = world.http.get(f"/v1/receipts/{code}", headers={"Authorization": f"Bearer {other}"})
    assert (theirs.status_code, kind_of(theirs)) == (404, "receipt-unknown")
    for unknown in ("0000000000", "%00", "' OR 1=1", "x" * 200, "UUUUUUUUUU"):
        assert world.http.get(f"/v1/receipts/{unknown}", headers=world.headers).status_code == 404


def test_duplicate_keys_in_the_body(world: World) -> None:
    nonce = world.nonce()
    token = json.dumps(CARD.token(nonce, ORIGIN))
    for text in (
        f'{{"token": {token}, "nonce": "{nonce}", "nonce": "x"}}',
        f'{{"token": {token[:-1]}, "algorithm": "ES256"}}, "nonce": "{nonce}"}}',
    ):
        assert kind_of(_raw(world, text.encode())) == "request-malformed"
    assert world.post(CARD.token(nonce, ORIGIN), nonce).status_code == 200


def _raw(world: World, content: bytes, media_type: str = "application/json") -> httpx.Response:
    headers = {**world.headers, "Content-Type": media_type}
    return world.http.post("/v1/authentications", content=content, headers=headers)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="torn"),
        pytest.param(b"[" * 4000, id="4000-deep"),
        pytest.param(b'{"a":' * 3000, id="3000-deep-objects"),
        pytest.param(b"\xff\xfe{}", id="not-utf-8"),
        pytest.param(b"\xef\xbb\xbf{}", id="byte-order-mark"),
        pytest.param(b"[]", id="list"),
        pytest.param(b'"text"', id="text"),
        pytest.param(b"null", id="null"),
        pytest.param(b"{} {}", id="trailing"),
        pytest.param(b'{"nonce": NaN}', id="NaN"),
        pytest.param(b'{"nonce": "\\ud800", "token": {}}', id="surrogate"),
        pytest.param(b"{}", id="no-nonce"),
        pytest.param(b'{"nonce": 5, "token": {}}', id="nonce-number"),
        pytest.param(b'{"nonce": "", "token": {}}', id="nonce-empty"),
    ],
)
def test_malformed_bodies(world: World, content: bytes) -> None:
    response = _raw(world, content)
    assert (response.status_code, kind_of(response)) == (400, "request-malformed")


@pytest.mark.parametrize("token", [None, [], "x", 5, {}, {"format": 1}, "web-eid:1.0TEST" * 20])
def test_tokens_of_wrong_types(world: World, token: object) -> None:
    nonce = world.nonce()
    body = json.dumps({"token": token, "nonce": nonce}).encode()
    response = _raw(world, body)
    assert (response.status_code, kind_of(response)) == (400, "token-malformed")
    assert response.json()["receipt"]["failed_step"] == 1


def test_1_mb_body(world: World) -> None:
    response = _raw(world, b'{"nonce": "' + b"x" * 1_000_000 + b'"}')
    assert (response.status_code, kind_of(response)) == (413, "request-too-large")


def test_body_of_unannounced_length(world: World) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(100):
            yield b"x" * 1000

    response = world.http.post(
        "/v1/authentications",
        content=chunks(),
        headers={**world.headers, "Content-Type": "application/json"},
    )
    assert (response.status_code, kind_of(response)) == (413, "request-too-large")


@pytest.mark.parametrize("length", ["-1", "abc", "99999999999999999999"])
def test_dishonest_content_length(world: World, length: str) -> None:
    headers = {**world.headers, "Content-Type": "application/json", "Content-Length": length}
    response = world.http.post("/v1/authentications", content=b"{}", headers=headers)
    assert response.status_code == 413


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonx"]
)
def test_other_media_types(world: World, media_type: str) -> None:
    response = _raw(world, b"{}", media_type)
    assert (response.status_code, kind_of(response)) == (415, "media-type-unsupported")


def test_slow_body() -> None:
    async def never() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    async def read() -> None:
        messages = never()

        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": await anext(messages), "more_body": True}

        scope = {"type": "http", "method": "POST", "headers": [(b"content-type", b"application/json")]}
        await bodies.read_object(Request(scope, receive), seconds=0.01)

    with pytest.raises(bodies.BodyTooSlowError):
        asyncio.run(read())


def test_unknown_paths_and_methods_are_problems(world: World) -> None:
    assert kind_of(world.http.get("/v2")) == "not-found"
    assert kind_of(world.http.get("/v1/challenges")) == "method-not-allowed"


def test_database_gone_is_a_503(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_arguments: object) -> None:
        raise OperationalError("SELECT 1", {}, OSError("gone"))

    nonce = world.nonce()
    stranger = world.verifier.services.register_site("other", "https://other.example.ir").api_key
    monkeypatch.setattr(world.verifier.database, "write", gone)
    monkeypatch.setattr(world.verifier.database, "read", gone)
    for response in (
        world.http.post("/v1/challenges", json={}, headers={"Authorization": f"Bearer {stranger}"}),
        world.post(CARD.token(nonce, ORIGIN), nonce),
    ):
        assert (response.status_code, kind_of(response)) == (503, "database-unavailable")
        assert "SELECT" not in response.text


def test_a_site_that_is_known_is_given_challenges_while_the_database_is_away(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is decided by one: whose attempt can't be recorded isn't let in."""
    world.nonce()
    with monkeypatch.context() as away:
        away.setattr(world.verifier.database, "write", None)
        away.setattr(world.verifier.database, "read", None)
        nonce = world.nonce()
    assert world.post(CARD.token(nonce, ORIGIN), nonce).status_code == 200


def test_a_key_that_ended_after_the_challenge_lets_nobody_in(world: World) -> None:
    nonce = world.nonce()
    world.verifier.services.renew_key("portal")
    response = world.post(CARD.token(nonce, ORIGIN), nonce)
    assert (response.status_code, kind_of(response)) == (401, "api-key-invalid")
    with world.verifier.database.read() as session:
        assert session.scalar(select(func.count()).select_from(ReceiptRow)) == 0


def test_a_challenge_of_before_the_keys_were_forgotten_is_unknown(world: World) -> None:
    """As after a restore: the record doesn't know which nonces were used."""
    nonce = world.nonce()
    with world.verifier.database.write() as session:
        forget_secrets(session)
    world.begin()
    response = world.post(CARD.token(nonce, ORIGIN), nonce)
    assert (response.status_code, kind_of(response)) == (403, "challenge-unknown")


def test_health_and_metrics(world: World) -> None:
    nonce = world.nonce()
    world.post(CARD.token(nonce, ORIGIN), nonce)
    world.post(CARD.token(nonce, ORIGIN), nonce)
    assert world.http.get("/healthz").json() == {"status": "ok"}
    page = world.http.get("/metrics").text
    assert "hoviat_verifier_challenges_total 1" in page
    assert 'hoviat_verifier_logins_total{outcome="accepted"} 1' in page
    assert 'hoviat_verifier_logins_total{outcome="challenge-used"} 1' in page


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.binary(max_size=300) | st.text('{}[]":,\\utokennonce01', max_size=120).map(str.encode))
def test_any_body_ends_in_a_4xx(world: World, content: bytes) -> None:
    assert 400 <= _raw(world, content).status_code < 500


def test_refusals_tell_nothing_personal(world: World) -> None:
    world.answer = StatusAnswer(CertificateStatus.REVOKED, NOW)
    nonce = world.nonce()
    text = world.post(CARD.token(nonce, ORIGIN), nonce).text
    assert "0499370899" not in text
    assert nonce not in text


def test_client_logs_in_and_reads_receipts(world: World) -> None:
    with world.client() as client:
        challenge = client.challenge()
        login = client.authenticate(CARD.token(challenge.nonce, challenge.origin), challenge.nonce)
        assert login.claims["surname"] == "احمدی"
        assert client.receipt(login.receipt_code)["outcome"] == "accepted"


def test_client_reads_a_receipt_by_its_code_as_people_write_it(world: World) -> None:
    with world.client() as client:
        challenge = client.challenge()
        code = client.authenticate(
            CARD.token(challenge.nonce, challenge.origin), challenge.nonce
        ).receipt_code
        for spelling in (f"{code[:5]} {code[5:]}", f"{code[:5]}-{code[5:].lower()}"):
            assert client.receipt(spelling)["code"] == code
        for text in ("../receipt-keys", f"{code}/../../receipt-keys", f"{code}?x", "\ud800", "%2e%2e", ""):
            with pytest.raises(RequestRefusedError) as caught:
                client.receipt(text)
            assert caught.value.problem.status == 404


def test_client_names_the_refusal(world: World) -> None:
    with world.client() as client:
        challenge = client.challenge()
        token = CARD.token(challenge.nonce, "https://evil.example.ir")
        with pytest.raises(LoginRefusedError) as caught:
            client.authenticate(token, challenge.nonce)
    assert caught.value.type == "urn:hoviat:problem:signature-invalid"
    assert caught.value.step == 7
    assert len(caught.value.receipt_code) == 10


def test_client_with_a_wrong_key(world: World) -> None:
    with world.client("x" * 16 + "." + "y" * 43) as client, pytest.raises(RequestRefusedError) as caught:
        client.challenge()
    assert caught.value.type == "urn:hoviat:problem:api-key-invalid"


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json=[]),
        httpx.Response(201, json={"nonce": 5}),
        httpx.Response(502, text="bad gateway"),
        httpx.Response(503, json={"type": "about:blank", "title": "down"}),
    ],
)
def test_client_refuses_answers_it_cannot_understand(answer: httpx.Response) -> None:
    transport = httpx.MockTransport(lambda _request: answer)
    client = VerifierClient("http://verifier", "k", transport=transport)
    with client, pytest.raises(VerifierUnavailableError):
        client.challenge()


def test_client_without_a_verifier() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    client = VerifierClient("http://verifier", "k", transport=httpx.MockTransport(refuse))
    with client, pytest.raises(VerifierUnavailableError):
        client.challenge()
