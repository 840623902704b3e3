"""Fetching from hosts that mean no good: where they send us, how much they send, and how slowly."""

import asyncio
import datetime as dt
import gzip
import ssl
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.unit.verifier.status.responder import (
    HERE,
    HOST,
    LOOPBACK,
    Behaviour,
    Received,
    http,
    resolving,
    run,
    sending,
    serving,
)
from verifier.authentication.statuserrors import (
    SourceFault,
    StatusSourceFailedError,
    StatusSourceUnknownError,
    StatusTimeoutError,
    StatusUnavailableError,
)
from verifier.status.addresses import Network
from verifier.status.fetching import Bounds, Fetcher, Reach
from verifier.status.places import read_place
from verifier.status.resolving import ThreadResolver

BOUNDS = Bounds(30.0, 1000)


def fetcher(
    resolve: Callable[[str, int], Awaitable[Sequence[str]]] = HERE,
    networks: tuple[Network, ...] = (LOOPBACK,),
    tls: ssl.SSLContext | None = None,
) -> Fetcher:
    return Fetcher(Reach(None, networks), resolve, tls)


async def get(behaviour: Behaviour, found: Fetcher, bounds: Bounds = BOUNDS) -> tuple[bytes, list[Received]]:
    async with serving(behaviour) as server:
        return await found.get(read_place(server.url("/a?b=c")), "text/plain", bounds), server.received


def refused(behaviour: Behaviour, found: Fetcher, bounds: Bounds = BOUNDS) -> StatusUnavailableError:
    """And the server was not asked, or only once."""
    with pytest.raises(StatusUnavailableError) as caught:
        run(get(behaviour, found, bounds))
    return caught.value


def test_a_get() -> None:
    body, received = run(get(sending(http(b"hello")), fetcher()))
    assert body == b"hello"
    head = received[0].head.lower()
    assert head.startswith("get /a?b=c http/1.1\r\n")
    assert f"host: {HOST}:" in head
    assert "accept-encoding: identity\r\n" in head
    assert "cookie" not in head


@pytest.mark.parametrize("hosts", [(), ("other.example",), (HOST,), (f"{HOST}:1",), (f"x.{HOST}",)])
def test_a_host_that_is_not_listed_with_its_port(hosts: tuple[str, ...]) -> None:
    """Whoever gave the place: it is held against the list once more where the connection is made."""

    async def work() -> None:
        async with serving(sending(http(b"hello"))) as server:
            found = Fetcher(Reach(frozenset(hosts), (LOOPBACK,)), HERE)
            with pytest.raises(StatusSourceUnknownError) as caught:
                await found.get(read_place(server.url()), "text/plain", BOUNDS)
            assert caught.value.fault is SourceFault.ADDRESS_REFUSED
            assert server.received == []

    run(work())


@pytest.mark.parametrize("kind", [(), ("Content-Type: text/html",), ("Content-Type: ;;",)])
def test_any_content_type(kind: tuple[str, ...]) -> None:
    assert run(get(sending(http(b"x", "200 OK", *kind)), fetcher()))[0] == b"x"


@pytest.mark.parametrize(
    "status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"]
)
def test_a_redirect_to_loopback_is_not_followed(status: str) -> None:
    async def work() -> None:
        async with serving(sending(http(b"secret"))) as inner:
            location = f"Location: http://127.0.0.1:{inner.port}/"
            try:
                await get(sending(http(b"", status, location)), fetcher())
            finally:
                assert inner.received == []

    with pytest.raises(StatusSourceFailedError):
        run(work())


def test_a_body_of_just_the_size_and_of_one_byte_more() -> None:
    assert len(run(get(sending(http(bytes(1000))), fetcher()))[0]) == 1000
    assert type(refused(sending(http(bytes(1001))), fetcher())) is StatusSourceFailedError


def test_an_endless_body() -> None:
    async def pour(_received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"400\r\n" + bytes(1024) + b"\r\n")
            await writer.drain()

    assert type(refused(pour, fetcher())) is StatusSourceFailedError


