"""The civil register, seen through one question: who has this national code?"""

from dataclasses import dataclass, field
from datetime import date
from typing import Literal, Protocol

from issuance.errors import CivilRegisterUnavailableError

__all__ = ["CivilRecord", "CivilRegister", "CivilRegisterUnavailableError"]


@dataclass(frozen=True)
class CivilRecord:
    """What the civil register says of one person. Names are Persian unless they say Latin."""

    national_code: str
    given_name: str = field(repr=False)
    surname: str = field(repr=False)
    father_name: str = field(repr=False)
    latin_given_name: str = field(repr=False)
    latin_surname: str = field(repr=False)
    birth_date: date = field(repr=False)
    """Gregorian."""
    sex: Literal["M", "F"] = field(repr=False)


class CivilRegister(Protocol):
    """An adapter to a country's civil register."""

    def find(self, national_code: str) -> CivilRecord | None:
        """The record of a normalised code, or None; CivilRegisterUnavailableError when it can't ask."""
        ...
