"""A civil register over HTTP: bounded in time and size, read strictly, left alone while it is down.

    POST URL  {"national_code": "…"}   →   200 with the record, 404 where nobody has the code

The code travels in the body: URLs end up in logs.
"""

import os
import time
from collections.abc import Callable
from datetime import date
from http import HTTPStatus
from typing import Literal

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from issuance.errors import CivilRegisterAnswerError, CivilRegisterUnavailableError
from issuance.registry.breaker import Breaker
from issuance.registry.civilregister import CivilRecord
from issuance.registry.dates import Precision
from issuance.registry.models import CODE_LENGTH, NAME_LENGTH

URL_VARIABLE, TOKEN_VARIABLE = "HOVIAT_CIVIL_REGISTER", "HOVIAT_CIVIL_REGISTER_TOKEN"
"""Environment variables that name a real register."""
MAX_ANSWER_BYTES = 16_384
SECONDS = 5.0
"""A clerk and a citizen wait at the counter: this is for the whole answer, not for each of its parts."""
_CONNECT_SECONDS = 2.0
_FAILURES = 5
_PAUSE_SECONDS = 15.0
_CONNECTIONS = httpx.Limits(max_connections=16, max_keepalive_connections=8)


class _Record(BaseModel):
    """The answer's form; a member that is not known is no fault of a newer register."""

    model_config = ConfigDict(strict=True, extra="ignore", hide_input_in_errors=True)

    national_code: str = Field(min_length=CODE_LENGTH, max_length=CODE_LENGTH)
    given_name: str = Field(max_length=2 * NAME_LENGTH)
    surname: str = Field(min_length=1, max_length=2 * NAME_LENGTH)
    father_name: str = Field(max_length=2 * NAME_LENGTH)
    latin_given_name: str = Field(max_length=NAME_LENGTH)
    latin_surname: str = Field(max_length=NAME_LENGTH)
    birth_date: date
    birth_precision: Precision
    sex: Literal["M", "F"]
    deceased_on: date | None
    revision: int = Field(ge=1, le=2**31 - 1)


class HttpCivilRegister:
    """The registry's `CivilRegister` over HTTP. `close` it when done."""

    def __init__(
        self,
        url: str,
        token: str = "",
        seconds: float = SECONDS,
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`token` goes as a bearer token (RFC 6750), where the register wants one."""
        headers = {"Accept-Encoding": "identity"}  # a bomb can't be sent that is not unpacked
        if token:
            headers["Authorization"] = f"Bearer {token}"
        waits = httpx.Timeout(seconds, connect=min(seconds, _CONNECT_SECONDS))
        self._http = httpx.Client(
            timeout=waits, limits=_CONNECTIONS, headers=headers, transport=transport, trust_env=False
        )
        self._url = url
        self._seconds = seconds
        self._clock = clock
        self._breaker = Breaker(_FAILURES, _PAUSE_SECONDS, clock)

    def close(self) -> None:
        """Drops the connections."""
        self._http.close()

    def find(self, national_code: str) -> CivilRecord | None:
        """As the protocol says; CivilRegisterAnswerError for an answer that can't be believed."""
        with self._breaker.asking():
            try:
                status, body = self._ask(national_code)
            except httpx.HTTPError as error:  # its text could hold the URL, which is nobody's business
                raise CivilRegisterUnavailableError("the civil register does not answer") from error
            return _read(status, body, national_code)

    def _ask(self, national_code: str) -> tuple[int, bytes]:
        until = self._clock() + self._seconds
        with self._http.stream("POST", self._url, json={"national_code": national_code}) as answer:
            body = bytearray()
            for chunk in answer.iter_raw():
                body += chunk
                if len(body) > MAX_ANSWER_BYTES:
                    raise CivilRegisterAnswerError("it is too long")
                if self._clock() > until:
                    raise CivilRegisterUnavailableError("the civil register takes too long")
            return answer.status_code, bytes(body)


def configured_register() -> HttpCivilRegister | None:
    """The register that the environment names, if it names one."""
    url = os.environ.get(URL_VARIABLE)
    return HttpCivilRegister(url, os.environ.get(TOKEN_VARIABLE, "")) if url else None


def _read(status: int, body: bytes, national_code: str) -> CivilRecord | None:
    if status == HTTPStatus.NOT_FOUND:
        return None
    if status != HTTPStatus.OK:
        raise CivilRegisterUnavailableError(f"the civil register answers with status {status}")
    try:
        record = _Record.model_validate_json(body)
    except ValidationError as error:
        faults = sorted({".".join(map(str, fault["loc"])) or "the whole" for fault in error.errors()})
        raise CivilRegisterAnswerError(f"not readable: {', '.join(faults)[:100]}") from None
    if record.national_code != national_code:
        raise CivilRegisterAnswerError("it speaks of another person")
    return CivilRecord(**record.model_dump())
