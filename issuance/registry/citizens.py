"""Takes people over from the civil register once code and birth date agree."""

import hmac
from datetime import date

from sqlalchemy.orm import Session

from issuance.errors import BirthDateMismatchError, UnknownCitizenError
from issuance.registry.civilregister import CivilRecord, CivilRegister
from issuance.registry.models import Citizen
from issuance.registry.nationalcode import validate
from issuance.registry.text import fold
from pki.clock import Clock


class Citizens:
    """The registry's citizens."""

    def __init__(self, register: CivilRegister, clock: Clock) -> None:
        self._register = register
        self._clock = clock

    def confirm(self, national_code: str, birth_date: date) -> CivilRecord:
        """The civil register's record of this person.

        Raises InvalidNationalCodeError, UnknownCitizenError, BirthDateMismatchError or
        CivilRegisterUnavailableError.
        """
        record = self._register.find(validate(national_code))
        if record is None:
            raise UnknownCitizenError
        if not hmac.compare_digest(record.birth_date.isoformat(), birth_date.isoformat()):
            raise BirthDateMismatchError(birth_date)
        return record

    def take_over(self, session: Session, record: CivilRecord) -> Citizen:
        """Adds or refreshes the citizen of a confirmed record."""
        return session.merge(
            Citizen(
                national_code=record.national_code,
                given_name=fold(record.given_name),
                surname=fold(record.surname),
                father_name=fold(record.father_name),
                latin_given_name=record.latin_given_name,
                latin_surname=record.latin_surname,
                birth_date=record.birth_date,
                sex=record.sex,
                confirmed_at=self._clock(),
            )
        )
