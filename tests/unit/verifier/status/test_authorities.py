"""The CAs between a card and its anchor: each must be good, and is asked once for many logins."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pki.validation import ValidatedPath
from pki.validation.certificate import read_certificate
from pki.validation.names import comparable
from tests.unit.pki.validation.making import NOW, Entry, ca, certify, make_crl, party
from tests.unit.verifier.status.responder import (
    ANCHOR,
    CA,
    HERE,
    HOLD,
    OTHER,
    OTHER_ANCHOR,
    RESPONDER,
    REVOKED,
    SIGNING,
    UNKNOWN,
    Behaviour,
    Saying,
    Server,
    Watch,
    answering,
    error_answer,
    http,
    names_crl,
    names_responder,
    sending,
    serving,
    silent,
    source,
)
from verifier.authentication.status import CertificateStatus
from verifier.authentication.statuserrors import (
    AuthorityNotGoodError,
    SourceFault,
    StatusSourceFailedError,
    StatusSourcePausedError,
    StatusSourceUnknownError,
    StatusTimeoutError,
    StatusUntrustedAnswerError,
)
from verifier.status.lookup import ForeignStatus
from verifier.status.settings import Mode
from verifier.status.sources import SETTINGS_FILE, Identity, Source, Sources
from verifier.status.sourcesfile import SourcesFile

BELOW = party("issuing ca")
CARD_SERIAL = 815
CARD_SIGNER = certify(RESPONDER, BELOW, *SIGNING)
GOOD = CertificateStatus.GOOD


class World:
    """A root, an issuing CA below it, a card; one server speaks of the CA and another of the card."""

    def __init__(self, above: Server, below: Server, **changes: Any) -> None:
        self.above, self.below = above, below
        self.authority = authority_at(above)
        self.leaf = certify(RESPONDER, BELOW, names_responder(below.url()), serial=CARD_SERIAL)
        found: dict[Identity, Source] = {
            comparable(CA.name): source(above.port, changes.pop("mode", Mode.OCSP), label="root", **changes),
            comparable(BELOW.name): source(below.port, label="cards"),
        }
        self.watch = Watch()
        self.lookup = ForeignStatus(Sources(found), HERE, self.watch)

    def path(self, *authorities: bytes, anchor: bytes = ANCHOR) -> ValidatedPath:
        certificates = tuple(map(read_certificate, (self.leaf, *(authorities or (self.authority,)))))
        return ValidatedPath(certificates, read_certificate(anchor))

    async def ask(self, at: datetime = NOW) -> CertificateStatus:
        return (await self.lookup.ask_path(self.path(), at)).status


def authority_at(server: Server) -> bytes:
    return certify(BELOW, CA, *ca(), names_responder(server.url()), names_crl(server.url()), serial=4711)


def of_the_card(at: Callable[[], datetime] = lambda: NOW) -> Behaviour:
    def answer(body: bytes) -> bytes:
        about = certify(RESPONDER, BELOW, serial=CARD_SERIAL)
        issuer = certify(BELOW, CA, *ca(), serial=4711)
        saying = Saying(about=about, issuer=issuer, signer=CARD_SIGNER, this_update=at(), next_update=None)
        return saying.answer(body, about)

    return answering(answer)


def of_the_authority(saying: Saying) -> Behaviour:
    return answering(lambda body: saying.answer(body, certify(BELOW, CA, *ca(), serial=4711)))


def run(
    above: Behaviour,
    work: Callable[[World], Coroutine[Any, Any, None]],
    below: Behaviour | None = None,
    **changes: Any,
) -> None:
    async def all_of_it() -> None:
        async with serving(above) as first, serving(below or of_the_card()) as second:
            world = World(first, second, **changes)
            try:
                await work(world)
            finally:
                world.lookup.close()

    asyncio.run(all_of_it())


def test_a_good_card_of_a_good_authority() -> None:
    async def work(world: World) -> None:
        assert await world.ask() is GOOD
        assert len(world.above.received) == len(world.below.received) == 1

    run(of_the_authority(Saying()), work)


@pytest.mark.parametrize(
    "saying",
    [Saying(REVOKED), Saying(REVOKED, HOLD), Saying(UNKNOWN)],
    ids=["revoked", "on hold", "unknown"],
)
def test_an_authority_that_is_not_good_lets_nobody_in(saying: Saying) -> None:
    """And its own responder isn't asked: it would say what whoever stole its key likes."""

    async def work(world: World) -> None:
        with pytest.raises(AuthorityNotGoodError):
            await world.ask()
        assert world.below.received == []

    run(of_the_authority(saying), work)


def test_by_the_roots_crl() -> None:
    async def work(world: World) -> None:
        with pytest.raises(AuthorityNotGoodError):
            await world.ask()

    run(sending(http(make_crl(CA, Entry(4711, 2)))), work, mode=Mode.CRL)


REFUSED: dict[str, tuple[Behaviour, dict[str, Any], type[Exception]]] = {
    "dead": (silent, {"budget": 0.05}, StatusTimeoutError),
    "tryLater": (answering(lambda _body: error_answer(3)), {}, StatusSourceFailedError),
    "lying": (answering(lambda _body: b"garbage"), {}, StatusUntrustedAnswerError),
    "by another trusted authority": (
        of_the_authority(Saying(signer=OTHER_ANCHOR, key=OTHER)),
        {},
        StatusUntrustedAnswerError,
    ),
    "by the authority about itself": (
        of_the_authority(Saying(signer=certify(BELOW, BELOW, *ca()), key=BELOW)),
        {},
        StatusUntrustedAnswerError,
    ),
}


