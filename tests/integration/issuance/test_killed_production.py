"""SIGKILL to server, station, pcscd and database in the middle of making a card and handing it over.

A hundred runs by seed. A clerk goes on as clerks do; in the end every card was handed over or is void, no
certificate is good without its card, the audit records hold, and stock adds up. `--kill-seed N` runs one.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

import httpx
import pytest

from issuance.enrolment.models import Application
from issuance.lifecycle.models import Card
from issuance.lifecycle.states import ApplicationState, CardState
from simulators.actors.issue import enrol_someone
from simulators.actors.operator import RefusedError
from simulators.population.people import People
from tests.conftest import RecordPoints
from tests.integration.issuance.killaftermath import Books
from tests.integration.issuance.killedsite import Site, open_site
from tests.integration.issuance.killplan import Kill, Plan, plan
from tests.repeated import REPEATED

pytestmark = REPEATED

GROUPS = [range(first, first + 10) for first in range(0, 100, 10)]
_TRIES = 200
_PAUSE_S = 0.05


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    chosen = metafunc.config.getoption("--kill-seed")
    groups = GROUPS if chosen is None else [range(chosen, chosen + 1)]
    metafunc.parametrize("seeds", groups, ids=lambda seeds: f"{seeds.start}-{seeds.stop - 1}")


class Sites:
    """One site for all runs of this process; after a run that failed, the next one gets a new one."""

    def __init__(self, factory: pytest.TempPathFactory) -> None:
        self._factory = factory
        self._opened = ExitStack()
        self._site: Site | None = None

    @contextmanager
    def borrowed(self) -> Iterator[Site]:
        if self._site is None:
            self._site = self._opened.enter_context(open_site(self._factory.mktemp("killed")))
        try:
            with patch.dict(os.environ, self._site.settings):
                yield self._site
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._site = None
        self._opened.close()


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    opened = Sites(tmp_path_factory)
    yield opened
    opened.close()


class Fate:
    """Carries a plan out: told of each command, it kills when the time has come."""

    def __init__(self, site: Site, kills: tuple[Kill, ...]) -> None:
        self._site = site
        self._left = list(kills)
        self._apdus = 0
        self._timers: list[threading.Timer] = []
        self.done: list[Kill] = []

    def __call__(self, after: bool) -> None:
        self._apdus += not after
        while self._left and (self._apdus, after) >= (self._left[0].apdu, self._left[0].after):
            self._strike(self._left.pop(0))

    def _strike(self, kill: Kill) -> None:
        self.done.append(kill)
        if kill.delay_s == 0:
            self._site.kill(kill.victims)
            return
        self._timers.append(threading.Timer(kill.delay_s, self._site.kill, [kill.victims]))
        self._timers[-1].start()

    def end(self) -> None:
        """Nothing strikes any more."""
        self._left.clear()
        for timer in self._timers:
            timer.join()


class Clerk:
    """Makes one card and hands it over, whatever happens meanwhile."""

    def __init__(self, site: Site, books: Books, run: Plan, application: str) -> None:
        self._site = site
        self._run = run
        self._application = application
        self._books = books
        self._body = site.insert_blank()
        self.met: list[str] = []
        """What stood in the way."""

    def work(self) -> None:
        pause = threading.Event()
        for _ in range(_TRIES):
            self._site.mend()
            self._books.check_always()
            state = self._state()
            if state is ApplicationState.DELIVERED:
                return
            try:
                self._go_on(state)
            except RefusedError as refused:
                self.met.append(f"{refused.status} {refused.kind}")
            except httpx.HTTPError as error:
                self.met.append(type(error).__name__)
            pause.wait(_PAUSE_S)
        raise AssertionError(f"no card after {_TRIES} tries: {self.met[-20:]}")

    def _state(self) -> ApplicationState:
        with self._books.registry() as session:
            return ApplicationState(session.get_one(Application, self._application).state)

    def _card(self) -> Card | None:
        with self._books.registry() as session:
            return session.get(Card, self._body)

    def _go_on(self, state: ApplicationState) -> None:
        card, clerk = self._card(), self._site.staff.clerk
        if state is ApplicationState.READY:
            clerk.check_identity(self._body)
            clerk.hand_over(self._body, self._site.reader)
            return
        if card is not None and card.state == CardState.VOIDED:
            self._body = self._site.insert_blank()
        production = clerk.produce(self._application, self._site.reader)
        for told in clerk.watch(production):
            if told["state"] == "interrupted" and self._run.gives_up:
                clerk.void(production)


@pytest.mark.slow
def test_killed_at_any_moment(seeds: range, sites: Sites, record_points: RecordPoints) -> None:
    with sites.borrowed() as site:
        people, books = People(seed=1), Books(site)
        numbers = iter(range(people.size))
        for seed in seeds:
            run = plan(seed)
            _, application = enrol_someone(site.staff, people, numbers)
            site.staff.supervisor.approve(application)
            fate = Fate(site, run.kills)
            clerk = Clerk(site, books, run, application)
            site.told = fate
            try:
                clerk.work()
                fate.end()
                site.settle()
                books.check_ended()
            except BaseException as error:
                error.add_note(f"{run}; met {clerk.met[-20:]}; repeat it with --kill-seed {seed}")
                raise
            assert fate.done, f"nothing was killed: {run}"
            for kill in fate.done:
                record_points("a card's way", f"kills of {kill.title}", 1)
        books.check_chains()
        books.check_logs()
