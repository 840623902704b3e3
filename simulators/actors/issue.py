"""The whole way of one card, as people go it: enrol, approve, produce, deliver."""

import itertools
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from issuance.bootstrap import PASSWORDS_FILE
from pki.home import Home, HomeError
from simulators.actors.citizen import Citizen
from simulators.actors.operator import Operator, RefusedError, first_password
from simulators.population.people import People, Person
from simulators.population.portrait import draw_portrait
from simulators.readers.choice import OccupiedReader

CLERK, SUPERVISOR, ADMINISTRATOR = "clerk-1", "supervisor-1", "administrator-1"
_PRODUCED = "produced"
_PIN_DIGITS = 6
_KNOWN_ALREADY = {"open-application", "live-card"}

Progress = Callable[[dict[str, Any]], None]


class ProductionFailedError(Exception):
    """A production ended without a card, or did not end; carries its last state."""

    def __init__(self, production: dict[str, Any]) -> None:
        super().__init__(
            f"production {production.get('id')} is {production.get('state')}: {production.get('failure')}"
        )
        self.production = production


@dataclass(frozen=True)
class Staff:
    """The two people every card needs."""

    clerk: Operator
    supervisor: Operator


def _password(home: Home, name: str) -> str:
    try:
        return first_password(home, name)
    except KeyError:
        raise HomeError(home.secrets / PASSWORDS_FILE, f"has no password of {name}") from None


@contextmanager
def signed_in(home: Home, base_url: str) -> Iterator[Staff]:
    """Signs in the operators that `hoviat init` made. Raises HomeError, RefusedError."""
    clerk, supervisor = (Operator(base_url, name, _password(home, name)) for name in (CLERK, SUPERVISOR))
    try:
        yield Staff(clerk, supervisor)
    finally:
        clerk.close()
        supervisor.close()


def enrol_someone(staff: Staff, people: People, numbers: Iterator[int]) -> tuple[Person, str]:
    """Enrols the first of `numbers` who has no card and no open application; returns also the application."""
    for number in numbers:
        person = people.person(number)
        try:
            application = staff.clerk.apply(person.national_code, person.birth_date, draw_portrait(person))
        except RefusedError as refused:
            if refused.kind not in _KNOWN_ALREADY:
                raise
            continue
        return person, application
    raise LookupError("everybody has a card")


def produce(
    staff: Staff, application: str, reader: OccupiedReader, progress: Progress | None = None
) -> dict[str, Any]:
    """Personalises the card in the reader; returns the finished production. Raises ProductionFailedError."""
    production = staff.clerk.produce(application, reader.name)
    state: dict[str, Any] = {"id": production}
    for state in staff.clerk.watch(production):
        if progress is not None:
            progress(state)
    if state.get("state") != _PRODUCED:
        raise ProductionFailedError(state)
    return state


def deliver(staff: Staff, card_number: str, citizen: Citizen) -> None:
    """Hands over the card in the citizen's reader: who they are, own PIN, the card's answer, live."""
    staff.clerk.check_identity(card_number)
    delivery = staff.clerk.deliver(card_number)
    staff.clerk.complete(delivery, citizen.accept(delivery))


def choose_pin(chance: random.Random) -> str:
    """A PIN as a careful citizen takes one: not all digits alike, no plain run up or down."""
    while True:
        pin = "".join(chance.choice("0123456789") for _ in range(_PIN_DIGITS))
        steps = {int(second) - int(first) for first, second in itertools.pairwise(pin)}
        if steps not in ({0}, {1}, {-1}):
            return pin
