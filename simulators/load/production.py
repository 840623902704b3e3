"""`hoviat bench production`: batch runs from the queue, on cards that need no time, against their keys."""

import itertools
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

import issuance.bootstrap
from cardio.transport import pcsc
from cardio.transport.base import CardConnection
from issuance.batchruns.states import ENDED
from issuance.bootstrap import Issuance
from issuance.enrolment.service import NewApplication
from issuance.lifecycle.cards import card_number
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.production.cardsecrets import factory_secrets
from pki.bootstrap import Pki, open_pki
from pki.home import Home, load
from pki.keys.masterkeys import MasterKey
from simulators.card.blank import blank_state
from simulators.card.card import SimulatedCard
from simulators.card.globalplatform.keyset import KeySet
from simulators.card.lifecycle import LifeCycle
from simulators.card.store import VolatileStore
from simulators.depot import take_in
from simulators.installation.services import initialise
from simulators.load.personalise import seconds_of_cryptography
from simulators.load.result import Result
from simulators.population.people import People
from simulators.population.portrait import draw_portrait
from simulators.population.register import SyntheticCivilRegister
from simulators.readers.inprocess import InProcessReader

_NAME = "production"
_READERS = (1, 4)
_FIRST_SERIAL = 10_000_000
_CLERK, _SUPERVISOR = Actor("clerk-1", Role.CLERK), Actor("supervisor-1", Role.SUPERVISOR)
_POLL_SECONDS = 0.01


class Hoppers:
    """Readers that take in the next blank by themselves once the last one has become a card."""

    def __init__(self, blanks: Sequence[VolatileStore], count: int, stack: ExitStack) -> None:
        self._blanks = iter(blanks)
        self._lock = threading.Lock()
        self._readers = {
            reader.name: reader
            for reader in (
                stack.enter_context(InProcessReader(f"Hoviat Bench Hopper {uuid4()}")) for _ in range(count)
            )
        }
        self._there: dict[str, VolatileStore] = {}

    def names(self) -> list[str]:
        """Full names."""
        return list(self._readers)

    def connect(self, name: str) -> CardConnection:
        """Powers the blank that is there, or the next one."""
        with self._lock:
            there = self._there.get(name)
            if there is None or there.state.life_cycle is LifeCycle.SECURED:
                following = next(self._blanks, None)
                if following is not None:
                    self._there[name] = following
                    self._readers[name].insert(SimulatedCard(following))
        return pcsc.connect(name)


def measure(cards: int) -> Iterator[Result]:
    """`cards` cards from the queue of a throw-away home, in one reader and in four."""
    limit = 1 / seconds_of_cryptography(max(cards, 20))
    for count in _READERS:
        rate = _rate(cards, count)
        case = f"{count} readers at once" if count > 1 else "one reader"
        limit_is = "its keys, signatures and their checks alone"
        yield Result(_NAME, f"{case}, P-256 + P-384", rate, "cards/s", limit, limit_is)


def _rate(cards: int, count: int) -> float:
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="hoviat-bench-"))
        initialise(Path(folder) / "home")
        home = load(Path(folder) / "home")
        authority = open_pki(home)
        stack.callback(authority.close)
        factory_key = authority.master_keys["factory"]
        blanks = [_blank(factory_key, _FIRST_SERIAL + number) for number in range(cards + count)]
        hoppers = Hoppers(blanks, count, stack)
        registry = stack.enter_context(_registry(home, authority, hoppers))
        take_in(registry, [Path(f"{card_number(blank.state.serial)}.card") for blank in blanks])
        _fill_queue(registry, cards)
        began = time.perf_counter()
        _run(registry, hoppers, cards)
        return cards / (time.perf_counter() - began)


def _blank(factory_key: MasterKey, serial: int) -> VolatileStore:
    """A body that writes to no disk."""
    keys = factory_secrets(factory_key, serial)
    channel_keys = KeySet(*keys.channel_keys.keys)
    return VolatileStore(blank_state(serial, keys.pin, keys.puk, keys.management_key, channel_keys))


@contextmanager
def _registry(home: Home, authority: Pki, readers: Hoppers) -> Iterator[Issuance]:
    register = SyntheticCivilRegister(People(1))
    registry = issuance.bootstrap.open_issuance(home, authority, register, readers)
    try:
        yield registry
    finally:
        registry.close()


def _fill_queue(registry: Issuance, cards: int) -> None:
    people = People(1)
    for number in itertools.islice(itertools.count(), cards):
        person = people.person(number)
        new = NewApplication(person.national_code, person.birth_date, draw_portrait(person))
        application = registry.enrolment.open(_CLERK, new)
        registry.enrolment.submit(_CLERK, application)
        registry.approval.approve(_SUPERVISOR, application)


def _run(registry: Issuance, hoppers: Hoppers, cards: int) -> None:
    run = registry.batch_runs.start(_CLERK, hoppers.names())
    moment = threading.Event()
    while registry.batch_runs.view(_CLERK, run).state not in ENDED:
        moment.wait(_POLL_SECONDS)
    if registry.batch_runs.view(_CLERK, run).produced != cards:
        raise RuntimeError("a card of the benchmark was not produced")