@pytest.mark.parametrize(("behaviour", "changes", "error"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_known_of_an_authority_is_refused(
    behaviour: Behaviour, changes: dict[str, Any], error: type[Exception]
) -> None:
    async def work(world: World) -> None:
        with pytest.raises(error):
            await world.ask()
        assert world.below.received == []

    run(behaviour, work, **changes)


def test_nobody_is_configured_for_the_root() -> None:
    async def work(world: World) -> None:
        path = world.path(certify(BELOW, OTHER, *ca()), anchor=OTHER_ANCHOR)
        with pytest.raises(StatusSourceUnknownError) as caught:
            await world.lookup.ask_path(path, NOW)
        assert caught.value.fault is SourceFault.NOT_CONFIGURED

    run(silent, work)


def test_a_pinned_authority_is_asked_about_by_nobody() -> None:
    async def work(world: World) -> None:
        path = ValidatedPath((read_certificate(world.leaf),), read_certificate(world.authority))
        assert (await world.lookup.ask_path(path, NOW)).status is GOOD
        assert world.above.received == []

    run(silent, work)


def test_its_answer_serves_many_logins_while_it_is_fresh() -> None:
    now = [NOW]

    async def work(world: World) -> None:
        for seconds in (0, 1, 119, 120):
            now[0] = NOW + timedelta(seconds=seconds)
            assert await world.ask(now[0]) is GOOD
        assert len(world.above.received) == 1
        assert len(world.below.received) == 4
        now[0] = NOW + timedelta(seconds=121)
        with pytest.raises(Exception, match="thisUpdate is too long ago"):
            await world.ask(now[0])  # asked anew, and the server still says what it said
        assert len(world.above.received) == 2

    run(of_the_authority(Saying(next_update=None)), work, of_the_card(lambda: now[0]))


def test_its_next_update_ends_it_sooner() -> None:
    async def work(world: World) -> None:
        for seconds in (0, 5, 6):
            await world.ask(NOW + timedelta(seconds=seconds))
        assert len(world.above.received) == 2

    run(of_the_authority(Saying(next_update=NOW + timedelta(seconds=5))), work)


def test_an_answer_is_not_kept_for_a_clock_that_was_set_back() -> None:
    async def work(world: World) -> None:
        await world.ask()
        await world.ask(NOW - timedelta(seconds=1))
        assert len(world.above.received) == 2

    run(of_the_authority(Saying()), work)


def test_many_at_once_are_one_question() -> None:
    async def work(world: World) -> None:
        answers = await asyncio.gather(*(world.lookup.ask_path(world.path(), NOW) for _ in range(10)))
        assert {answer.status for answer in answers} == {GOOD}
        assert len(world.above.received) == 1

    run(of_the_authority(Saying()), work)


def test_who_goes_away_takes_nobody_along() -> None:
    """The login that began the question is cancelled; the one that waits with it gets the answer."""
    go = asyncio.Event()
    honest = of_the_authority(Saying())

    async def slow(received: Any, writer: asyncio.StreamWriter) -> None:
        await go.wait()
        await honest(received, writer)

    async def work(world: World) -> None:
        first, second = (asyncio.create_task(world.ask()) for _ in range(2))
        await world.above.asked.wait()
        first.cancel()
        go.set()
        assert await second is GOOD
        with pytest.raises(asyncio.CancelledError):
            await first
        assert len(world.above.received) == 1

    run(slow, work)


def test_its_outage_opens_the_breaker_of_the_one_above_alone() -> None:
    async def work(world: World) -> None:
        for _ in range(2):
            with pytest.raises(StatusSourceFailedError):
                await world.ask()
        with pytest.raises(StatusSourcePausedError):
            await world.ask()
        page = "\n".join(world.lookup.report())
        assert 'breaker_state{source="root",protocol="ocsp"} 2' in page
        assert 'breaker_state{source="cards",protocol="ocsp"} 0' in page

    run(answering(lambda _body: error_answer(3)), work, failures=2)


def test_each_authority_of_a_longer_path_is_asked_from_above() -> None:
    async def work(world: World) -> None:
        middle = party("middle")
        upper = certify(middle, CA, *ca(), names_responder(world.above.url()), serial=4711)
        lower = certify(BELOW, middle, *ca(), names_responder(world.above.url()), serial=4712)
        with pytest.raises(StatusSourceUnknownError):  # nobody stands for `middle` in the settings
            await world.lookup.ask_path(world.path(lower, upper), NOW)
        assert len(world.above.received) == 1

    run(answering(lambda body: Saying().answer(body, certify(party("middle"), CA, *ca(), serial=4711))), work)


def test_other_settings_forget_what_was_learned_by_those_before(tmp_path: Path) -> None:
    """They may ask somebody else, or for something younger."""

    async def work(world: World) -> None:
        def write(max_age: int) -> None:
            tables = (("ca", world.above.port), ("issuing ca", world.below.port))
            text = "".join(
                f'[status."CN={name}"]\nmode = "ocsp"\nresponder = "http://127.0.0.1:{port}/"\n'
                f'networks = ["127.0.0.0/8"]\nmax_age_seconds = {max_age}\n'
                for name, port in tables
            )
            (tmp_path / SETTINGS_FILE).write_text(text)

        lookup = ForeignStatus.of_file(SourcesFile(tmp_path, world.watch), world.watch)
        for asked, max_age in enumerate((120, 121), start=1):
            write(max_age)
            for _ in range(2):
                world.watch.now += 1
                assert (await lookup.ask_path(world.path(), NOW)).status is GOOD
                assert len(world.above.received) == asked
        lookup.close()

    run(of_the_authority(Saying(next_update=None)), work)
