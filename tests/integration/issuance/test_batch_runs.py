"""Several readers at the queue: one run per card that is put in, failures stop their reader only."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from pytest_mock import MockerFixture
from sqlalchemy import select

from issuance.batchruns.errors import NoPlaceError
from issuance.batchruns.service import BatchRunView
from issuance.batchruns.states import BatchRunState, ReaderState
from issuance.batchruns.worker import LOST_AFTER
from issuance.bootstrap import Issuance
from issuance.errors import ForbiddenTransitionError, InvalidInputError, NotFoundError, RoleRequiredError
from issuance.lifecycle.models import Card
from issuance.lifecycle.states import CardState
from issuance.offices.models import FIRST_OFFICE
from issuance.operators.accounts import Wanted
from issuance.operators.changes import ChangeKind
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.production.errors import ReaderInUseError
from issuance.production.journal import LEASE
from issuance.stock.check import faults
from simulators.card.card import SimulatedCard
from simulators.card.file import CardFile
from simulators.factory import make_blank
from simulators.readers.inprocess import InProcessReader
from tests.integration.issuance.office import CLERK, Office, Readers, open_registry
from tests.integration.issuance.tearing import DyingRegistry, ProcessDiedError

FIRST, SECOND = (Actor(f"administrator-{number}", Role.ADMINISTRATOR) for number in (1, 2))
_SECONDS = 120.0
"""Until a test gives up: no measure of anything."""


class Desk:
    """Three readers of one server, and a person who puts blanks in."""

    def __init__(self, office: Office, stack: ExitStack, name: str) -> None:
        self.office = office
        self._stack = stack
        self.readers = [
            stack.enter_context(InProcessReader(f"reader {number} of {name}")) for number in range(3)
        ]
        self.names = [reader.name for reader in self.readers]
        self.registry = self.open_registry()

    def open_registry(self) -> Issuance:
        office = self.office
        readers = Readers(*self.names)
        registry = open_registry(office.home, office.pki, office.register, readers, office.clock)
        self._stack.callback(registry.close)
        return registry

    def put_in(self, place: int, blank: Path) -> None:
        file = self._stack.enter_context(CardFile.open(blank))
        self.readers[place].insert(SimulatedCard(file))

    def view(self, run: str) -> BatchRunView:
        return self.registry.batch_runs.view(CLERK, run)

    def reader(self, run: str, place: int) -> tuple[ReaderState, int]:
        (found,) = [reader for reader in self.view(run).readers if reader.reader == self.names[place]]
        return found.state, found.produced

    def all_made(self, run: str, cards: int) -> bool:
        return all(reader.produced == cards for reader in self.view(run).readers)

    def start(self) -> str:
        return self.registry.batch_runs.start(CLERK, self.names)

    def cards(self) -> list[Card]:
        with self.registry.database.reading() as session:
            return list(session.scalars(select(Card)))

    def check(self, produced: int) -> None:
        cards = self.cards()
        assert len(cards) == len({card.application_id for card in cards}) == produced
        assert {card.state for card in cards} <= {CardState.PRODUCED.value}
        with self.registry.database.reading() as session:
            assert list(faults(session)) == []


def until(condition: Callable[[], bool]) -> None:
    moment = threading.Event()
    for _ in range(int(_SECONDS / 0.02)):
        if condition():
            return
        moment.wait(0.02)
    raise AssertionError("it never came to that")


@pytest.fixture
def desk(office: Office, tmp_path: Path) -> Iterator[Desk]:
    with ExitStack() as stack:
        yield Desk(office, stack, tmp_path.name)


def test_three_readers_work_through_the_queue(desk: Desk) -> None:
    orders = [desk.office.approved(number) for number in range(6)]
    run = desk.start()
    for round_of_blanks in (1, 2):
        for place in range(3):
            desk.put_in(place, desk.office.blank())
        until(partial(desk.all_made, run, round_of_blanks))
    assert {card.application_id for card in desk.cards()} == set(orders)
    for place in range(3):
        desk.put_in(place, desk.office.blank())  # there is nothing left to be made on these
    until(lambda: desk.view(run).state is BatchRunState.FINISHED)
    view = desk.view(run)
    assert view.produced == len(orders)
    assert view.ended_at is not None
    assert {reader.state for reader in view.readers} == {ReaderState.DONE}
    desk.check(len(orders))
    for event in (desk.registry.batch_runs.pause, desk.registry.batch_runs.resume):
        with pytest.raises(ForbiddenTransitionError):
            event(CLERK, run)


def test_a_failure_stops_its_reader_only(desk: Desk) -> None:
    for number in range(3):
        desk.office.approved(number)
    unknown = make_blank(desk.office.home.cards, desk.office.pki.master_keys["factory"])
    run = desk.start()
    desk.put_in(0, unknown)
    until(lambda: desk.reader(run, 0)[0] is ReaderState.STOPPED)
    (stopped,) = [reader for reader in desk.view(run).readers if reader.reader == desk.names[0]]
    assert stopped.failure_kind == "body-not-in-stock"
    desk.put_in(1, desk.office.blank())
    desk.put_in(2, desk.office.blank())
    until(lambda: desk.reader(run, 1)[1] + desk.reader(run, 2)[1] == 2)
    assert desk.reader(run, 0) == (ReaderState.STOPPED, 0)
    desk.put_in(0, desk.office.blank())
    desk.registry.batch_runs.resume(CLERK, run)
    until(lambda: desk.reader(run, 0)[1] == 1)
    desk.check(3)


def test_paused_resumed_and_cancelled(desk: Desk) -> None:
    for number in range(3):
        desk.office.approved(number)
    run = desk.start()
    desk.registry.batch_runs.pause(CLERK, run)
    desk.put_in(0, desk.office.blank())
    assert desk.view(run).state is BatchRunState.PAUSED
    desk.registry.batch_runs.resume(CLERK, run)
    until(lambda: desk.reader(run, 0)[1] == 1)
    desk.registry.batch_runs.cancel(CLERK, run)
    until(lambda: {reader.state for reader in desk.view(run).readers} == {ReaderState.DONE})
    assert desk.view(run).state is BatchRunState.CANCELLED
    assert len(desk.registry.orders.queue(FIRST_OFFICE)) == 2
    desk.check(1)
    until(lambda: can_start(desk))


def can_start(desk: Desk) -> bool:
    """The readers of an ended run are free again."""
    try:
        desk.registry.batch_runs.cancel(CLERK, desk.start())
    except ReaderInUseError:
        return False
    return True


def test_a_run_whose_server_died_goes_on_at_another(desk: Desk) -> None:
    for number in range(2):
        desk.office.approved(number)
    run = desk.start()
    desk.put_in(0, desk.office.blank())
    until(lambda: desk.reader(run, 0)[1] == 1)
    desk.registry.close()  # its threads end, the run's row knows nothing of it
    desk.registry = desk.open_registry()
    assert not desk.view(run).lost
    desk.office.clock.ahead += LOST_AFTER * 2
    assert desk.view(run).lost
    desk.put_in(1, desk.office.blank())
    desk.registry.batch_runs.resume(CLERK, run)
    until(lambda: desk.reader(run, 1)[1] == 1)
    assert not desk.view(run).lost
    # The finished card that still lies there is no blank, whoever made it.
    assert desk.reader(run, 0) == (ReaderState.WAITING, 1)
    desk.check(2)


def test_an_order_that_somebody_is_at_work_on_may_come_back(desk: Desk) -> None:
    office, orders = desk.office, desk.registry.orders
    application = office.approved()
    assert orders.any_left(CLERK)
    desk.put_in(0, office.blank())
    with pytest.MonkeyPatch.context() as patch:
        DyingRegistry(12).watch_database(desk.registry.database, patch)
        with pytest.raises(ProcessDiedError):
            desk.registry.production.produce(CLERK, application, desk.names[0])
    assert orders.queue(FIRST_OFFICE) == []
    assert orders.any_left(CLERK)
    office.clock.ahead += LEASE * 2  # nobody is any more
    assert not orders.any_left(CLERK)


@pytest.mark.parametrize(
    "change", [Wanted(ChangeKind.LOCK, "clerk-1"), Wanted(ChangeKind.CHANGE, "clerk-1", Role.STOCK)]
)
def test_whoever_may_not_make_cards_any_more_has_none_made(desk: Desk, change: Wanted) -> None:
    for number in range(2):
        desk.office.approved(number)
    run = desk.start()
    desk.put_in(0, desk.office.blank())
    until(lambda: desk.reader(run, 0)[1] == 1)
    accounts = desk.registry.accounts
    accounts.confirm(SECOND, accounts.propose(FIRST, change))
    desk.put_in(1, desk.office.blank())
    until(lambda: desk.reader(run, 1)[0] is ReaderState.STOPPED)
    (stopped,) = [reader for reader in desk.view(run).readers if reader.reader == desk.names[1]]
    assert (stopped.produced, stopped.failure_kind) == (0, "starter-gone")
    other = Actor("supervisor-1", Role.SUPERVISOR)
    desk.registry.batch_runs.resume(other, run)  # in the starter's name still: it stops again
    until(lambda: desk.reader(run, 1)[0] is ReaderState.STOPPED)
    desk.registry.batch_runs.cancel(other, run)
    until(lambda: {reader.state for reader in desk.view(run).readers} == {ReaderState.DONE})
    desk.check(1)


def test_paused_and_stopped_readers_hold_no_place(desk: Desk, mocker: MockerFixture) -> None:
    """Three readers, and three places of which an office has two."""
    mocker.patch("issuance.batchruns.places.STATIONS", 3)
    mocker.patch("issuance.batchruns.places.OF_AN_OFFICE", 2)
    desk.office.approved()
    runs, (first, second, third) = desk.registry.batch_runs, desk.names
    with pytest.raises(NoPlaceError) as refused:
        runs.start(CLERK, desk.names)
    assert refused.value.free == 2
    run = runs.start(CLERK, [first, second])
    with pytest.raises(NoPlaceError):
        runs.start(CLERK, [third])
    runs.pause(CLERK, run)
    until(partial(starts, desk, third))
    runs.resume(CLERK, run)
    desk.put_in(2, make_blank(desk.office.home.cards, desk.office.pki.master_keys["factory"]))
    (other,) = [view.id for view in runs.latest(CLERK) if view.id != run]
    until(lambda: runs.view(CLERK, other).readers[0].state is ReaderState.STOPPED)
    desk.put_in(0, desk.office.blank())
    desk.put_in(1, desk.office.blank())
    until(lambda: desk.view(run).produced == 1)  # whichever of the two it was, both have their places


def starts(desk: Desk, reader: str) -> bool:
    try:
        desk.registry.batch_runs.start(CLERK, [reader])
    except NoPlaceError:  # the paused run's readers have not seen it yet
        return False
    return True


def test_a_reader_is_in_one_run(desk: Desk) -> None:
    desk.office.approved()
    run = desk.start()
    with pytest.raises(ReaderInUseError):
        desk.start()
    assert [view.id for view in desk.registry.batch_runs.latest(CLERK)] == [run]


def test_what_is_no_batch(desk: Desk) -> None:
    runs = desk.registry.batch_runs
    with pytest.raises(InvalidInputError):
        runs.start(CLERK, [])
    with pytest.raises(InvalidInputError):
        runs.start(CLERK, [f"reader {number}" for number in range(17)])
    with pytest.raises(NotFoundError):
        runs.start(CLERK, ["no such reader"])
    with pytest.raises(RoleRequiredError):
        runs.start(Actor("stock-1", Role.STOCK), desk.names)
    stranger = Actor("clerk-1", Role.CLERK, "OTHER")
    run = desk.start()
    for event in (runs.pause, runs.resume, runs.cancel, runs.view):
        with pytest.raises(NotFoundError):
            event(stranger, run)
        with pytest.raises(NotFoundError):
            event(CLERK, "nothing")
    assert runs.latest(stranger) == []
