"""A CA, its cards, and servers on loopback that answer for it: honestly, wrongly, slowly or not at all."""

import asyncio
import itertools
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import IPv4Network
from typing import Any, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from pki import der, oids
from pki.validation.certificate import read_certificate
from pki.validation.decoders import Usage
from pki.validation.names import comparable
from tests.unit.pki.validation.making import (
    DAY,
    NOW,
    NULL,
    Party,
    ca,
    certify,
    distribution_point,
    distribution_points,
    key_usage,
    party,
    purposes,
    uri,
)
from verifier.authentication.status import StatusAnswer
from verifier.status.lookup import ForeignStatus
from verifier.status.settings import Mode, SourceSettings
from verifier.status.sources import Source, Sources

T = TypeVar("T")
LOOPBACK = IPv4Network("127.0.0.0/8")
HOST = "status.example"
AD_OCSP = "1.3.6.1.5.5.7.48.1"
GOOD, REVOKED, UNKNOWN = ocsp.OCSPCertStatus.GOOD, ocsp.OCSPCertStatus.REVOKED, ocsp.OCSPCertStatus.UNKNOWN
HOLD, COMPROMISE = x509.ReasonFlags.certificate_hold, x509.ReasonFlags.key_compromise

CA, OTHER, CARD, RESPONDER = party("ca"), party("other ca"), party("card"), party("responder")
ANCHOR, OTHER_ANCHOR = certify(CA, CA, *ca()), certify(OTHER, OTHER, *ca())
NOCHECK = der.extension(oids.OCSP_NOCHECK, NULL)
SIGNING = (key_usage(Usage.DIGITAL_SIGNATURE), purposes(oids.OCSP_SIGNING), NOCHECK)
DELEGATE = certify(RESPONDER, CA, *SIGNING)
_LIFE = timedelta(minutes=5)
_serials = itertools.count(70_000)


def names_responder(*urls: str) -> bytes:
    """The authorityInfoAccess extension."""
    pairs = (der.sequence((der.object_identifier(AD_OCSP), uri(url))) for url in urls)
    return der.extension(oids.AUTHORITY_INFO_ACCESS, der.sequence(pairs))


def names_crl(*urls: str) -> bytes:
    """The cRLDistributionPoints extension."""
    return distribution_points(*(distribution_point(uri(url)) for url in urls))


def card(*extensions: bytes, issuer: Party = CA, serial: int | None = None) -> bytes:
    return certify(CARD, issuer, *extensions, serial=next(_serials) if serial is None else serial)


@dataclass(frozen=True)
class Saying:
    """What an OCSP answer says, and who signs it; the default is an honest `good`."""

    status: ocsp.OCSPCertStatus = GOOD
    reason: x509.ReasonFlags | None = None
    about: bytes | None = None
    """None: the certificate that was asked about."""
    issuer: bytes = ANCHOR
    this_update: datetime = NOW
    next_update: datetime | None = NOW + _LIFE
    signer: bytes = DELEGATE
    key: Party = RESPONDER
    sent: Sequence[bytes] | None = None
    """Certificates in the answer; None: the signer's."""
    nonce: bytes | None = b""
    """Empty: the one that was sent."""
    by_name: bool = False
    """The responder is named by its name, else by its key."""

    def answer(self, request: bytes, certificate: bytes) -> bytes:
        load = x509.load_der_x509_certificate
        revoked = self.status is REVOKED
        builder = ocsp.OCSPResponseBuilder().add_response(
            load(self.about or certificate),
            load(self.issuer),
            SHA1(),  # noqa: S303 - only names the issuer
            self.status,
            self.this_update,
            self.next_update,
            NOW - DAY if revoked else None,
            self.reason if revoked else None,
        )
        encoding = ocsp.OCSPResponderEncoding.NAME if self.by_name else ocsp.OCSPResponderEncoding.HASH
        builder = builder.responder_id(encoding, load(self.signer))
        sent = [self.signer] if self.sent is None else self.sent
        if sent:
            builder = builder.certificates([load(item) for item in sent])
        nonce = nonce_of(request) if self.nonce == b"" else self.nonce
        if nonce is not None:
            builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
        return builder.sign(self.key.key, SHA256()).public_bytes(Encoding.DER)


