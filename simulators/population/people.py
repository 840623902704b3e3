"""People by number: a bijection between 0 … size−1 and valid national codes, keyed by the seed."""

import math
import random
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from issuance.registry.nationalcode import check_digit
from simulators.population.names import FEMALE_NAMES, MALE_NAMES, SURNAMES, Name

QAZVIN_PREFIXES = ("431", "432", "438", "439", "508", "509", "538", "559", "580", "588", "590", "728")
"""First three digits (place of issue) of national codes of the province."""

DEFAULT_SIZE = 1_000_000
_SERIALS = 1_000_000  # six digits between the prefix and the check digit
_CODES = len(QAZVIN_PREFIXES) * _SERIALS
_FIRST_BIRTH = date(1940, 1, 1)
_LAST_BIRTH = date(2008, 12, 31)


@dataclass(frozen=True)
class Person:
    """One synthetic person, as the civil register knows them."""

    national_code: str
    given_name: Name
    surname: Name
    father_name: Name
    birth_date: date
    sex: Literal["M", "F"]


class People:
    """`size` people of one seed; every look-up is computed, O(1) in time and memory."""

    def __init__(self, seed: int, size: int = DEFAULT_SIZE) -> None:
        if not 0 < size <= _CODES:
            raise ValueError(f"a population has 1 to {_CODES} people")
        self.seed = seed
        self.size = size
        chance = random.Random(f"hoviat people {seed}")  # noqa: S311 - repeatable, guards nothing
        self._factor = next(
            n for n in iter(lambda: chance.randrange(1, _CODES), 0) if math.gcd(n, _CODES) == 1
        )
        self._offset = chance.randrange(_CODES)
        self._inverse = pow(self._factor, -1, _CODES)

    def national_code(self, number: int) -> str:
        """The ten digits of person `number`."""
        if not 0 <= number < self.size:
            raise IndexError(number)
        prefix, serial = divmod((number * self._factor + self._offset) % _CODES, _SERIALS)
        digits = f"{QAZVIN_PREFIXES[prefix]}{serial:06d}"
        return digits + check_digit(digits)

    def number(self, national_code: str) -> int | None:
        """The number of the person with that code, or None where nobody has it."""
        prefix, serial = national_code[:3], national_code[3:9]
        if prefix not in QAZVIN_PREFIXES:
            return None
        position = QAZVIN_PREFIXES.index(prefix) * _SERIALS + int(serial)
        number = (position - self._offset) * self._inverse % _CODES
        if number >= self.size or self.national_code(number) != national_code:
            return None
        return number

    def person(self, number: int) -> Person:
        """Person `number`, always the same for one seed."""
        code = self.national_code(number)
        chance = random.Random(f"hoviat person {self.seed} {number}")  # noqa: S311
        sex: Literal["M", "F"] = chance.choice(("M", "F"))
        days = chance.randrange((_LAST_BIRTH - _FIRST_BIRTH).days + 1)
        return Person(
            national_code=code,
            given_name=chance.choice(MALE_NAMES if sex == "M" else FEMALE_NAMES),
            surname=chance.choice(SURNAMES),
            father_name=chance.choice(MALE_NAMES),
            birth_date=_FIRST_BIRTH + timedelta(days=days),
            sex=sex,
        )
