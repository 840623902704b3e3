"""Where power can be cut in an operation on a card, and the cuts."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from enum import Enum, unique

import pytest
from sqlalchemy.orm import Session

from issuance.database import Database
from simulators.card.card import SimulatedCard
from simulators.card.meter import NoMeter
from simulators.card.store import CardStore
from simulators.faults.card import FaultyCard
from simulators.faults.script import Effect, Fault, FaultScript
from tests.integration.issuance.office import Office


class WriteCount(NoMeter):
    """Counts the durable writes."""

    def __init__(self) -> None:
        self.count = 0

    def writes(self) -> None:
        self.count += 1


@unique
class Cut(Enum):
    """What is lost with the power."""

    COMMAND = "before an APDU"
    ANSWER = "after an APDU"
    WRITE = "around a durable write"

    def places(self, apdus: int, writes: int) -> range:
        """Every place in an operation of so many APDUs and writes."""
        return range(writes + 1) if self is Cut.WRITE else range(1, apdus + 1)

    def card(self, store: CardStore, place: int) -> FaultyCard:
        """A card whose power fails there: at that APDU, or once so many writes are made."""
        effect = Effect.CUT_BEFORE if self is Cut.COMMAND else Effect.CUT_AFTER
        fault = Fault(1, Effect.CUT_AT_WRITE, place) if self is Cut.WRITE else Fault(place, effect)
        return FaultyCard(SimulatedCard(store), FaultScript((fault,)))


class Tally:
    """What an undisturbed operation takes."""

    def __init__(self) -> None:
        self._writes = WriteCount()
        self._card: FaultyCard | None = None

    def card(self, store: CardStore) -> FaultyCard:
        """A card that is counted."""
        self._card = FaultyCard(SimulatedCard(store, meter=self._writes), FaultScript())
        return self._card

    @property
    def apdus(self) -> int:
        return 0 if self._card is None else self._card.apdus

    @property
    def writes(self) -> int:
        return self._writes.count


class ProcessDiedError(BaseException):
    """Nothing in the program catches it."""


class DyingRegistry:
    """A registry whose process dies before or after one of its commits, or of its authority's.

    There are two places at each commit, counted from 1; None only counts.
    """

    def __init__(self, place: int | None = None) -> None:
        self._place = place
        self.places = 0

    def _pass(self) -> None:
        self.places += 1
        if self.places == self._place:
            raise ProcessDiedError

    def watch(self, office: Office, patch: pytest.MonkeyPatch) -> None:
        """Stands in the way of everything that commits in this office."""
        authority = office.pki.authority
        self.watch_database(office.registry.database, patch)
        for name in ("issue", "revoke", "activate_card", "suspend_card", "resume_card"):
            patch.setattr(authority, name, self._committing(getattr(authority, name)))
        delegated = office.registry.mass_runs._authority
        patch.setattr(delegated, "begin", self._committing(delegated.begin))
        patch.setattr(delegated, "run", self._in_parts(delegated.run))

    def watch_database(self, database: Database, patch: pytest.MonkeyPatch) -> None:
        """Stands in the way of what commits there."""
        patch.setattr(database, "writing", self._writing(database.writing))

    def _writing(
        self, writing: Callable[[], AbstractContextManager[Session]]
    ) -> Callable[[], AbstractContextManager[Session]]:
        @contextmanager
        def watched() -> Iterator[Session]:
            with writing() as session:
                yield session
                self._pass()
            self._pass()

        return watched

    def _committing(self, call: Callable[..., object]) -> Callable[..., object]:
        def watched(*arguments: object) -> object:
            self._pass()
            answer = call(*arguments)
            self._pass()
            return answer

        return watched

    def _in_parts(self, call: Callable[..., Iterator[object]]) -> Callable[..., Iterator[object]]:
        """One that commits before each thing that it yields."""

        def watched(*arguments: object) -> Iterator[object]:
            self._pass()
            for part in call(*arguments):
                self._pass()
                yield part
                self._pass()

        return watched