def nonce_of(request: bytes) -> bytes | None:
    for extension in ocsp.load_der_ocsp_request(request).extensions:
        if isinstance(extension.value, x509.OCSPNonce):
            return extension.value.nonce
    return None


def error_answer(status: int) -> bytes:
    """An OCSPResponse of an error alone."""
    return der.sequence((der.enumerated(status),))


@dataclass(frozen=True)
class Received:
    """One request."""

    head: str
    body: bytes


Behaviour = Callable[[Received, asyncio.StreamWriter], Awaitable[None]]


def http(body: bytes, status: str = "200 OK", *fields: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *fields]
    return "\r\n".join([*lines, "", ""]).encode() + body


def answering(make: Callable[[bytes], bytes]) -> Behaviour:
    """A server that answers each body with what `make` makes of it."""

    async def behave(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(http(make(received.body)))

    return behave


def sending(raw: bytes) -> Behaviour:
    """A server that sends these bytes, whatever was asked."""

    async def behave(_received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)

    return behave


async def silent(_received: Received, _writer: asyncio.StreamWriter) -> None:
    """Never answers."""
    await asyncio.Event().wait()


@dataclass
class Server:
    """What is running, and what it was asked."""

    port: int
    received: list[Received] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    def url(self, path: str = "/status") -> str:
        return f"http://{HOST}:{self.port}{path}"


@asynccontextmanager
async def serving(behaviour: Behaviour, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """A server on loopback. What it still does at the end is cancelled."""
    tasks: set[asyncio.Task[None]] = set()
    faults: list[BaseException] = []
    made = Server(0)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            received = await _receive(reader)
            made.received.append(received)
            made.asked.set()
            await behaviour(received, writer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client went away, which is what some tests want
        finally:
            writer.close()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(handle(reader, writer))
        tasks.add(task)
        task.add_done_callback(ended)

    def ended(task: asyncio.Task[None]) -> None:
        tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            faults.append(error)

    server = await asyncio.start_server(begin, "127.0.0.1", 0, ssl=tls)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert faults == []  # a server that broke down is no server that lies


@contextmanager
def served(behaviour: Behaviour) -> Iterator[str]:
    """The URL of a server with an event loop and a thread of its own: the command blocks."""
    began, end = threading.Event(), asyncio.Event()
    found: list[tuple[str, asyncio.AbstractEventLoop]] = []

    async def serve() -> None:
        async with serving(behaviour) as server:
            found.append((f"http://127.0.0.1:{server.port}/status", asyncio.get_running_loop()))
            began.set()
            await end.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    began.wait()
    url, loop = found[0]
    try:
        yield url
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join()


async def _receive(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    lengths = [line for line in head.splitlines() if line.lower().startswith("content-length:")]
    length = int(lengths[0].split(":")[1]) if lengths else 0
    return Received(head, await reader.readexactly(length))


def resolving(*addresses: str) -> Callable[[str, int], Awaitable[Sequence[str]]]:
    """A resolver for which every name has these addresses."""

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return addresses

    return resolve


HERE = resolving("127.0.0.1")


class Watch:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def source(port: int, mode: Mode = Mode.OCSP, **changes: Any) -> Source:
    """A source at this port of loopback. Nothing in a test may rest on how long things take."""
    wanted: dict[str, Any] = {
        "hosts": frozenset({f"{HOST}:{port}"}),
        "networks": (LOOPBACK,),
        "budget": 30.0,
        **changes,
    }
    responders = tuple(read_certificate(item, None) for item in wanted.pop("responders", ()))
    return Source(SourceSettings(label=wanted.pop("label", "ca"), mode=mode, **wanted), responders)


def lookup_of(found: Source, clock: Callable[[], float] | None = None, issuer: Party = CA) -> ForeignStatus:
    sources = Sources({comparable(issuer.name): found})
    return ForeignStatus(sources, HERE, clock or Watch())


async def asked_of(
    behaviour: Behaviour, certificate: Callable[[str], bytes], at: datetime = NOW, **changes: Any
) -> StatusAnswer:
    """The answer about a certificate that names this server."""
    async with serving(behaviour) as server:
        lookup = lookup_of(source(server.port, **changes))
        try:
            return await lookup.ask(ANCHOR, certificate(server.url()), at)
        finally:
            lookup.close()


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)
