"""The civil register, seen through one question: who has this national code?"""

from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Literal, Protocol

from issuance.errors import CivilRegisterUnavailableError
from issuance.registry.dates import Precision, agrees

__all__ = ["CivilRecord", "CivilRegister", "CivilRegisterUnavailableError"]


@dataclass(frozen=True)
class CivilRecord:
    """What the civil register says of one person. Names are Persian unless they say Latin."""

    national_code: str = field(repr=False)
    given_name: str = field(repr=False)
    """Empty where the person has one name only."""
    surname: str = field(repr=False)
    father_name: str = field(repr=False)
    latin_given_name: str = field(repr=False)
    latin_surname: str = field(repr=False)
    birth_date: date = field(repr=False)
    """Gregorian; the first day that it can be, where only a part of the date is known."""
    sex: Literal["M", "F"] = field(repr=False)
    birth_precision: Precision = field(default=Precision.DAY, repr=False)
    deceased_on: date | None = field(default=None, repr=False)
    revision: int = 1
    """Counts the changes of this record in the civil register."""

    def is_birth_date(self, day: date) -> bool:
        """Whether `day` is the birth date, as far as the civil register knows it."""
        return agrees(self.birth_date, self.birth_precision, day)

    def as_data(self) -> dict[str, object]:
        """Plain values for JSON."""
        data = asdict(self)
        data["birth_date"] = self.birth_date.isoformat()
        data["birth_precision"] = self.birth_precision.value
        data["deceased_on"] = None if self.deceased_on is None else self.deceased_on.isoformat()
        return data


class CivilRegister(Protocol):
    """An adapter to a country's civil register."""

    def find(self, national_code: str) -> CivilRecord | None:
        """The record of a normalised code, or None; CivilRegisterUnavailableError when it can't ask."""
        ...
