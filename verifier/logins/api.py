"""What sites may ask, as functions from a decoded body to a response; how it is carried is not seen here."""

import json
from http import HTTPStatus
from typing import Protocol, cast

from starlette.responses import Response

from verifier.authentication.strictjson import JsonValue
from verifier.authentication.token import WebEidToken
from verifier.challenges.repository import Challenge
from verifier.logins.problems import RequestRefusedError, login_refused
from verifier.logins.records import Result, Work
from verifier.logins.service import LoginService
from verifier.logins.values import (
    ChallengeRequest,
    Found,
    LoginAttemptRefusedError,
    Ping,
    Presented,
    Recorded,
)
from verifier.metrics import Metrics
from verifier.receipts.advice import ACCEPTED
from verifier.services.apikeys import parse_api_key
from verifier.services.errors import ApiKeyInvalidError, OriginForeignError

NO_STORE = {"Cache-Control": "no-store"}
_BEARER = "bearer"
_LONGEST_NONCE = 64

_write = json.JSONEncoder(ensure_ascii=False).encode

Body = dict[str, JsonValue]


class Recording(Protocol):
    """Takes works one by one, and has those that wait done together. It belongs to an event loop."""

    async def submit(self, work: Work) -> Result:
        """The work's result; raises the error that is its result, or what `LoginRecords.work` raises.

        Raises LaneFullError where too many wait.
        """
        ...

    def close(self) -> None:
        """Nothing more comes."""
        ...


class LoginApi:
    """Challenges and authentications. Its methods belong to an event loop and never block it.

    They raise what `verifier.logins.problems.response_to` turns into a response.
    """

    def __init__(self, logins: LoginService, recording: Recording, metrics: Metrics) -> None:
        self._logins = logins
        self._recording = recording
        self._metrics = metrics

    def close(self) -> None:
        """Ends what waits for the database."""
        self._recording.close()

    async def check(self) -> None:
        """Whether logins can be recorded: raises what a login's work would."""
        await self._recording.submit(Ping())

    async def create_challenge(self, authorization: str, body: Body) -> Response:
        """A nonce for one login, 44 characters, good for five minutes. Body: {} or {"origin": …}."""
        key = parse_api_key(bearer(authorization))
        origin = body.get("origin")
        if "origin" in body and not isinstance(origin, str):
            raise OriginForeignError
        challenge = cast("Challenge", await self._recording.submit(ChallengeRequest(key, origin)))
        self._metrics.count_challenge()
        content = {
            "nonce": challenge.nonce,
            "origin": challenge.origin,
            "expires_at": challenge.expires_at.isoformat(),
        }
        return _JsonAnswer(HTTPStatus.CREATED, _write(content))

    async def authenticate(self, authorization: str, body: Body) -> Response:
        """Verifies {"token": {…}, "nonce": "…"}: claims and receipt, or a problem with the receipt."""
        nonce = body.get("nonce")
        # One that is longer than any of ours is as unknown with its end cut off.
        presented = Presented(
            parse_api_key(bearer(authorization)), nonce[:_LONGEST_NONCE] if isinstance(nonce, str) else ""
        )
        found = cast("Found", await self._recording.submit(presented))
        if not presented.nonce:
            raise RequestRefusedError("due are token, an object, and nonce, a string")
        token = body.get("token")
        attempt = self._logins.verify(found, lambda: WebEidToken.from_json_value(token))
        attempt = await self._logins.ask_others(attempt)
        recorded = cast("Recorded", await self._recording.submit(attempt.ending()))
        try:
            login = attempt.result(recorded)
        except LoginAttemptRefusedError as refusal:
            self._metrics.count_login(refusal.error.kind)
            return login_refused(refusal)
        self._metrics.count_login(ACCEPTED)
        claims = _write(login.identity.claims())
        content = f'{{"claims": {claims}, "receipt": {login.receipt.as_json_text()}}}'
        return _JsonAnswer(HTTPStatus.OK, content)


class _JsonAnswer(Response):
    """JSON that nobody keeps, with the headers that starlette would take its time to put together."""

    def __init__(self, status: HTTPStatus, text: str) -> None:
        self.status_code = status
        self.background = None
        self.body = text.encode()
        self.raw_headers = [*_JSON_HEADERS, (b"content-length", b"%d" % len(self.body))]


_JSON_HEADERS = ((b"content-type", b"application/json"), (b"cache-control", b"no-store"))


def bearer(authorization: str) -> str:
    """The API key in an Authorization header (RFC 6750, section 2.1); raises ApiKeyInvalidError."""
    scheme, _, key = authorization.partition(" ")
    if scheme.lower() != _BEARER:
        raise ApiKeyInvalidError
    return key.strip()
