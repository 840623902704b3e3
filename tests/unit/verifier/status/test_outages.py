"""One authority's outage: what its own cards' logins are told, and that no other's notice."""

import asyncio
from typing import Any

import pytest

from pki.validation.names import comparable
from tests.unit.pki.validation.making import NOW, certify
from tests.unit.pki.validation.making import ca as authority
from tests.unit.verifier.status.responder import (
    ANCHOR,
    CA,
    HERE,
    OTHER,
    OTHER_ANCHOR,
    RESPONDER,
    REVOKED,
    SIGNING,
    Behaviour,
    Received,
    Saying,
    Server,
    Watch,
    answering,
    card,
    error_answer,
    http,
    lookup_of,
    names_responder,
    run,
    serving,
    silent,
    source,
)
from verifier.authentication.status import CertificateStatus
from verifier.authentication.statuserrors import (
    StatusSourceFailedError,
    StatusSourcePausedError,
    StatusSourceUnknownError,
    StatusTimeoutError,
    StatusUntrustedAnswerError,
)
from verifier.status.lookup import ForeignStatus
from verifier.status.sources import Sources

SERIAL = 4711
PAUSE = 30.0


def metric(lookup: ForeignStatus, name: str, **labels: str) -> int:
    wanted = "{" + ",".join(f'{key}="{value}"' for key, value in labels.items()) + "}"
    lines = [line for line in lookup.report() if line.startswith(f"hoviat_verifier_status_{name}{wanted} ")]
    return int(lines[0].rpartition(" ")[2]) if lines else 0


class Changing:
    """A responder that fails until it is told to answer."""

    def __init__(self) -> None:
        self.answers = False

    async def __call__(self, received: Received, writer: asyncio.StreamWriter) -> None:
        answer = Saying().answer(received.body, card(serial=SERIAL))
        writer.write(http(answer) if self.answers else http(b"", "500 Internal Server Error"))


class World:
    """A lookup over one server, with a clock of its own."""

    def __init__(self, server: Server, **changes: Any) -> None:
        self.server = server
        self.watch = Watch()
        self.lookup = lookup_of(source(server.port, failures=3, pause=PAUSE, **changes), self.watch)

    async def ask(self) -> CertificateStatus:
        certificate = card(names_responder(self.server.url()), serial=SERIAL)
        return (await self.lookup.ask(ANCHOR, certificate, NOW)).status

    async def fail(self, times: int) -> None:
        for _ in range(times):
            with pytest.raises(StatusSourceFailedError):
                await self.ask()

    def state(self) -> int:
        return metric(self.lookup, "breaker_state", source="ca", protocol="ocsp")


def test_a_source_that_fails_is_left_alone_and_then_tried_once() -> None:
    async def work() -> None:
        behaviour = Changing()
        async with serving(behaviour) as server:
            world = World(server)
            await world.fail(3)
            assert world.state() == 2
            with pytest.raises(StatusSourcePausedError):
                await world.ask()
            assert len(server.received) == 3
            world.watch.now += PAUSE
            assert world.state() == 1
            await world.fail(1)
            with pytest.raises(StatusSourcePausedError):
                await world.ask()
            behaviour.answers = True
            world.watch.now += PAUSE
            assert await world.ask() is CertificateStatus.GOOD
            assert world.state() == 0
            assert await world.ask() is CertificateStatus.GOOD

    run(work())


def test_a_probe_whose_login_went_away_leaves_the_place_to_another() -> None:
    async def work() -> None:
        behaviour = Changing()

        async def behave(received: Received, writer: asyncio.StreamWriter) -> None:
            if world.state() == 1 and not behaviour.answers:
                await asyncio.Event().wait()
            await behaviour(received, writer)

        async with serving(behave) as server:
            world = World(server)
            await world.fail(3)
            world.watch.now += PAUSE
            server.asked.clear()
            probe = asyncio.create_task(world.ask())
            await server.asked.wait()
            with pytest.raises(StatusSourcePausedError):
                await world.ask()
            probe.cancel()
            await asyncio.wait([probe])
            behaviour.answers = True
            assert await world.ask() is CertificateStatus.GOOD

    run(work())


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        (answering(lambda _body: b"garbage"), StatusUntrustedAnswerError),
        (answering(lambda _body: error_answer(6)), StatusUntrustedAnswerError),
    ],
    ids=["lying", "unauthorized"],
)
def test_answers_about_one_odd_card_lock_nobody_out(behaviour: Behaviour, error: type[Exception]) -> None:
    async def work() -> None:
        async with serving(behaviour) as server:
            world = World(server)
            for _ in range(10):
                with pytest.raises(error):
                    await world.ask()
            assert world.state() == 0

    run(work())