def test_a_short_body_that_would_unpack_to_a_long_one() -> None:
    packed = gzip.compress(bytes(500_000))
    assert len(packed) < 1000
    body, _ = run(get(sending(http(packed, "200 OK", "Content-Encoding: gzip")), fetcher()))
    assert body == packed


def test_a_head_that_does_not_end() -> None:
    async def drip(_received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X: y\r\n")
            await writer.drain()
            await asyncio.sleep(0.005)  # the server's own pace, not a wait of the test

    assert type(refused(drip, fetcher(), Bounds(0.1, 1000))) is StatusTimeoutError


def test_a_resolver_that_does_not_end() -> None:
    async def never(_host: str, _port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        raise AssertionError

    assert type(refused(sending(b""), fetcher(never), Bounds(0.05, 1000))) is StatusTimeoutError


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["10.0.0.1"],
        ["169.254.169.254"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["fe80::1%lo"],
        ["8.8.8.8", "127.0.0.1"],
        ["127.0.0.1", "8.8.8.8"],
    ],
    ids=",".join,
)
def test_a_name_with_an_address_that_is_not_public(addresses: list[str]) -> None:
    error = refused(sending(http(b"secret")), fetcher(resolving(*addresses), networks=()))
    assert isinstance(error, StatusSourceUnknownError)
    assert error.fault is SourceFault.ADDRESS_REFUSED


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "127.1", "2130706433", "0x7f.1", "0177.0.0.1"])
def test_loopback_in_every_spelling(host: str) -> None:
    async def work() -> None:
        resolver = ThreadResolver()
        try:
            await fetcher(resolver, networks=()).get(read_place(f"http://{host}/"), "x/x", BOUNDS)
        finally:
            resolver.close()

    with pytest.raises((StatusSourceUnknownError, StatusSourceFailedError)):
        run(work())


def test_a_name_that_changes_its_address_after_it_was_looked_at() -> None:
    """Nobody asks a second time: the connection goes to the address that was looked at."""
    asked = []

    async def rebinding(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

    assert run(get(sending(http(b"x")), fetcher(rebinding)))[0] == b"x"
    assert asked == [HOST]


def test_the_next_address_where_one_refuses() -> None:
    found = fetcher(resolving("127.99.99.99", "127.0.0.1"))  # the server is bound to the latter alone
    assert run(get(sending(http(b"x")), found))[0] == b"x"


def test_a_name_with_very_many_dead_addresses() -> None:
    dead = [f"127.99.0.{number}" for number in range(1, 200)]
    assert type(refused(sending(b""), fetcher(resolving(*dead, "127.0.0.1")))) is StatusSourceFailedError


@pytest.mark.parametrize("error", [OSError("no such name"), UnicodeError("label too long")])
def test_a_name_that_does_not_resolve(error: Exception) -> None:
    async def fail(_host: str, _port: int) -> Sequence[str]:
        raise error

    assert type(refused(sending(b""), fetcher(fail))) is StatusSourceFailedError
    assert type(refused(sending(b""), fetcher(resolving()))) is StatusSourceFailedError


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    assert run(get(sending(http(b"x")), fetcher()))[0] == b"x"


def server_identity(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Contexts for a server of this name, and for a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, SHA256())
    )
    file = folder / "server.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(secret + certificate.public_bytes(Encoding.PEM))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    client = ssl.create_default_context(cadata=certificate.public_bytes(Encoding.PEM).decode())
    return server, client


@pytest.mark.parametrize(("name", "good"), [(HOST, True), ("other.example", False)])
def test_tls_is_held_against_the_name_and_not_the_address(name: str, tmp_path: Path, *, good: bool) -> None:
    server_tls, client_tls = server_identity(tmp_path, name)

    async def work() -> bytes:
        async with serving(sending(http(b"x")), server_tls) as server:
            place = read_place(server.url().replace("http:", "https:"))
            return await fetcher(tls=client_tls).get(place, "x/x", BOUNDS)

    if good:
        assert run(work()) == b"x"
    else:
        with pytest.raises(StatusSourceFailedError):
            run(work())
