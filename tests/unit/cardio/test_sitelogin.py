"""Logging in at a site: the two requests, and sites that answer what they should not."""

import gzip
import json
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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
        httpx.Response(200, content=b"[" * 1_000_000),
    ],
)
def test_sites_that_are_none(serve: Callable[[Handler], None], answer: httpx.Response) -> None:
    serve(lambda _request: answer)
    with pytest.raises(SiteError) as failed:
        log_in(SITE, None, lambda _origin, _nonce: pytest.fail("the card was used"))
    assert isinstance(failed.value, CardError)


@pytest.mark.parametrize("claims", [["x"], None, "x", {"name": None}, {"name": ["x"]}], ids=repr)
def test_claims_that_are_none(serve: Callable[[Handler], None], claims: object) -> None:
    serve(lambda _request: httpx.Response(200, json={"nonce": NONCE, "claims": claims}))
    with pytest.raises(SiteError, match="claims"):
        log_in(SITE, None, _token)


@pytest.fixture
def site_of(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bytes, dict[str, str]], list[str]]]:
    """Serves one body to every request, at SITE; returns the encodings that were asked for."""
    with ExitStack() as stack:

        def serve(body: bytes, headers: dict[str, str]) -> list[str]:
            asked: list[str] = []

            class Site(BaseHTTPRequestHandler):
                def do_POST(self) -> None:
                    asked.append(self.headers["accept-encoding"])
                    self.send_response(200)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.end_headers()
                    with suppress(OSError):  # whoever asked has read enough
                        self.wfile.write(body)

                def log_message(self, *_arguments: object) -> None: ...

            server = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), Site))
            threading.Thread(target=server.serve_forever).start()
            stack.callback(server.shutdown)
            browser = sitelogin._browser
            address = f"http://127.0.0.1:{server.server_port}"
            monkeypatch.setattr(sitelogin, "_browser", lambda _site, cafile: browser(address, cafile))
            return asked

        yield serve


@pytest.mark.parametrize(
    ("body", "headers", "reason"),
    [
        (gzip.compress(bytes(64 << 20), 1), {"Content-Encoding": "gzip"}, "compressed"),
        (b" " * (64 << 20), {}, "too long"),
    ],
    ids=["gzip", "endless"],
)
def test_a_long_answer_is_neither_unpacked_nor_read_to_its_end(
    body: bytes,
    headers: dict[str, str],
    reason: str,
    site_of: Callable[[bytes, dict[str, str]], list[str]],
) -> None:
    asked = site_of(body, headers)
    tracemalloc.start()
    try:
        with pytest.raises(SiteError, match=reason):
            log_in(SITE, None, _token)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 16 << 20
    assert asked == ["identity"]


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