def test_nor_do_cards_that_name_no_responder_or_another() -> None:
    async def work() -> None:
        async with serving(Changing()) as server:
            world = World(server)
            for certificate in (card(), card(names_responder("http://127.0.0.1/"))):
                for _ in range(5):
                    with pytest.raises(StatusSourceUnknownError):
                        await world.lookup.ask(ANCHOR, certificate, NOW)
            assert world.state() == 0

    run(work())


def test_a_timeout_is_a_failure() -> None:
    async def work() -> None:
        async with serving(silent) as server:
            world = World(server, budget=0.02)
            for _ in range(3):
                with pytest.raises(StatusTimeoutError):
                    await world.ask()
            assert world.state() == 2

    run(work())


def test_more_than_may_ask_at_a_time_are_refused_and_not_queued() -> None:
    async def work() -> None:
        async with serving(silent) as server:
            world = World(server, places=2)
            asking = [asyncio.create_task(world.ask()) for _ in range(2)]
            while len(server.received) < 2:
                server.asked.clear()
                await server.asked.wait()
            with pytest.raises(StatusSourcePausedError):
                await world.ask()
            assert metric(world.lookup, "asking", source="ca", protocol="ocsp") == 2
            for task in asking:
                task.cancel()
            await asyncio.wait(asking)
            assert metric(world.lookup, "asking", source="ca", protocol="ocsp") == 0
            assert world.state() == 0

    run(work())


def test_an_outage_of_one_authority_does_not_slow_the_logins_of_another() -> None:
    """All that may ask of the dead one hang, more are refused at once; the other answers meanwhile."""

    async def work() -> None:
        other = card(serial=SERIAL, issuer=OTHER)
        signer = certify(RESPONDER, OTHER, *SIGNING)
        saying = Saying(issuer=OTHER_ANCHOR, signer=signer)
        async with (
            serving(silent) as dead,
            serving(answering(lambda body: saying.answer(body, other))) as alive,
        ):
            sources = Sources(
                {
                    comparable(CA.name): source(dead.port, label="dead", places=5),
                    comparable(OTHER.name): source(alive.port, label="alive"),
                }
            )
            lookup = ForeignStatus(sources, HERE, Watch())
            hanging = card(names_responder(dead.url()))
            asking = [asyncio.create_task(lookup.ask(ANCHOR, hanging, NOW)) for _ in range(50)]
            while len(dead.received) < 5:
                dead.asked.clear()
                await dead.asked.wait()
            certificate = card(names_responder(alive.url()), serial=SERIAL, issuer=OTHER)
            for _ in range(20):
                answer = await lookup.ask(OTHER_ANCHOR, certificate, NOW)
                assert answer.status is CertificateStatus.GOOD
            assert sum(not task.done() for task in asking) == 5
            assert metric(lookup, "answers_total", source="alive", protocol="ocsp", outcome="good") == 20
            assert (
                metric(
                    lookup, "answers_total", source="dead", protocol="ocsp", outcome="status-source-paused"
                )
                == 45
            )
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)

    run(work())


def test_what_is_counted() -> None:
    async def work() -> None:
        saying = Saying(REVOKED)
        async with serving(answering(lambda body: saying.answer(body, card(serial=SERIAL)))) as server:
            world = World(server)
            await world.ask()
            with pytest.raises(StatusSourceUnknownError):
                await world.lookup.ask(ANCHOR, card(), NOW)
            page = "\n".join(world.lookup.report())
        assert 'answers_total{source="ca",protocol="ocsp",outcome="revoked"} 1' in page
        assert 'answers_total{source="ca",protocol="ocsp",outcome="status-source-unknown"} 1' in page
        assert 'breaker_state{source="ca",protocol="ocsp"} 0' in page
        assert "crl" not in page

    run(work())


def test_an_authority_that_nobody_knows_leaves_no_name_in_the_metrics() -> None:
    async def work() -> None:
        rogue = certify(OTHER, OTHER, *authority())
        lookup = lookup_of(source(1))
        before = list(lookup.report())
        with pytest.raises(StatusSourceUnknownError):
            await lookup.ask(rogue, card(issuer=OTHER), NOW)
        assert list(lookup.report()) == before

    run(work())
