"""All requests come from one proxy: whoever guesses through it locks nobody else out."""

import base64
import secrets
from collections.abc import Iterator

import httpx
import pytest

from tests.integration.issuance.office import Office
from tests.integration.issuance.test_proofs import password
from tests.integration.issuance.test_station_enrolment import request as station_request

GUESSER, OTHER = "203.0.113.7", "198.51.100.1"


@pytest.fixture
def api(server: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{server}/v1", timeout=30) as client:
        yield client


def by(network: str) -> dict[str, str]:
    """As nginx passes it on: what the client itself said comes first, and counts for nothing."""
    return {"X-Forwarded-For": f"{secrets.randbelow(200) + 1}.1.1.1, {network}"}


def guess(api: httpx.Client, username: str) -> None:
    """Until the guesser has to wait."""
    wrong = {"username": username, "password": "wrong"}
    statuses = [api.post("/sessions", json=wrong, headers=by(GUESSER)).status_code for _ in range(6)]
    assert (statuses[0], statuses[-1]) == (401, 429)


def test_a_guesser_locks_nobody_out_of_sign_in_and_proof(api: httpx.Client, office: Office) -> None:
    guess(api, "clerk-1")
    right = {"username": "clerk-1", "password": password(office, "clerk-1")}
    assert api.post("/sessions", json=right, headers=by(GUESSER)).status_code == 429
    opened = api.post("/sessions", json=right, headers=by(OTHER))
    assert opened.status_code == 201
    bearer = {"Authorization": f"Bearer {opened.json()['token']}"}
    proof = {"password": right["password"]}
    for network, status in ((OTHER, 204), (GUESSER, 429)):
        answer = api.post("/sessions/current/proof", json=proof, headers=bearer | by(network))
        assert answer.status_code == status


def test_a_guesser_locks_nobody_out_of_the_pages(api: httpx.Client, server: str, office: Office) -> None:
    guess(api, "clerk-1")
    right = {"username": "clerk-1", "password": password(office, "clerk-1")}
    for network, status in ((GUESSER, 429), (OTHER, 303)):
        answer = httpx.post(f"{server}/login", data=right, headers=by(network), timeout=30)
        assert answer.status_code == status


def test_a_guesser_of_codes_keeps_no_station_out(api: httpx.Client) -> None:
    body = {"code": "ABCD-EFGH", "request": base64.b64encode(station_request()).decode()}
    for network, statuses in ((GUESSER, [403] * 5 + [429]), (OTHER, [403])):
        for status in statuses:
            answer = api.post("/station-enrolments", json=body, headers=by(network))
            assert answer.status_code == status


def test_the_holder_is_told_of_it(api: httpx.Client, server: str, office: Office) -> None:
    guess(api, "clerk-1")
    guess(api, "supervisor-1")
    right = {"username": "clerk-1", "password": password(office, "clerk-1")}
    with httpx.Client(base_url=server, timeout=30) as browser:
        answer = browser.post("/login", data=right, headers=by(OTHER))
        assert answer.headers["location"] == "/issuance/failed-tries"
        page = browser.get("/failed-tries")
        assert (page.status_code, "۵" in page.text) == (200, True)
        again = browser.post("/login", data=right, headers=by(OTHER))
        assert again.headers["location"] != "/issuance/failed-tries"
    login = {"username": "supervisor-1", "password": password(office, "supervisor-1")}
    assert api.post("/sessions", json=login | {"password": "wrong"}, headers=by(OTHER)).status_code == 401
    told = api.post("/sessions", json=login, headers=by(OTHER)).json()
    assert (told["failed_tries"], bool(told["last_failed_at"])) == (6, True)
