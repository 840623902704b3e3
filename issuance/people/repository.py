"""Finding people page by page: each step is one look into an index, whatever the number of people.

What was typed becomes a list of keys, the likeliest first: names as they sound, then those one slip away in
either name, then in both. Only keys that somebody has are asked for people, one after the other until the
page is full. The next page goes on behind the last person of this one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

from sqlalchemy import Select, column, exists, literal, select, values
from sqlalchemy.orm import InstrumentedAttribute, Session

from issuance.people.models import NameKey, NameRemain
from issuance.registry.models import Citizen
from issuance.registry.namekeys import dated, pair_of_keys
from issuance.registry.nearnames import errors, remains
from issuance.registry.search import Wanted

MOST_NEAR = 24
"""Names taken as meant by one word: the nearest."""
MOST_KEYS = 240
"""Keys that one search asks for."""
_MOST_REMAINS = 2000
"""Rows of the list of names that are looked at; what was typed is looked for all the same."""


@dataclass(frozen=True)
class Key:
    """What to look for in which column, and how many slips lie between it and what was typed."""

    column: str
    text: str
    errors: int = 0


@dataclass(frozen=True)
class Place:
    """Behind whom a page begins."""

    key: Key
    national_code: str


def keys_of(session: Session, wanted: Wanted) -> list[Key]:
    """What to look for, the likeliest first; at most MOST_KEYS."""
    near = _near(session, {name for part in wanted.parts for name in part})
    found: dict[Key, None] = {}
    for one, other in wanted.parts:
        for (given, first), (surname, second) in product(near[one], near[other]):
            found.setdefault(_pair(pair_of_keys(given, surname), first + second, wanted), None)
    if wanted.birth_date is not None and wanted.whole:
        for name, wrong in _near(session, {wanted.whole})[wanted.whole]:
            text = dated(name, wanted.birth_date)
            found.setdefault(Key("given_birth_index", text, wrong), None)
            found.setdefault(Key("surname_birth_index", text, wrong), None)
    return sorted(found, key=lambda key: key.errors)[:MOST_KEYS]


def known(session: Session, keys: Sequence[Key]) -> list[Key]:
    """Those of the keys that somebody has, in their order: one look into an index for each."""
    there: set[tuple[str, str]] = set()
    for name in {key.column for key in keys}:
        texts = [key.text for key in keys if key.column == name]
        there |= {(name, texts[place]) for place in session.scalars(borne_query(name, texts))}
    return [key for key in keys if (key.column, key.text) in there]


def borne_query(name: str, texts: Sequence[str]) -> Select[int]:
    """The places, in `texts`, of those that somebody has in the column `name`."""
    attribute = _attribute(name)
    asked = values(column("place", literal(0).type), column("text", attribute.type), name="asked")
    listed = asked.data(list(enumerate(texts))).cte("asked_for")
    return select(listed.c.place).where(exists().where(attribute == listed.c.text))


def people_query(key: Key, after: str | None, most: int) -> Select[Citizen]:
    """The next people who have the key, in the order of their codes as the database sees them."""
    query = select(Citizen).where(_attribute(key.column) == key.text)
    if after is not None:
        query = query.where(Citizen.national_code > after)
    return query.order_by(Citizen.national_code).limit(most)


def page(
    session: Session, keys: Sequence[Key], start: Place | None, most: int
) -> tuple[list[tuple[Citizen, Key]], bool]:
    """At most so many people behind `start`, each with the key that found them; whether there are more."""
    found: list[tuple[Citizen, Key]] = []
    for key in _rest(keys, start):
        after = start.national_code if start is not None and key == start.key else None
        people = session.scalars(people_query(key, after, most + 1 - len(found)))
        found += [(person, key) for person in people]
        if len(found) > most:
            return found[:most], True
    return found, False


def _rest(keys: Sequence[Key], start: Place | None) -> Iterable[Key]:
    if start is None or start.key not in keys:
        return keys
    return keys[list(keys).index(start.key) :]


def _near(session: Session, names: set[str]) -> dict[str, list[tuple[str, int]]]:
    """For each name the known ones at most one slip away, and the slips; its own self among them."""
    left = {remain for name in names for remain in remains(name)}
    query = (
        select(NameKey.key)
        .join(NameRemain, NameRemain.digest == NameKey.digest)
        .where(NameRemain.remain.in_(sorted(left)))
        .order_by(NameRemain.remain, NameRemain.digest)
        .limit(_MOST_REMAINS)
    )
    candidates = set(session.scalars(query)) if left else set()
    return {name: _nearest(name, candidates | {name}) for name in names}


def _nearest(name: str, candidates: set[str]) -> list[tuple[str, int]]:
    told = [(other, errors(name, other)) for other in sorted(candidates)]
    near = [(other, wrong) for other, wrong in told if wrong is not None]
    return sorted(near, key=lambda pair: pair[1])[:MOST_NEAR]


def _pair(pair: str, wrong: int, wanted: Wanted) -> Key:
    if wanted.birth_date is None:
        return Key("pair_index", pair, wrong)
    return Key("pair_birth_index", dated(pair, wanted.birth_date), wrong)


def _attribute(name: str) -> InstrumentedAttribute[str]:
    attribute: InstrumentedAttribute[str] = getattr(Citizen, name)
    return attribute
