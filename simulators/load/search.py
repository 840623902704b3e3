"""`hoviat bench search`: finding one person among a thousand to a million, against growth by the logarithm.

Each case is the median time of a search by code, by both names, by names with one slip, and by one name with
the birth date, first page each. The limit of a size is what the smallest took times the ratio of the
logarithms of their sizes: a search that reads a part of everybody grows by hundreds instead.
"""

import math
import random
import secrets
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, insert, text

from issuance.database import Database
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.people.models import remember
from issuance.people.service import People as Register
from issuance.registry.models import Citizen, indexed
from issuance.registry.namekeys import skeleton
from pki.keys.masterkeys import MASTER_KEY_BYTES, FileMasterKey
from pki.store.encrypted import ColumnCipher
from simulators.load.places import postgres_database
from simulators.load.result import Result
from simulators.population.names import SURNAMES
from simulators.population.people import People, Person


@dataclass(frozen=True)
class Scale:
    """How much is measured."""

    sizes: tuple[int, ...]
    """People, from few to many."""
    searches: int
    """Of each kind, in each round."""


QUICK = Scale((1_000, 5_000), 40)
FULL = Scale((1_000, 10_000, 100_000, 1_000_000), 200)
_ROUNDS = 3
"""The quickest counts: another program's work is no part of a search."""
_NAME = "search"
_CLERK = Actor("bench", Role.CLERK)
_CONFIRMED = datetime(2026, 1, 1, tzinfo=UTC)
_AT_ONCE = 5_000
_NAMES_AT_ONCE = 500
_SECOND_SURNAMES = 3
"""Of four surnames so many have a second part: as many names as a country has, and not forty."""


def measure(scale: Scale) -> Iterator[Result]:
    """Lines for each database and size; the same people in all."""
    for postgres in (False, True):
        with _database(postgres=postgres) as database:
            if database is not None:
                yield from _growth(database, "PostgreSQL" if postgres else "SQLite", scale)


def _growth(database: Database, place: str, scale: Scale) -> Iterator[Result]:
    sizes = scale.sizes
    people, filled, first = People(1, max(sizes)), 0, dict[str, float]()
    for size in sizes:
        _fill(database, people, filled, size)
        filled = size
        for kind, search in _searches(people, size).items():
            took = _median(database, search, size, scale.searches)
            first.setdefault(kind, took)
            limit = first[kind] * math.log(size) / math.log(sizes[0])
            yield Result(
                _NAME,
                f"{place}, {kind}, {size:,} people",
                took,
                "ms",
                limit,
                f"{first[kind]:.2f} ms among {sizes[0]:,}, times the ratio of the logarithms",
                1.0 if size > sizes[0] else None,
                counts=True,
            )


@contextmanager
def _database(*, postgres: bool) -> Iterator[Database | None]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hoviat-bench-")))
        url = stack.enter_context(postgres_database()) if postgres else f"sqlite:///{folder}/r.sqlite3"
        if url is None:
            yield None
            return
        database = Database(url, ColumnCipher(FileMasterKey(secrets.token_bytes(MASTER_KEY_BYTES))))
        stack.callback(database.close)
        database.migrate()
        yield database


def _fill(database: Database, people: People, begin: int, end: int) -> None:
    """Adds the people of these numbers as the registry keeps them."""
    for start in range(begin, end, _AT_ONCE):
        numbers = range(start, min(start + _AT_ONCE, end))
        somebody = [(people.person(number), _surname(number)) for number in numbers]
        with database.engine.begin() as connection:
            connection.execute(insert(Citizen), [_row(person, surname) for person, surname in somebody])
            _remember(connection, somebody)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))


def _remember(connection: Connection, somebody: Sequence[tuple[Person, str]]) -> None:
    names = {skeleton(name) for person, surname in somebody for name in (person.given_name.persian, surname)}
    listed = sorted(names)
    for start in range(0, len(listed), _NAMES_AT_ONCE):
        remember(connection, set(listed[start : start + _NAMES_AT_ONCE]))


def _surname(number: int) -> str:
    chance = random.Random(f"hoviat bench search {number}")  # noqa: S311 - repeatable, guards nothing
    parts = 2 if chance.randrange(_SECOND_SURNAMES + 1) else 1
    return " ".join(chance.choice(SURNAMES).persian for _ in range(parts))


def _row(person: Person, surname: str) -> dict[str, object]:
    given = person.given_name.persian
    return {
        "national_code": person.national_code,
        "given_name": given,
        "surname": surname,
        "father_name": person.father_name.persian,
        "latin_given_name": person.given_name.latin,
        "latin_surname": person.surname.latin,
        "birth_date": person.birth_date,
        "birth_precision": "day",
        "sex": person.sex,
        "confirmed_at": _CONFIRMED,
        **indexed(given, surname, person.birth_date),
    }


Search = Callable[[int], str]
"""The words with which somebody looks for the person of a number."""


def _searches(people: People, size: int) -> dict[str, Search]:
    def names(number: int) -> str:
        return f"{people.person(number).given_name.persian} {_surname(number)}"

    def slip(number: int) -> str:
        words, chance = names(number), random.Random(f"slip {size} {number}")  # noqa: S311
        place = chance.randrange(words.index(" ") + 2, len(words))
        return words[:place] + words[place + 1 :]

    return {
        "by code": people.national_code,
        "by name": names,
        "by name with a slip": slip,
        "by surname and birth date": lambda number: f"{_surname(number)} {people.person(number).birth_date}",
    }


def _median(database: Database, search: Search, size: int, searches: int) -> float:
    """Milliseconds of a search's first page. Raises RuntimeError if one that must find somebody does not."""
    chance = random.Random(f"hoviat bench search {size}")  # noqa: S311
    words = [search(chance.randrange(size)) for _ in range(searches)]
    return min(_round(Register(database), words) for _ in range(_ROUNDS))


def _round(register: Register, words: Sequence[str]) -> float:
    waits = []
    for each in words:
        begun = time.perf_counter()
        found = register.find(_CLERK, each)
        waits.append(1000 * (time.perf_counter() - begun))
        if not found.people:
            raise RuntimeError("a search of the benchmark found nobody")
    return statistics.median(waits)
