"""What a clerk's words look for: a national code, or a person's whole name, with a birth date if it is known.

The database holds neither codes nor names in clear, so no part of a word is searched: both names have to be
given, as they sound and in any order, or one of them with the birth date (ADR 40).
"""

from dataclasses import dataclass
from datetime import date

from issuance.errors import InvalidInputError, InvalidNationalCodeError
from issuance.registry.dates import parse_date
from issuance.registry.namekeys import dated, pair_of_keys, skeleton
from issuance.registry.nationalcode import normalise
from issuance.registry.text import fold

MOST_WORDS = 8
"""Of one name: whoever has more is found by code."""


@dataclass(frozen=True)
class Wanted:
    """What the words can mean; all empty where they can mean nobody."""

    national_code: str | None = None
    parts: tuple[tuple[str, str], ...] = ()
    """Both names as they sound, for each place at which the words may fall into two."""
    whole: str = ""
    """All words as one name; it finds somebody only with a birth date."""
    birth_date: date | None = None

    @property
    def pairs(self) -> list[str]:
        """Keys of both names; with the birth date, where one was given."""
        keys = [pair_of_keys(*part) for part in self.parts]
        return keys if self.birth_date is None else [dated(key, self.birth_date) for key in keys]

    @property
    def dated_names(self) -> list[str]:
        """The key of one name and the birth date, if there is one."""
        return [dated(self.whole, self.birth_date)] if self.whole and self.birth_date is not None else []


def wanted(words: str) -> Wanted:
    """Reads the words. A date is one word, in either calendar."""
    try:
        return Wanted(normalise(words))
    except InvalidNationalCodeError:
        pass
    names, birth_date = _parted(fold(words).split())
    if not 0 < len(names) <= MOST_WORDS:
        return Wanted()
    whole = skeleton("".join(names))
    return Wanted(parts=_parts(names), whole=whole, birth_date=birth_date)


def _parts(names: list[str]) -> tuple[tuple[str, str], ...]:
    keys = [
        (skeleton("".join(names[:place])), skeleton("".join(names[place:]))) for place in range(1, len(names))
    ]
    return tuple(dict.fromkeys(part for part in keys if all(part)))


def _parted(words: list[str]) -> tuple[list[str], date | None]:
    """The names, and the date among them."""
    names, found = [], None
    for word in words:
        try:
            found = parse_date(word)
        except InvalidInputError:
            names.append(word)
    return names, found
