"""CRLs over HTTP: streamed from the file, cached no longer than they may be, conditional, not fooled."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient, Response

from pki.app import create_app
from pki.bootstrap import Pki

NAME = "citizen-auth-g1"
Send = Callable[..., Response]


@pytest.fixture
def send(pki: Pki) -> Send:
    app = create_app(pki)

    async def once(method: str, path: str, **arguments: Any) -> Response:
        async with AsyncClient(transport=ASGITransport(app), base_url="http://pki") as client:
            return await client.request(method, path, **arguments)

    return lambda method, path, **arguments: asyncio.run(once(method, path, **arguments))


def get(send: Send, name: str = NAME, method: str = "GET", **headers: str) -> Response:
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return send(method, f"/crl/{name}.crl", headers=named)


@pytest.mark.parametrize("name", [NAME, f"{NAME}-delta"])
def test_a_crl_is_its_file(pki: Pki, send: Send, name: str) -> None:
    response = get(send, name)
    crl = pki.crls.current(name)
    assert response.content == crl.read()
    assert response.headers["content-length"] == str(crl.size)
    assert response.headers["etag"] == f'"{name}-{crl.number}"'
    assert response.headers["last-modified"] == "Tue, 24 Nov 2026 12:00:00 GMT"
    assert response.headers["content-type"] == "application/pkix-crl"


def test_head_has_the_same_headers_and_no_body(send: Send) -> None:
    whole, head = get(send), get(send, method="HEAD")
    assert head.content == b""
    assert head.headers == whole.headers


def test_a_client_that_has_it_is_sent_nothing(pki: Pki, send: Send) -> None:
    first = get(send)
    tag = first.headers["etag"]
    for value in (tag, f'"other", W/{tag}', "*"):
        again = get(send, If_None_Match=value)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
        assert "cache-control" in again.headers
    # Two editions may share a second: a date says nothing.
    assert get(send, If_Modified_Since=first.headers["last-modified"]).status_code == 200
    pki.crls.publish(NAME)
    assert get(send, If_None_Match=tag).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"If_None_Match": '"other"'},
        {"If_None_Match": '"other"', "If_Modified_Since": "Tue, 24 Nov 2099 12:00:00 GMT"},
        {"If_Modified_Since": "Tue, 24 Nov 2026 11:59:59 GMT"},
        {"If_Modified_Since": "yesterday"},
        {"If_Modified_Since": "Tue, 99 Nov 2026 11:59:59 GMT"},
    ],
)
def test_one_that_has_another_is_sent_all(send: Send, headers: dict[str, str]) -> None:
    assert get(send, **headers).status_code == 200


def test_caches_keep_it_no_longer_than_it_lives(pki: Pki, send: Send, clock: Any) -> None:
    crl = pki.crls.current(NAME)
    assert get(send).headers["cache-control"] == "public, max-age=60, no-transform"
    clock.now = crl.next_update
    clock.advance(seconds=-20)
    freeze(pki)
    assert get(send).headers["cache-control"] == "public, max-age=20, no-transform"
    clock.advance(seconds=20)
    assert get(send).headers["cache-control"] == "no-store"


def test_health_tells_of_an_overdue_crl(pki: Pki, send: Send, clock: Any) -> None:
    for name in pki.crls.names:
        pki.crls.current(name)
    assert send("GET", "/healthz").status_code == 200
    clock.advance(days=2)
    assert "crl" in send("GET", "/healthz").json()["failing"]


def freeze(pki: Pki) -> None:
    """Takes the CA's key off line, as a ceremony does."""
    object.__setattr__(pki.issuers[NAME], "key", None)


@pytest.mark.parametrize(
    "path",
    [
        "/crl/nobody.crl",
        "/crl/citizen-auth-g2.crl",
        "/crl/citizen-auth-g1-p0000.crl",
        "/crl/root-g1-delta.crl",
        "/crl/incoming.crl",
        "/crl/locks.crl",
        "/crl/..crl",
        "/crl/" + "a" * 5000 + ".crl",
        "/crl/citizen-auth-g1%00.crl",
        "/crl/citizen-auth-g1%0a.crl",
    ],
)
def test_unknown_names_are_problem_documents(send: Send, path: str) -> None:
    response = send("GET", path)
    assert response.status_code == 404
    assert response.json()["type"] == "urn:hoviat:problem:unknown-crl"


@pytest.mark.parametrize("path", ["/crl/..%2f..%2fpki.crl", "/crl/citizen-auth-g1%2f1.crl", "/crl/"])
def test_no_path_comes_from_outside(send: Send, path: str) -> None:
    assert send("GET", path).status_code == 404


def test_when_none_can_be_given_it_says_so(pki: Pki, send: Send, home: Any) -> None:
    crl = pki.crls.current(NAME)
    crl.path.unlink()
    freeze(pki)
    response = get(send)
    assert response.status_code == 503
    assert response.json()["type"] == "urn:hoviat:problem:crl-unavailable"
    assert str(Path(home.root)) not in response.text


def test_metrics_tell_when_and_how_much(pki: Pki, send: Send) -> None:
    crl = pki.crls.current(NAME)
    get(send)
    text = send("GET", "/metrics").text
    assert f'hoviat_pki_crl_downloads_total{{crl="{NAME}"}} 1' in text
    assert (
        f'hoviat_pki_crl_published_timestamp_seconds{{crl="{NAME}"}} {int(crl.this_update.timestamp())}'
        in text
    )
    assert f'hoviat_pki_crl_entries{{crl="{NAME}"}} 0' in text
    assert f'hoviat_pki_crl_bytes{{crl="{NAME}"}} {crl.size}' in text
