"""A request that comes whole is answered without the framework; the answer is the one it would have given."""

import json
import socket
from collections.abc import Iterator

import httpx
import pytest

from simulators.load.login.cards import SoftwareCard
from tests.integration.verifier.logins import Nation, Replica, kind_of, make_nation
from verifier.challenges.sealing import NONCE_LENGTH
from verifier.receipts.proof import read_jwk_set, verify_receipt

pytestmark = pytest.mark.slow

JSON = "application/json"


@pytest.fixture(scope="module")
def nation(tmp_path_factory: pytest.TempPathFactory) -> Nation:
    return make_nation(tmp_path_factory.mktemp("short") / "home", 4)


@pytest.fixture(scope="module")
def replica(nation: Nation) -> Iterator[Replica]:
    with nation.replica() as running:
        yield running


def _both(replica: Replica, path: str, body: bytes, **headers: str) -> tuple[httpx.Response, httpx.Response]:
    """A body with its head, which goes the short way, and one in chunks, which the framework reads."""
    named = {"Authorization": f"Bearer {replica.key}", "Content-Type": JSON} | headers
    url = replica.url + path
    whole = httpx.post(url, content=body, headers=named, trust_env=False, timeout=30)
    chunked = httpx.post(url, content=iter([body]), headers=named, trust_env=False, timeout=30)
    return whole, chunked


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"\xff",
        b'{"nonce": 1}',
        b'{"nonce": "x", "nonce": "y"}',
        b'{"nonce": "x", "token": {}}',
        b'{"nonce": "x", "token": 7}',
        b"{" + b" " * 20_000 + b"}",
        b"[" * 4_000,
        b'{"a":' * 4_000,
        b'{"nonce": "' + b"x" * 1_000_000 + b'"}',
        json.dumps({"nonce": "x" * 44, "token": {"format": "web-eid:1.0"}}).encode(),
    ],
)
def test_bad_bodies(replica: Replica, body: bytes) -> None:
    whole, chunked = _both(replica, "/v1/authentications", body)
    assert whole.status_code == chunked.status_code
    assert 400 <= whole.status_code < 500
    assert whole.headers["content-type"] == chunked.headers["content-type"]
    assert (kind_of(whole), whole.json()["title"]) == (kind_of(chunked), chunked.json()["title"])


@pytest.mark.parametrize("head", ["Content-Length: 100", "Transfer-Encoding: chunked"])
def test_a_body_that_does_not_come(replica: Replica, head: str) -> None:
    """Others are served meanwhile, and the connection is not kept for ever."""
    url = httpx.URL(replica.url)
    lines = [
        f"POST {url.path}/v1/authentications HTTP/1.1",
        f"Host: {url.host}",
        f"Authorization: Bearer {replica.key}",
        f"Content-Type: {JSON}",
        head,
    ]
    with socket.create_connection((url.host, url.port or 80), 60) as slow:
        slow.sendall("\r\n".join([*lines, "", ""]).encode() + b"1\r\n{\r\n")
        assert len(replica.nonce()) == NONCE_LENGTH
        answer = b"".join(iter(lambda: slow.recv(4096), b""))
    assert answer == b"" or answer.startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": ""},
        {"Authorization": "Bearer x"},
        {"Authorization": "Basic x"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/json; charset=utf-8"},
    ],
)
def test_odd_headers(replica: Replica, headers: dict[str, str]) -> None:
    whole, chunked = _both(replica, "/v1/challenges", b"{}", **headers)
    assert whole.status_code == chunked.status_code
    assert set(whole.json()) == set(chunked.json())
    assert whole.headers.get("www-authenticate") == chunked.headers.get("www-authenticate")


def test_a_login_each(nation: Nation, replica: Replica) -> None:
    whole, chunked = (_log_in(replica, nation.cards[number], chunked=bool(number)) for number in (0, 1))
    assert (whole.status_code, chunked.status_code) == (200, 200)
    assert set(whole.headers) == set(chunked.headers)
    first, second = whole.json()["receipt"], chunked.json()["receipt"]
    for name in ("outcome", "failed_step", "title", "advice", "steps"):
        assert first[name] == second[name]
    keys = read_jwk_set(httpx.get(f"{replica.url}/v1/receipt-keys", trust_env=False, timeout=30).json())
    # A second answer to the same challenge is refused, the short way: signed as well.
    nonce = replica.nonce()
    answers = [_log_in(replica, nation.cards[0], chunked=False, nonce=nonce) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 409]
    for receipt in (first, second, *(answer.json()["receipt"] for answer in answers)):
        verify_receipt(receipt, keys)
    page = httpx.get(f"{replica.url}/receipts/{first['code']}", trust_env=False, timeout=30)
    assert 'action="/verifier/receipts"' in page.text


def _log_in(
    replica: Replica, card: SoftwareCard, *, chunked: bool, nonce: str | None = None
) -> httpx.Response:
    nonce = nonce or replica.nonce()
    body = json.dumps({"token": card.token(nonce), "nonce": nonce}).encode()
    headers = {"Authorization": f"Bearer {replica.key}", "Content-Type": JSON}
    url = f"{replica.url}/v1/authentications"
    content = iter([body]) if chunked else body
    return httpx.post(url, content=content, headers=headers, trust_env=False, timeout=30)


def test_one_connection_carries_many_logins(nation: Nation, replica: Replica) -> None:
    headers = {"Authorization": f"Bearer {replica.key}"}
    with httpx.Client(headers=headers, trust_env=False, timeout=30) as client:
        for card in nation.cards[2:]:
            nonce = client.post(f"{replica.url}/v1/challenges", json={}).json()["nonce"]
            body = {"token": card.token(nonce), "nonce": nonce}
            assert client.post(f"{replica.url}/v1/authentications", json=body).status_code == 200
