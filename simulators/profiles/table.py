"""The strict table of the certificate profiles, with what card profiles have beside."""

import re
import unicodedata
from collections.abc import Callable
from datetime import date
from enum import Enum
from typing import TypeVar

from pki.profiles.table import Table

EnumT = TypeVar("EnumT", bound=Enum)
_FORMAT = "Cf"  # ZWNJ, which Persian spells with, is of this category, and so not printable to Python
_DATES = re.compile(r"\d{4}(-\d\d(-\d\d)?)?", re.ASCII)
_FIRST_DAY = "0000-01-01"


class ProfileTable(Table):
    """Hands out values by key and type; raises ProfileError with the file and the key."""

    def child(self, key: str) -> "ProfileTable":
        """The table under a key, which may be empty or absent."""
        value = self._value(key) if self.has(key) else {}
        if not isinstance(value, dict):
            raise self.error(key, "must be a table")
        return ProfileTable(self._file, value, f"{self._prefix}{key}.")

    def present(self) -> tuple[str, ...]:
        """Every key that is there."""
        return tuple(self._content)

    def name(self, key: str, longest: int) -> str | None:
        """A person's name, with the marks and joiners that names have; None where it is absent."""
        if not self.has(key):
            return None
        value = self._value(key)
        if not isinstance(value, str) or not 1 <= len(value) <= longest or not _is_written(value):
            raise self.error(key, f"must be a name of 1 to {longest} characters")
        return value

    def partial_date(self, key: str) -> str:
        """YYYY-MM-DD, YYYY-MM or YYYY."""
        value = self._value(key)
        if not isinstance(value, str) or not _is_partial_date(value):
            raise self.error(key, "must be a text YYYY-MM-DD, YYYY-MM or YYYY")
        return value

    def member(self, key: str, kind: Callable[[str], EnumT], known: type[EnumT]) -> EnumT:
        """What `kind` makes of a text."""
        try:
            return kind(self.text(key, 64))
        except (KeyError, ValueError) as error:
            raise self.error(key, f"must be one of: {', '.join(map(_spelt, known))}") from error


def key_name(text: str) -> str:
    """`ecc-p256` as the enumeration spells it."""
    if text != text.lower():
        raise KeyError(text)
    return text.upper().replace("-", "_")


def _spelt(member: Enum) -> str:
    return member.value if isinstance(member.value, str) else member.name.lower().replace("_", "-")


def _is_written(text: str) -> bool:
    return all(char.isprintable() or unicodedata.category(char) == _FORMAT for char in text)


def _is_partial_date(text: str) -> bool:
    """Whether it becomes a day of the calendar where the rest is taken from the first of January."""
    if not _DATES.fullmatch(text):
        return False
    try:
        date.fromisoformat(text + _FIRST_DAY[len(text) :])
    except ValueError:
        return False
    return True
