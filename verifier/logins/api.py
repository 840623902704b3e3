"""What sites may ask, as functions from a decoded body to a response; how it is carried is not seen here."""

import json
import secrets
from http import HTTPStatus
from typing import cast

from starlette.responses import Response

from pki.clock import Clock
from verifier.authentication.strictjson import JsonValue
from verifier.authentication.token import WebEidToken
from verifier.challenges import sealing
from verifier.logins.known import Known, Recording
from verifier.logins.problems import RequestRefusedError, login_refused
from verifier.logins.records import ClockBehindError
from verifier.logins.service import LoginService
from verifier.logins.values import Found, LoginAttemptRefusedError, Ping, Recorded
from verifier.metrics import Metrics
from verifier.receipts.advice import ACCEPTED
from verifier.services.apikeys import RandomBytes, parse_api_key
from verifier.services.errors import ApiKeyInvalidError, OriginForeignError
from verifier.services.registry import RelyingSite

NO_STORE = {"Cache-Control": "no-store"}
_BEARER = "bearer"

_write = json.JSONEncoder(ensure_ascii=False).encode

Body = dict[str, JsonValue]


class LoginApi:
    """Challenges and authentications. Its methods belong to an event loop and never block it.

    They raise what `verifier.logins.problems.response_to` turns into a response.
    """

    def __init__(
        self,
        logins: LoginService,
        recording: Recording,
        metrics: Metrics,
        clock: Clock,
        random_bytes: RandomBytes = secrets.token_bytes,
    ) -> None:
        self._logins = logins
        self._recording = recording
        self._known = Known(recording)
        self._metrics = metrics
        self._clock = clock
        self._random_bytes = random_bytes

    def close(self) -> None:
        """Ends what waits for the database."""
        self._recording.close()

    async def check(self) -> None:
        """Whether logins can be recorded: raises what a login's work would."""
        await self._recording.submit(Ping())

    async def create_challenge(self, authorization: str, body: Body) -> Response:
        """A nonce for one login, 72 characters, good for five minutes. Body: {} or {"origin": …}."""
        site = await self._known.site(parse_api_key(bearer(authorization)))
        if body.get("origin", site.origin) != site.origin:
            raise OriginForeignError
        now = self._clock()
        secret = await self._known.secret(sealing.day_of(now))
        if secret is None:
            raise ClockBehindError(f"{now} is another day than the record's")
        challenge = sealing.seal(secret, site, now, self._random_bytes(sealing.RANDOM_BYTES))
        self._metrics.count_challenge()
        content = {
            "nonce": challenge.nonce,
            "origin": challenge.origin,
            "expires_at": challenge.expires_at.isoformat(),
        }
        return _JsonAnswer(HTTPStatus.CREATED, _write(content))

    async def authenticate(self, authorization: str, body: Body) -> Response:
        """Verifies {"token": {…}, "nonce": "…"}: claims and receipt, or a problem with the receipt."""
        key = parse_api_key(bearer(authorization))
        site = await self._known.site(key)
        nonce = body.get("nonce")
        if not isinstance(nonce, str) or not nonce:
            raise RequestRefusedError("due are token, an object, and nonce, a string")
        token = body.get("token")
        found = await self._find(site, nonce)
        attempt = self._logins.verify(found, lambda: WebEidToken.from_json_value(token))
        attempt = await self._logins.ask_others(attempt)
        recorded = cast("Recorded", await self._recording.submit(attempt.ending(key)))
        try:
            login = attempt.result(recorded)
        except LoginAttemptRefusedError as refusal:
            self._metrics.count_login(refusal.error.kind)
            return login_refused(refusal)
        self._metrics.count_login(ACCEPTED)
        claims = _write(login.identity.claims())
        content = f'{{"claims": {claims}, "receipt": {login.receipt.as_json_text()}}}'
        return _JsonAnswer(HTTPStatus.OK, content)

    async def _find(self, site: RelyingSite, nonce: str) -> Found:
        # One that is longer than any of ours is as unknown with its end cut off.
        nonce, now = nonce[: sealing.NONCE_LENGTH + 1], self._clock()
        sealed = sealing.take_apart(nonce, now)
        secret = None if sealed is None else await self._known.secret(sealing.day_of(sealed.issued_at))
        return Found(site, nonce, now, sealing.opened(secret, site, nonce, sealed, now))


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
