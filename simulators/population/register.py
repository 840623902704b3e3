"""The synthetic civil register: the registry's `CivilRegister` over computed people and their lives."""

from collections.abc import Mapping

from issuance.registry.civilregister import CivilRecord
from pki.clock import Clock, utc_now
from simulators.population.lives import PLAIN, Fate, Lives, record_of
from simulators.population.people import People

__all__ = ["SyntheticCivilRegister", "record_of"]


class SyntheticCivilRegister:
    """Answers as a civil register does, for the people of one seed."""

    def __init__(self, people: People, shares: Mapping[Fate, float] = PLAIN, clock: Clock = utc_now) -> None:
        """`shares`: how much happens in their lives; by default nothing does."""
        self._people = people
        self._lives = Lives(people, shares)
        self._clock = clock

    def find(self, national_code: str) -> CivilRecord | None:
        """What is said today of whoever has that code (ten ASCII digits), or None."""
        number = self._people.number(national_code)
        return None if number is None else self._lives.record(number, self._clock().date())
