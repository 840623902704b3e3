"""Watching readers: the difference between two moments, and what a watcher sees of a reader in process."""

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from cardio.cli import card as card_command
from cardio.transport import pcsc
from cardio.transport.base import ReaderUnavailableError
from cardio.transport.pcsc import ReaderState
from cardio.transport.watching import (
    CardInserted,
    CardRemoved,
    CardWatch,
    Event,
    ReaderAttached,
    ReaderDetached,
    ServiceFound,
    ServiceLost,
    States,
    changes_between,
)
from simulators.card.blank import create_blank
from simulators.card.card import SimulatedCard
from simulators.card.file import CardFile
from simulators.readers.inprocess import InProcessReader

ATR = b"\x3b\x00"
EMPTY, FULL, FULL_AGAIN = ReaderState(None, 0), ReaderState(ATR, 1), ReaderState(ATR, 3)
STATES = st.none() | st.dictionaries(
    st.sampled_from(["a", "b", "c"]),
    st.builds(ReaderState, st.none() | st.just(ATR), st.integers(0, 3)),
)


@pytest.mark.parametrize(
    ("before", "after", "events"),
    [
        (None, {}, [ServiceFound()]),
        ({}, None, [ServiceLost()]),
        (None, {"a": FULL}, [ServiceFound(), ReaderAttached("a"), CardInserted("a", ATR)]),
        ({"a": FULL}, None, [CardRemoved("a"), ReaderDetached("a"), ServiceLost()]),
        ({"a": EMPTY}, {"a": FULL}, [CardInserted("a", ATR)]),
        ({"a": FULL}, {"a": EMPTY}, [CardRemoved("a")]),
        ({"a": FULL}, {"a": FULL_AGAIN}, [CardRemoved("a"), CardInserted("a", ATR)]),
        (
            {"a": FULL},
            {"b": FULL},
            [CardRemoved("a"), ReaderDetached("a"), ReaderAttached("b"), CardInserted("b", ATR)],
        ),
        ({"a": FULL}, {"a": FULL}, []),
        (None, None, []),
    ],
)
def test_the_events_between_two_moments(
    before: States | None, after: States | None, events: list[Event]
) -> None:
    assert list(changes_between(before, after)) == events


@given(st.lists(STATES, max_size=8))
def test_whoever_follows_the_events_knows_what_is_there(moments: list[States | None]) -> None:
    readers: set[str] = set()
    cards: set[str] = set()
    before: States | None = None
    for after in moments:
        for event in changes_between(before, after):
            if isinstance(event, ReaderAttached):
                assert event.reader not in readers
                readers.add(event.reader)
            elif isinstance(event, ReaderDetached):
                readers.remove(event.reader)
            elif isinstance(event, CardInserted):
                assert event.reader in readers - cards
                cards.add(event.reader)
            elif isinstance(event, CardRemoved):
                cards.remove(event.reader)
        assert readers == set(after or {})
        assert cards == {name for name, state in (after or {}).items() if state.atr is not None}
        before = after


def test_a_service_that_comes_back_is_told() -> None:
    moments: list[States | None] = [{"a": FULL}, None, None, {"a": FULL}]

    def states() -> States:
        moment = moments.pop(0)
        if moment is None:
            raise ReaderUnavailableError("PC/SC", "no PC/SC service answers")
        return moment

    watch = CardWatch(states)
    assert CardInserted("a", ATR) in watch.changes()
    assert watch.changes()[-1] == ServiceLost()
    assert watch.changes() == []
    assert watch.changes() == [ServiceFound(), ReaderAttached("a"), CardInserted("a", ATR)]


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[tuple[InProcessReader, SimulatedCard]]:
    path = tmp_path / "card.json"
    create_blank(path, 1, "123456", "12345678", bytes(16))
    with CardFile.open(path) as file, InProcessReader(f"Watched Reader {uuid4()}") as found:
        yield found, SimulatedCard(file)


def of(events: list[Event], reader: InProcessReader) -> list[type[Event]]:
    return [type(event) for event in events if getattr(event, "reader", None) == reader.name]


def test_a_reader_in_process_is_watched_without_disturbing_its_card(
    reader: tuple[InProcessReader, SimulatedCard],
) -> None:
    place, card = reader
    watch = CardWatch()
    assert of(watch.changes(), place) == [ReaderAttached]
    place.insert(card)
    assert of(watch.changes(), place) == [CardInserted]
    with pcsc.connect(place.name) as connection, connection.transaction():
        assert of(watch.changes(), place) == []
        assert connection.transmit(bytes.fromhex("00F8000000"))[-2:] == b"\x90\x00"
    place.remove()
    place.insert(card)
    assert of(watch.changes(), place) == [CardRemoved, CardInserted]
    place.close()
    assert of(watch.changes(), place) == [CardRemoved, ReaderDetached]


def test_the_command_prints_a_line_an_event(reader: tuple[InProcessReader, SimulatedCard]) -> None:
    place, card = reader
    place.insert(card)
    answer = CliRunner().invoke(card_command, ["watch", "--for", "0.2"])
    lines = [json.loads(line) for line in answer.stdout.splitlines()]
    assert {"event": "reader-attached", "reader": place.name} in lines
    assert {"event": "card-inserted", "reader": place.name, "atr": card.atr.hex()} in lines
