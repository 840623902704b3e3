"""Fetching over HTTP from places that strangers name: allowed hosts, public addresses, bounded size and time.

The name is resolved here, every address of it is looked at, and the connection goes to one of those that
were looked at: a name that answers otherwise a moment later (DNS rebinding) gains nothing. Therefore each
fetch has a connection of its own. No redirect is followed, no proxy used, nothing decompressed.
"""

import asyncio
import ssl
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus

import httpx

from verifier.authentication.statuserrors import (
    SourceFault,
    StatusSourceFailedError,
    StatusSourceUnknownError,
    StatusTimeoutError,
)
from verifier.status.addresses import Network, may_connect
from verifier.status.places import Place, require_allowed
from verifier.status.resolving import Resolve

_MAX_TRIED = 4
"""Addresses of one name: a name with hundreds of dead ones shall not be a way to keep us busy."""
_USER_AGENT = "hoviat"


@dataclass(frozen=True)
class Bounds:
    """What one fetch may cost."""

    seconds: float
    """From the first look at the name to the last byte."""
    size: int
    """Bytes of the body."""


@dataclass(frozen=True)
class Reach:
    """Where fetches may go."""

    hosts: frozenset[str] | None
    """`host` or `host:port`; None: any host of the public Internet."""
    networks: tuple[Network, ...] = ()
    """Networks that are not public, and permitted all the same."""


class Fetcher:
    """Fetches for one source."""

    def __init__(self, reach: Reach, resolve: Resolve, tls: ssl.SSLContext | None = None) -> None:
        """`tls`: instead of the authorities that are commonly trusted for servers."""
        self._reach = reach
        self._resolve = resolve
        self._tls = tls

    async def get(self, place: Place, accept: str, bounds: Bounds) -> bytes:
        """The body. Raises StatusSourceUnknownError, StatusSourceFailedError, StatusTimeoutError."""
        return await self._fetch("GET", place, {"Accept": accept}, None, bounds)

    async def post(self, place: Place, content: bytes, kind: str, accept: str, bounds: Bounds) -> bytes:
        """The body of the answer. Raises as `get`."""
        return await self._fetch("POST", place, {"Accept": accept, "Content-Type": kind}, content, bounds)

    async def _fetch(
        self, method: str, place: Place, headers: Mapping[str, str], content: bytes | None, bounds: Bounds
    ) -> bytes:
        require_allowed(place, self._reach.hosts)
        try:
            async with asyncio.timeout(bounds.seconds):
                addresses = await self._addresses(place)
                request = _Request(method, place, headers, content, bounds.size)
                return await self._try_each(addresses, request)
        except TimeoutError as error:
            raise StatusTimeoutError from error

    async def _addresses(self, place: Place) -> Sequence[str]:
        """All must be admitted: a name that has one address within and one without is no honest one."""
        try:
            found = await self._resolve(place.host, place.port)
        except (OSError, UnicodeError) as error:
            raise StatusSourceFailedError("its name can't be resolved") from error
        if not found:
            raise StatusSourceFailedError("its name has no address")
        if not all(may_connect(address, self._reach.networks) for address in found):
            raise StatusSourceUnknownError(SourceFault.ADDRESS_REFUSED)
        return found[:_MAX_TRIED]

    async def _try_each(self, addresses: Collection[str], request: "_Request") -> bytes:
        refused: httpx.ConnectError | None = None
        async with self._client() as client:
            for address in addresses:
                try:
                    return await request.send(client, address)
                except httpx.ConnectError as error:
                    refused = error
                except (httpx.HTTPError, httpx.InvalidURL) as error:
                    raise StatusSourceFailedError("the connection broke") from error
        raise StatusSourceFailedError("it can't be reached") from refused

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            verify=self._tls or _public_authorities(),
            trust_env=False,
            follow_redirects=False,
            timeout=None,  # noqa: S113 - one timeout is around all of it
            limits=httpx.Limits(max_keepalive_connections=0),
        )


@dataclass(frozen=True)
class _Request:
    method: str
    place: Place
    headers: Mapping[str, str]
    content: bytes | None
    size: int

    async def send(self, client: httpx.AsyncClient, address: str) -> bytes:
        """To this address, in the place's name. Raises httpx.HTTPError, StatusSourceFailedError."""
        headers = {
            **self.headers,
            "Host": self.place.authority,
            "Accept-Encoding": "identity",
            "User-Agent": _USER_AGENT,
        }
        async with client.stream(
            self.method,
            self.place.at(address),
            headers=headers,
            content=self.content,
            extensions={"sni_hostname": self.place.host},
        ) as response:
            if response.status_code != HTTPStatus.OK:
                raise StatusSourceFailedError(f"it answers with status {response.status_code}")
            return await self._body(response)

    async def _body(self, response: httpx.Response) -> bytes:
        body = bytearray()
        async for chunk in response.aiter_raw():  # raw: a short body that unpacks to a long one stays short
            body += chunk
            if len(body) > self.size:
                raise StatusSourceFailedError("its answer is too long")
        return bytes(body)


@cache
def _public_authorities() -> ssl.SSLContext:
    """Read once: that takes longer than a fetch."""
    return httpx.create_ssl_context(trust_env=False)
