"""What a clerk's words look for: a national code, or a person's whole name, with a birth date if it is known.

The database holds neither codes nor names in clear, so no part of a word is searched: both names have to be
given, as they sound and in any order, or one of them with the birth date (ADR 40).
"""

from dataclasses import dataclass
from datetime import date

from issuance.errors import InvalidInputError, InvalidNationalCodeError
from issuance.registry.dates import parse_date
from issuance.registry.namekeys import dated, pair_key, skeleton
from issuance.registry.nationalcode import normalise
from issuance.registry.text import fold

MOST_WORDS = 8
"""Of one name: whoever has more is found by code."""


@dataclass(frozen=True)
class Wanted:
    """What the words can mean; all empty where they can mean nobody."""

    national_code: str | None = None
    pairs: tuple[str, ...] = ()
    """Keys of both names, for each place at which the words may fall into two."""
    dated_pairs: tuple[str, ...] = ()
    """The same with the birth date, where one was given."""
    dated_names: tuple[str, ...] = ()
    """One name with the birth date."""


def wanted(words: str) -> Wanted:
    """Reads the words. A date is one word, in either calendar."""
    try:
        return Wanted(normalise(words))
    except InvalidNationalCodeError:
        pass
    names, birth_date = _parted(fold(words).split())
    if not 0 < len(names) <= MOST_WORDS:
        return Wanted()
    pairs = _pairs(names)
    if birth_date is None:
        return Wanted(pairs=pairs)
    key = skeleton("".join(names))
    return Wanted(
        dated_pairs=tuple(dated(pair, birth_date) for pair in pairs),
        dated_names=(dated(key, birth_date),) if key else (),
    )


def _pairs(names: list[str]) -> tuple[str, ...]:
    parts = [("".join(names[:place]), "".join(names[place:])) for place in range(1, len(names))]
    keys = [pair_key(*part) for part in parts if all(map(skeleton, part))]
    return tuple(dict.fromkeys(keys))


def _parted(words: list[str]) -> tuple[list[str], date | None]:
    """The names, and the date among them."""
    names, found = [], None
    for word in words:
        try:
            found = parse_date(word)
        except InvalidInputError:
            names.append(word)
    return names, found
