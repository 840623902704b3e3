"""The synthetic civil register: the registry's `CivilRegister` over computed people."""

from issuance.registry.civilregister import CivilRecord
from simulators.population.people import People, Person


class SyntheticCivilRegister:
    """Answers as a civil register does, for the people of one seed."""

    def __init__(self, people: People) -> None:
        self._people = people

    def find(self, national_code: str) -> CivilRecord | None:
        """The record of the person with that code (ten ASCII digits), or None."""
        number = self._people.number(national_code)
        return None if number is None else record_of(self._people.person(number))


def record_of(person: Person) -> CivilRecord:
    """A person as a civil register's answer."""
    return CivilRecord(
        national_code=person.national_code,
        given_name=person.given_name.persian,
        surname=person.surname.persian,
        father_name=person.father_name.persian,
        latin_given_name=person.given_name.latin,
        latin_surname=person.surname.latin,
        birth_date=person.birth_date,
        sex=person.sex,
    )
