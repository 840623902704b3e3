"""Enrolment: a code that an administrator gave, and a key made here, become a station's certificate."""

import base64
import ssl
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from cardio.station.errors import EnrolmentError
from cardio.station.identity import Enrolled, StationKey

_PATH = "/issuance/v1/station-enrolments"
_TIMEOUT_SECONDS = 30.0
_MAX_ANSWER_BYTES = 65_536


def enrol(server: str, code: str, folder: Path, cafile: Path | None = None) -> str:
    """Enrols this station and returns its name. Raises EnrolmentError, StationIdentityError."""
    _require_protected(server)
    key = StationKey()
    body = {"code": code, "request": base64.b64encode(key.request()).decode()}
    answer = _post(server, body, cafile)
    try:
        enrolled = Enrolled(answer["station"], answer["certificates"], answer["trust"])
    except KeyError as error:
        raise EnrolmentError(server, "its answer is no enrolment") from error
    key.keep(folder, enrolled)
    return enrolled.station


def _require_protected(server: str) -> None:
    """The answer says whom to trust from now on, so it has to come from the registry."""
    if not is_protected(server):
        raise EnrolmentError(server, "the registry's address begins with https:// (http:// on this machine)")


def is_protected(address: str) -> bool:
    """Whether nobody between can answer in its place: https, or http to this machine itself."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host)))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _post(server: str, body: Mapping[str, str], cafile: Path | None) -> Mapping[str, str]:
    trust = ssl.create_default_context(cafile=None if cafile is None else str(cafile))
    try:
        with httpx.Client(verify=trust, timeout=_TIMEOUT_SECONDS, trust_env=False) as http:
            response = http.post(server.rstrip("/") + _PATH, json=body)
            answer = response.json() if len(response.content) <= _MAX_ANSWER_BYTES else None
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise EnrolmentError(server, str(error) or type(error).__name__) from error
    if not isinstance(answer, dict):
        raise EnrolmentError(server, "its answer is no JSON object")
    if not response.is_success:
        raise EnrolmentError(server, _told(answer, response.reason_phrase))
    return {name: value for name, value in answer.items() if isinstance(value, str)}


def _told(problem: Mapping[str, Any], otherwise: str) -> str:
    told = (str(problem[part]) for part in ("title", "detail") if problem.get(part))
    return "; ".join(told) or otherwise
