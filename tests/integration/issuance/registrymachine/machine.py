"""What all parts of the registry's machine share: an office, acts that may die, and what is in the reader."""

import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis.stateful import RuleBasedStateMachine, initialize
from sqlalchemy import Select, select

from cardio.errors import CardError
from cardio.transport.base import TransportError
from issuance.errors import IssuanceError
from issuance.lifecycle.models import Card
from issuance.operators.service import Actor
from pki.errors import PkiError
from simulators.actors.operator import add_operator
from simulators.population.register import record_of
from simulators.readers.errors import ReaderSimulationError
from tests.integration.issuance.office import (
    ITS_PERSON,
    Office,
    Readers,
    initialise,
    new_application,
    open_office,
    open_registry,
)
from tests.integration.issuance.registrymachine.people import (
    ALIKE,
    APPROVED,
    CLERK,
    FITTING,
    IN_USE,
    NEWCOMERS,
    PHRASE,
    SECOND_IN_USE,
    SUBMITTED,
    WAITING,
)
from tests.integration.issuance.tearing import DyingRegistry, ProcessDiedError

LONGEST = timedelta(days=3 * 365)
"""Of all that passes in an example."""
REFUSALS = (IssuanceError, PkiError, CardError, TransportError, ReaderSimulationError)


@cache
def template() -> Path:
    """A furnished home, made once."""
    folder = Path(tempfile.mkdtemp(prefix="hoviat-registry-")) / "home"
    initialise(folder)
    with open_office(folder.parent / "furnished", folder) as office:
        furnish(office)
    return folder.parent / "furnished" / "home"


def furnish(office: Office) -> None:
    """Two people for each part, and applications and cards that stand differently."""
    for actor in NEWCOMERS:
        add_operator(office.registry.accounts, actor.username, actor.role)
    know_alike(office)
    for number in (IN_USE, SECOND_IN_USE):
        card = office.issue(number)
        office.registry.calls.agree(CLERK, card, PHRASE)  # by the check of its delivery
    office.insert(office.blank())
    office.produce(office.approved(WAITING))
    office.enrol(SUBMITTED)
    one, alias = (office.people.person(number) for number in (SUBMITTED, ALIKE))
    again = replace(new_application(alias), birth_date=one.birth_date)
    office.registry.enrolment.submit(CLERK, office.registry.enrolment.open(CLERK, again))
    office.approved(APPROVED)


def know_alike(office: Office) -> None:
    """The civil register has somebody under two codes."""
    one, alias = (office.people.person(number) for number in (SUBMITTED, ALIKE))
    office.register.records[alias.national_code] = replace(record_of(one), national_code=alias.national_code)


class Machine(RuleBasedStateMachine):
    """What they may not do is refused; whose process dies learns nothing and goes on."""

    @initialize()
    def open(self) -> None:
        """`unchecked`: something was written since it was last seen that all holds."""
        self.folder = Path(tempfile.mkdtemp(prefix="hoviat-registry-"))
        self.stack = ExitStack()
        self.office = self.enter_office()
        know_alike(self.office)
        self.inserted = ""
        self.issued: dict[int, bytes] = {}
        self.unchecked = True

    def enter_office(self) -> Office:
        """A furnished one, left with the stack."""
        return self.stack.enter_context(open_office(self.folder, template()))

    def act(self, death: int | None, action: Callable[[], object]) -> None:
        """It ends, is refused, or the process dies; nobody asks again."""
        dying = DyingRegistry(death)
        with pytest.MonkeyPatch.context() as patch, suppress(*REFUSALS, ProcessDiedError):
            dying.watch(self.office, patch)
            action()
        self.unchecked |= dying.places > 0

    def some(self, model: Any, which: int, *states: str) -> Any:
        """The key of one of them, most often in one of these states."""
        key = Card.card_number if model is Card else model.id
        query = select(key)
        return self.one_of(query, which, query.where(model.state.in_(states)) if states else None)

    def one_of(self, query: Select[Any], which: int, fitting: Select[Any] | None = None) -> Any:
        """One that the query finds, most often one that `fitting` finds; None where there is none."""
        column = query.selected_columns[0]
        with self.office.registry.database.reading() as session:
            wanted = fitting is not None and which < FITTING
            found = list(session.scalars(fitting.order_by(column))) if wanted and fitting is not None else []
            found = found or list(session.scalars(query.order_by(column)))
        return found[which % len(found)] if found else None

    def insert(self, body: str, pulled: int | None = None) -> None:
        self.office.insert(self.office.home.cards / f"{body}.card", pulled)
        self.inserted = body

    def hand_over(self, actor: Actor, card: str) -> None:
        deliveries = self.office.registry.deliveries
        self.office.registry.identity_checks.check(actor, card, ITS_PERSON)
        opened = deliveries.open(actor, card)
        self.insert(card)
        deliveries.complete(actor, opened.delivery_id, self.office.accept(opened))

    def wait(self, time: timedelta) -> None:
        """The time passes, and a little more; but the cards that there are stay valid."""
        if self.office.clock.ahead + time < LONGEST:
            self.office.clock.ahead += time + timedelta(seconds=1)

    def blank(self) -> str:
        """A new body, in stock."""
        self.unchecked = True
        return self.office.blank().stem

    def restart(self) -> None:
        office, self.unchecked = self.office, True
        office.registry.close()
        readers = Readers(office.reader.name)
        office.registry = open_registry(office.home, office.pki, office.register, readers, office.clock)

    def remove(self) -> None:
        """Nothing is left of the office."""
        self.stack.close()
        shutil.rmtree(self.folder)
