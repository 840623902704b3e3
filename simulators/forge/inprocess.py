"""An application in this process behind a synchronous HTTP client: no socket, no server."""

import asyncio
from typing import Any

import httpx


class AppTransport(httpx.BaseTransport):
    """A transport for `httpx.Client` whose other end is an ASGI application.

    What the application raises reaches the caller, so a handler that should have answered is found.
    """

    def __init__(self, app: Any) -> None:  # noqa: ANN401 - ASGI frameworks each have their own type of it
        self._transport = httpx.ASGITransport(app)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Runs the application once, to the end of its answer."""
        body = request.read()
        return asyncio.run(self._answer(request, body))

    async def _answer(self, request: httpx.Request, body: bytes) -> httpx.Response:
        # The headers go through as they are: a test may want a dishonest length, or none.
        asynchronous = httpx.Request(
            request.method, request.url, headers=request.headers, stream=httpx.ByteStream(body)
        )
        answer = await self._transport.handle_async_request(asynchronous)
        return httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread())


def client_of(app: Any, base_url: str) -> httpx.Client:  # noqa: ANN401 - as above
    """A client for the application; close it when done."""
    return httpx.Client(transport=AppTransport(app), base_url=base_url)
