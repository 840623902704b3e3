"""Logging in at a site with a Web eID token, the way a browser does: a challenge, then the token."""

import json
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx

from cardio.errors import CardError

CHALLENGE_PATH = "/auth/challenge"
LOGIN_PATH = "/auth/login"
TIMEOUT_SECONDS = 15.0
_MAX_ANSWER_BYTES = 1_048_576
_UNCOMPRESSED = "identity"

TokenMaker = Callable[[str, str], Mapping[str, str]]
"""(origin, nonce) → token"""


class SiteError(CardError):
    """The site could not be reached, or answered what no such site answers."""

    def __init__(self, site: str, detail: str) -> None:
        super().__init__(f"{site}: {detail}")
        self.site = site
        self.detail = detail


class LoginRefusedError(CardError):
    """The site refused the login; `problem` is its problem document (RFC 9457)."""

    def __init__(self, problem: Mapping[str, Any]) -> None:
        title = str(problem.get("title") or "the site refused the login")
        detail = problem.get("detail")
        receipt = problem.get("receipt")
        code = receipt.get("code") if isinstance(receipt, Mapping) else receipt
        parts = [title, str(detail) if detail else "", f"receipt {code}" if code else ""]
        super().__init__("; ".join(part for part in parts if part))
        self.problem = problem


def log_in(site: str, cafile: Path | None, make_token: TokenMaker) -> dict[str, Any]:
    """Logs in at the site of this origin; returns its answer, whose `claims`, if any, are strings by name.

    :param cafile: PEM certificates to trust instead of the system's
    :raises SiteError: unreachable, an untrusted certificate, or an answer of another form
    :raises LoginRefusedError: the site's refusal
    """
    try:
        with _browser(site, cafile) as browser:
            challenge = _answer(site, browser, CHALLENGE_PATH)
            nonce = challenge.get("nonce")
            if not isinstance(nonce, str):
                raise SiteError(site, "its challenge has no nonce")
            token = make_token(site, nonce)
            login = _answer(site, browser, LOGIN_PATH, {"auth-token": token})
            _require_claims(site, login)
            return login
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise SiteError(site, str(error) or type(error).__name__) from error


def _browser(site: str, cafile: Path | None) -> httpx.Client:
    trust = ssl.create_default_context(cafile=None if cafile is None else str(cafile))
    headers = {"Origin": site, "Accept-Encoding": _UNCOMPRESSED}
    return httpx.Client(base_url=site, verify=trust, timeout=TIMEOUT_SECONDS, headers=headers)


def _answer(
    site: str, browser: httpx.Client, path: str, body: Mapping[str, object] | None = None
) -> dict[str, Any]:
    with browser.stream("POST", path, json=body) as response:
        content = _content(site, response)
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise SiteError(site, f"status {response.status_code}, and no JSON object")
    if not response.is_success:
        raise LoginRefusedError(answer)
    return answer


def _content(site: str, response: httpx.Response) -> bytes:
    """The body, no longer than an answer is; a compressed one could be a thousand times as long inside."""
    if response.headers.get("content-encoding", _UNCOMPRESSED).lower() != _UNCOMPRESSED:
        raise SiteError(site, "its answer is compressed, which was not asked for")
    received = bytearray()
    for part in response.iter_bytes():
        received += part
        if len(received) > _MAX_ANSWER_BYTES:
            raise SiteError(site, "its answer is too long")
    return bytes(received)


def _require_claims(site: str, login: Mapping[str, Any]) -> None:
    claims = login.get("claims", {})
    if not isinstance(claims, dict) or not all(isinstance(value, str) for value in claims.values()):
        raise SiteError(site, "its claims are no texts by name")
