"""Status by CRL: fetched once, looked up at each login, never replaced by what is worse."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from pki.validation.names import comparable
from tests.unit.pki.validation.making import (
    DAY,
    NOW,
    Entry,
    Party,
    distribution_point,
    distribution_points,
    issuing_point,
    make_crl,
    uri,
)
from tests.unit.verifier.status.responder import (
    ANCHOR,
    CA,
    HERE,
    HOST,
    OTHER,
    Received,
    Saying,
    Server,
    Watch,
    answering,
    card,
    error_answer,
    http,
    lookup_of,
    names_crl,
    names_responder,
    run,
    serving,
    silent,
    source,
)
from verifier.authentication.status import CertificateStatus, StatusAnswer
from verifier.authentication.statuserrors import (
    SourceFault,
    StatusSourceFailedError,
    StatusSourcePausedError,
    StatusSourceUnknownError,
    StatusStaleError,
    StatusTimeoutError,
    StatusUnavailableError,
    StatusUntrustedAnswerError,
)
from verifier.status.lookup import ForeignStatus
from verifier.status.places import read_place
from verifier.status.settings import Mode
from verifier.status.sources import Sources

REVOKED, HELD, FINE = 501, 502, 503
ENTRIES = (Entry(REVOKED, 1), Entry(HELD, 6))
CRL = make_crl(CA, *ENTRIES)
HOUR = timedelta(hours=1)


class Point:
    """A distribution point: what it gives out, and how often."""

    def __init__(self, content: bytes = CRL) -> None:
        self.content: bytes | None = content
        self.open = asyncio.Event()
        self.open.set()

    async def __call__(self, _received: Received, writer: asyncio.StreamWriter) -> None:
        await self.open.wait()
        writer.write(http(b"", "500 No") if self.content is None else http(self.content))


class World:
    def __init__(self, server: Server, point: Point, mode: Mode, changes: dict[str, Any]) -> None:
        self.server = server
        self.point = point
        self.watch = Watch()
        self.lookup = lookup_of(source(server.port, mode, **changes), self.watch)

    async def ask(self, serial: int = FINE, at: datetime = NOW, url: str = "/status") -> StatusAnswer:
        certificate = card(names_crl(self.server.url(url)), serial=serial)
        return await self.lookup.ask(ANCHOR, certificate, at)

    @property
    def fetched(self) -> int:
        return len(self.server.received)


def told(work: Callable[[World], Awaitable[None]], content: bytes = CRL, **changes: Any) -> None:
    async def all_of_it() -> None:
        point = Point(content)
        async with serving(point) as server:
            world = World(server, point, Mode.CRL, changes)
            try:
                await work(world)
            finally:
                world.lookup.close()

    run(all_of_it())


def test_good_revoked_and_on_hold_from_one_fetch() -> None:
    async def work(world: World) -> None:
        assert (await world.ask()).status is CertificateStatus.GOOD
        assert await world.ask(REVOKED) == StatusAnswer(CertificateStatus.REVOKED, NOW - DAY, "keyCompromise")
        assert (await world.ask(HELD)).status is CertificateStatus.ON_HOLD
        assert world.fetched == 1
        assert world.server.received[0].head.startswith("GET /status HTTP/1.1")

    told(work)


def test_many_logins_at_once_wait_for_one_fetch() -> None:
    async def work(world: World) -> None:
        world.point.open.clear()
        asking = [asyncio.create_task(world.ask(REVOKED)) for _ in range(10)]
        await world.server.asked.wait()
        world.point.open.set()
        answers = await asyncio.gather(*asking)
        assert {answer.status for answer in answers} == {CertificateStatus.REVOKED}
        assert world.fetched == 1

    told(work)


def test_parts_of_a_crl_are_kept_apart() -> None:
    async def work(world: World) -> None:
        await world.ask(url="/one")
        await world.ask(url="/two")
        await world.ask(url="/one")
        assert world.fetched == 2

    told(work)


BAD = {
    "somebody else's signature": make_crl(CA, signer=OTHER),
    "a namesake's": make_crl(Party(CA.name)),
    "another issuer's": make_crl(OTHER),
    "for another point": make_crl(CA, extensions=[issuing_point(uri("http://other.example/"))]),
    "for CAs only": make_crl(CA, extensions=[issuing_point(flags=[2])]),
    "without an end": make_crl(CA, life=(NOW - DAY, None)),
    "garbage": b"garbage",
    "cut off": CRL[:-1],
    "a delta": make_crl(CA, base=1, number=2),
}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_a_crl_that_counts_for_nothing(content: bytes) -> None:
    async def work(world: World) -> None:
        with pytest.raises(StatusUntrustedAnswerError):
            await world.ask()

    told(work, content)


@pytest.mark.parametrize(
    "life", [(NOW - 2 * DAY, NOW - timedelta(seconds=1)), (NOW + HOUR, NOW + DAY)], ids=["over", "to come"]
)
def test_a_crl_of_another_time(life: tuple[datetime, datetime]) -> None:
    async def work(world: World) -> None:
        with pytest.raises(StatusStaleError):
            await world.ask()

    told(work, make_crl(CA, life=life))


def test_one_that_ended_is_fetched_again_and_until_then_nobody_logs_in() -> None:
    async def work(world: World) -> None:
        await world.ask()
        world.point.content = None
        with pytest.raises(StatusSourceFailedError):
            await world.ask(at=NOW + 2 * DAY)
        world.point.content = make_crl(CA, Entry(FINE), life=(NOW + DAY, NOW + 3 * DAY))
        answer = await world.ask(at=NOW + 2 * DAY)
        assert answer.status is CertificateStatus.REVOKED

    told(work)


async def settled(world: World, fetched: int) -> None:
    """A fetch in the background, begun by a login that did not wait for it."""
    while world.fetched < fetched:
        world.server.asked.clear()
        await world.server.asked.wait()
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    fetches = [task for task in tasks if "CrlClient" in repr(task.get_coro())]
    await asyncio.gather(*fetches, return_exceptions=True)


def test_it_is_fetched_again_before_its_end_and_no_login_waits() -> None:
    async def work(world: World) -> None:
        await world.ask()
        world.point.content = make_crl(CA, Entry(FINE), number=2, life=(NOW - HOUR, NOW + DAY))
        world.watch.now += 3600
        assert (await world.ask()).status is CertificateStatus.GOOD
        await settled(world, 2)
        assert (await world.ask()).status is CertificateStatus.REVOKED
        assert world.fetched == 2

    told(work)


WORSE = {
    "older": make_crl(CA, number=1, life=(NOW - 2 * DAY, NOW + DAY)),
    "forged": make_crl(CA, signer=OTHER),
    "garbage": b"garbage",
    "none": None,
}


@pytest.mark.parametrize("content", WORSE.values(), ids=WORSE)
def test_nothing_worse_replaces_it(content: bytes | None) -> None:
    """A replayed CRL lacks the newest revocations."""

    async def work(world: World) -> None:
        assert (await world.ask(REVOKED)).status is CertificateStatus.REVOKED
        world.point.content = content
        for round_number in range(2, 4):
            world.watch.now += 3600
            assert (await world.ask(REVOKED)).status is CertificateStatus.REVOKED
            await settled(world, round_number)
        assert (await world.ask(REVOKED)).status is CertificateStatus.REVOKED

    told(work)


def test_a_useless_crl_is_not_downloaded_with_every_login() -> None:
    async def work(world: World) -> None:
        for _ in range(3):
            with pytest.raises(StatusUntrustedAnswerError):
                await world.ask()
        with pytest.raises(StatusSourcePausedError):
            await world.ask()
        assert world.fetched == 3

    told(work, b"garbage", failures=3)


def test_a_fetch_outlasts_the_login_that_began_it() -> None:
    async def work(world: World) -> None:
        world.point.open.clear()
        with pytest.raises(StatusTimeoutError):
            await world.ask()
        world.point.open.set()
        await settled(world, 1)
        assert (await world.ask()).status is CertificateStatus.GOOD
        assert world.fetched == 1

    told(work, budget=0.05)


def test_a_crl_that_is_too_long() -> None:
    async def work(world: World) -> None:
        with pytest.raises(StatusSourceFailedError):
            await world.ask()

    told(work, crl_bytes=len(CRL) - 1)
    told(_is_good, crl_bytes=len(CRL))


async def _is_good(world: World) -> None:
    assert (await world.ask()).status is CertificateStatus.GOOD


NOT_NAMED = {
    "no point": (),
    "a point of another issuer": (
        distribution_points(distribution_point(uri(f"http://{HOST}/"), crl_issuer=[b"\xa4\x02\x30\x00"])),
    ),
    "a point for some reasons": (
        distribution_points(distribution_point(uri(f"http://{HOST}/"), reasons=[1])),
    ),
}


@pytest.mark.parametrize("extensions", NOT_NAMED.values(), ids=NOT_NAMED)
def test_a_certificate_that_names_no_crl(extensions: tuple[bytes, ...]) -> None:
    async def work(world: World) -> None:
        with pytest.raises(StatusSourceUnknownError) as caught:
            await world.lookup.ask(ANCHOR, card(*extensions), NOW)
        assert caught.value.fault is SourceFault.NOT_NAMED
        assert world.fetched == 0

    told(work)


def test_a_configured_crl_is_taken_whatever_the_certificate_names() -> None:
    async def work() -> None:
        async with serving(Point()) as server:
            lookup = lookup_of(source(server.port, Mode.CRL, crl=read_place(server.url("/all.crl"))))
            for certificate in (card(serial=REVOKED), card(names_crl("file:///x"), serial=REVOKED)):
                answer = await lookup.ask(ANCHOR, certificate, NOW)
                assert answer.status is CertificateStatus.REVOKED
            assert [item.head.split()[1] for item in server.received] == ["/all.crl"]

    run(work())


def both(url: str, crl_url: str, serial: int) -> bytes:
    return card(names_responder(url), names_crl(crl_url), serial=serial)


async def with_both(
    ocsp: Any, point: Any, ask: Callable[[ForeignStatus, str, str], Awaitable[None]], **changes: Any
) -> None:
    async with serving(ocsp) as responder, serving(point) as crls:
        hosts = frozenset({f"{HOST}:{responder.port}", f"{HOST}:{crls.port}"})
        found = source(responder.port, Mode.OCSP_THEN_CRL, hosts=hosts, **changes)
        lookup = ForeignStatus(Sources({comparable(CA.name): found}), HERE, Watch())
        try:
            await ask(lookup, responder.url(), crls.url())
        finally:
            lookup.close()


UNABLE = {
    "silent": silent,
    "tryLater": answering(lambda _body: error_answer(3)),
    "garbage": answering(lambda _body: b"garbage"),
}


@pytest.mark.parametrize("behaviour", UNABLE.values(), ids=UNABLE)
def test_a_crl_where_ocsp_does_not_tell(behaviour: Any) -> None:
    async def ask(lookup: ForeignStatus, url: str, crl_url: str) -> None:
        for serial, expected in ((FINE, CertificateStatus.GOOD), (REVOKED, CertificateStatus.REVOKED)):
            assert (await lookup.ask(ANCHOR, both(url, crl_url, serial), NOW)).status is expected

    # The CRL has the same time, and shall not fail for want of it on a busy machine.
    run(with_both(behaviour, Point(), ask, budget=1.5 if behaviour is silent else 30.0))


def test_ocsp_is_enough_where_it_tells() -> None:
    unknown = Saying()

    async def ask(lookup: ForeignStatus, url: str, crl_url: str) -> None:
        answer = await lookup.ask(ANCHOR, both(url, crl_url, REVOKED), NOW)
        assert answer.status is CertificateStatus.GOOD  # its word is newer than the CRL's

    run(with_both(answering(lambda body: unknown.answer(body, card(serial=REVOKED))), silent, ask))


@pytest.mark.parametrize("point", [Point(), None], ids=["with CRL", "without"])
def test_where_neither_tells_the_login_is_refused(point: Point | None) -> None:
    async def ask(lookup: ForeignStatus, url: str, crl_url: str) -> None:
        certificate = card(names_responder(url), *([] if point is None else [names_crl(crl_url)]))
        with pytest.raises(StatusUnavailableError) as caught:
            await lookup.ask(ANCHOR, certificate, NOW)
        # Where no CRL is named, what happened to OCSP is what tells.
        assert type(caught.value) is (StatusSourceFailedError if point is None else StatusStaleError)

    if point is not None:
        point.content = make_crl(CA, life=(NOW - 2 * DAY, NOW - DAY))
    run(with_both(answering(lambda _body: error_answer(3)), point or silent, ask))
