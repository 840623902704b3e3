"""Logging in at a site: the two requests, and sites that answer what they should not."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from cardio import sitelogin
from cardio.errors import CardError
from cardio.sitelogin import LoginRefusedError, SiteError, log_in

SITE = "https://site.example"
NONCE = "n" * 44
Handler = Callable[[httpx.Request], httpx.Response]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Callable[[Handler], None]:
    def serve_(handler: Handler) -> None:
        def browser(site: str, _cafile: Path | None) -> httpx.Client:
            return httpx.Client(base_url=site, transport=httpx.MockTransport(handler))

        monkeypatch.setattr(sitelogin, "_browser", browser)

    return serve_


def _token(origin: str, nonce: str) -> dict[str, str]:
    return {"origin": origin, "nonce": nonce}


def test_a_challenge_then_a_token(serve: Callable[[Handler], None]) -> None:
    seen: list[tuple[str, Any]] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append((str(request.url), json.loads(request.content or b"null")))
        if request.url.path == "/auth/challenge":
            return httpx.Response(
                200, json={"nonce": NONCE}, headers={"set-cookie": "__Host-s=1; Secure; Path=/"}
            )
        assert request.headers["cookie"] == "__Host-s=1"
        return httpx.Response(200, json={"claims": {"given_name": "سارا"}})

    serve(handler)
    assert log_in(SITE, None, _token) == {"claims": {"given_name": "سارا"}}
    assert seen == [
        (f"{SITE}/auth/challenge", None),
        (f"{SITE}/auth/login", {"auth-token": {"origin": SITE, "nonce": NONCE}}),
    ]


@pytest.mark.parametrize("receipt", [{"code": "R-1"}, "R-1"])
def test_a_refusal_names_title_and_receipt(serve: Callable[[Handler], None], receipt: object) -> None:
    problem = {"type": "urn:x:revoked", "title": "The card was revoked", "receipt": receipt}

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/auth/challenge":
            return httpx.Response(200, json={"nonce": NONCE})
        return httpx.Response(403, json=problem)

    serve(handler)
    with pytest.raises(LoginRefusedError) as refused:
        log_in(SITE, None, _token)
    assert str(refused.value) == "The card was revoked; receipt R-1"
    assert refused.value.problem == problem


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, json={}),
        httpx.Response(200, json={"nonce": 7}),
        httpx.Response(200, json=["nonce"]),
        httpx.Response(200, text="<html>"),
        httpx.Response(500, text="broken"),
        httpx.Response(302, headers={"location": "https://evil.example"}),
        httpx.Response(200, content=b" " * 1_048_577),
    ],
)
def test_sites_that_are_none(serve: Callable[[Handler], None], answer: httpx.Response) -> None:
    serve(lambda _request: answer)
    with pytest.raises(SiteError) as failed:
        log_in(SITE, None, lambda _origin, _nonce: pytest.fail("the card was used"))
    assert isinstance(failed.value, CardError)


def test_an_unreachable_site(serve: Callable[[Handler], None]) -> None:
    def handler(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    serve(handler)
    with pytest.raises(SiteError, match="refused"):
        log_in(SITE, None, _token)


def test_a_trust_file_that_is_none(tmp_path: Path) -> None:
    file = tmp_path / "trust.pem"
    file.write_text("no certificate")
    with pytest.raises(SiteError):
        log_in(SITE, file, _token)
