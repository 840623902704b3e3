"""`/ocsp`: a bare ASGI application, because it is asked more than all else together."""

import asyncio
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote_to_bytes

from starlette.types import Receive, Scope, Send

from pki.clock import Clock
from pki.httpprotocol import AnswerBody, Headers, ReadyResponse, Respond, head_of
from pki.metrics import Counters
from pki.problems import problem
from pki.status.ocsp.bodies import BodyReader
from pki.status.ocsp.composing import ReadyAnswer, etag_of, http_date
from pki.status.ocsp.lane import Lane
from pki.status.ocsp.policy import FEED_SECONDS
from pki.status.ocsp.prepared import PreparedAnswers
from pki.status.ocsp.request import MAX_REQUEST_BYTES
from pki.status.ocsp.responder import OcspAnswer, OcspResponder
from pki.status.ocsp.response import ResponseStatus
from pki.status.ocsp.transport import (
    REQUEST_TYPE,
    CacheHeaders,
    content_type,
    declared_length,
    described,
    is_unchanged,
    plain_headers,
    request_in_path,
)

BODY_SECONDS = 5.0
"""How long a request's body may take."""
_RESPONSES = "hoviat_pki_ocsp_responses_total"
_CLOCK_SECONDS = 0.02
_OK, _NOT_MODIFIED = 200, 304


class OcspEndpoint:
    """Answers from the store where it can, else by the lane."""

    def __init__(
        self,
        responder: OcspResponder,
        prepared: PreparedAnswers,
        follow: Callable[[], None],
        counters: Counters,
        clock: Clock,
    ) -> None:
        """`follow` is called every second or so, in a thread of its own."""
        self._prepared = prepared
        self._lane = Lane(responder.answer_all)
        self._follow_once = follow
        self._clock = clock
        self._from_store = counters.counter(_RESPONSES, status="successful", source="stored")
        self._made = {
            status: counters.counter(_RESPONSES, status=status.name.lower(), source="made")
            for status in ResponseStatus
        }
        self._bodies = BodyReader(MAX_REQUEST_BYTES, BODY_SECONDS)
        self._cache_headers = CacheHeaders()
        self._read = -math.inf
        self._second = 0
        self._following: asyncio.Task[None] | None = None
        self._follower = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ocsp-feed")

    async def __call__(self, scope: Scope, receive: Receive, send: Send, encoded: str) -> None:
        """One request. `encoded` is what follows `/ocsp/` in the path."""
        if not self._follows:
            self.start_following()
        method = scope["method"]
        if method == "GET":
            await self._get(request_in_path(encoded), scope, send)
        elif method != "POST":
            refusal = problem(405, "method-not-allowed", "OCSP takes GET and POST", headers=_ALLOWED)
            await refusal(scope, receive, send)
        elif content_type(scope["headers"]) != REQUEST_TYPE:
            refusal = problem(415, "ocsp-media-type", f"OCSP requests are {REQUEST_TYPE.decode()}")
            await refusal(scope, receive, send)
        else:
            await self._post(scope, receive, send)

    def soon(self, headers: Headers) -> AnswerBody | None:
        """What takes the body of a POST; None: it is no OCSP request, or something about it is odd."""
        if not self._follows or content_type(headers) != REQUEST_TYPE:
            return None
        return None if declared_length(headers) > MAX_REQUEST_BYTES else self._take

    def _take(self, request: bytes, respond: Respond) -> None:
        ready = self._prepared.find(request, self._now())
        if ready is not None:
            self._from_store.value += 1
            respond(_uncached(ready.body))
            return
        self._lane.submit(request, lambda made: respond(_uncached(self._count(made).body)))

    @property
    def _follows(self) -> bool:
        """Whether changes of status are followed; the application begins (again) at its next request."""
        return self._following is not None and not self._following.done()

    def start_following(self) -> None:
        """Follows changes of status in this event loop from now on."""
        if not self._follows:
            self._following = asyncio.get_running_loop().create_task(self._follow())

    async def _post(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await self._bodies.read(receive)
        except TimeoutError:
            refusal = problem(408, "request-too-slow", "The request's body did not come", headers=_CLOSE)
            await refusal(scope, receive, send)
            return
        if body is None:
            title = f"OCSP requests have {MAX_REQUEST_BYTES} bytes at most"
            await problem(413, "ocsp-request-too-long", title, headers=_CLOSE)(scope, receive, send)
            return
        await self._answer_uncached(body, send)

    async def _answer_uncached(self, request: bytes, send: Send) -> None:
        ready = self._prepared.find(request, self._now())
        if ready is not None:
            self._from_store.value += 1  # by this thread alone
        body = ready.body if ready is not None else (await self._make(request)).body
        await _send(send, _OK, plain_headers(body), body)

    def at_once(self, quoted: bytes, headers: Headers) -> ReadyResponse | None:
        """The stored answer to a GET; None: it must be made, or is no OCSP request.

        :param quoted: what follows `/ocsp/` in the target, as it came
        """
        if not self._follows:
            return None
        request = request_in_path(_unquoted(quoted))
        now = self._now()
        ready = self._prepared.find(request, now)
        if ready is None:
            return None
        self._from_store.value += 1
        if is_unchanged(headers, ready):
            return ReadyResponse(_NOT_MODIFIED, head_of(self._cache_headers.of_unchanged(ready, now)), b"")
        return ReadyResponse(_OK, self._cache_headers.head(ready, now), ready.body)

    async def _get(self, request: bytes, scope: Scope, send: Send) -> None:
        now = self._now()
        ready = self._prepared.find(request, now)
        if ready is not None:
            self._from_store.value += 1
        else:
            made = await self._make(request)
            if made.stored is None:
                await _send(send, _OK, plain_headers(made.body), made.body)
                return
            ready = ReadyAnswer(made.body, http_date(made.stored.this_update), etag_of(made.stored.signature))
        if is_unchanged(scope["headers"], ready):
            await _send(send, _NOT_MODIFIED, self._cache_headers.of_unchanged(ready, now), b"")
        else:
            await _send(send, _OK, self._cache_headers.of(ready, now), ready.body)

    def _now(self) -> int:
        """Seconds since 1970, read off the clock each fiftieth of a second."""
        elapsed = time.monotonic()
        if elapsed - self._read > _CLOCK_SECONDS:
            self._read, self._second = elapsed, int(self._clock().timestamp())
        return self._second

    async def _make(self, request: bytes) -> OcspAnswer:
        return self._count(await self._lane.answer(request))

    def _count(self, made: OcspAnswer) -> OcspAnswer:
        """Notes it, and keeps what others may have."""
        self._made[made.status].value += 1
        if made.stored is not None:
            self._prepared.keep(made.stored)
        return made

    async def _follow(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            began = time.monotonic()
            await loop.run_in_executor(self._follower, self._follow_once)
            self._prepared.let_go()
            await asyncio.sleep(max(0.0, FEED_SECONDS - (time.monotonic() - began)))


def _unquoted(quoted: bytes) -> bytes:
    """Percent-encoding undone; base64 has but three characters that clients encode."""
    plain = quoted.replace(b"%3D", b"=").replace(b"%2B", b"+").replace(b"%2F", b"/")
    return unquote_to_bytes(plain) if b"%" in plain else plain


def _uncached(body: bytes) -> ReadyResponse:
    return ReadyResponse(_OK, _UNCACHED_HEAD % len(body), body)


_UNCACHED_HEAD = head_of(described(b"%d"))
_ALLOWED = {"Allow": "GET, POST"}
_CLOSE = {"Connection": "close"}


async def _send(send: Send, status: int, headers: Headers, body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
