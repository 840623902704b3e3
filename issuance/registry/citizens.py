"""Takes people over from the civil register once code and birth date agree."""

from datetime import date

from sqlalchemy.orm import Session

from issuance.errors import (
    BirthDateMismatchError,
    CivilRegisterAnswerError,
    DeceasedError,
    UnknownCitizenError,
)
from issuance.registry.civilregister import CivilRecord, CivilRegister
from issuance.registry.models import NAME_LENGTH, Citizen
from issuance.registry.nationalcode import validate
from issuance.registry.text import fold
from pki.clock import Clock
from pki.errors import SubjectError
from pki.profiles.names import person_name

_COMPARED = ("given_name", "surname", "father_name", "birth_date", "birth_precision", "sex")
"""Latin names are the civil register's suggestion: the clerk's word stands."""


class Citizens:
    """The registry's citizens."""

    def __init__(self, register: CivilRegister, clock: Clock) -> None:
        self._register = register
        self._clock = clock

    def confirm(self, national_code: str, birth_date: date) -> CivilRecord:
        """The civil register's record of this person, who is alive.

        Raises InvalidNationalCodeError, UnknownCitizenError, BirthDateMismatchError, DeceasedError or
        CivilRegisterUnavailableError.
        """
        record = self.ask(validate(national_code))
        if not record.is_birth_date(birth_date):
            raise BirthDateMismatchError(birth_date)
        if record.deceased_on is not None:
            raise DeceasedError
        return record

    def ask(self, national_code: str) -> CivilRecord:
        """What the civil register says of a code now, folded. Raises UnknownCitizenError and as `confirm`."""
        record = self._register.find(national_code)
        if record is None:
            raise UnknownCitizenError
        return _believed(record, national_code)

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
                birth_precision=record.birth_precision.value,
                sex=record.sex,
                confirmed_at=self._clock(),
            )
        )


def changes(citizen: Citizen, record: CivilRecord) -> tuple[str, ...]:
    """What the record says otherwise than the citizen that was taken over."""
    said = {name: getattr(record, name) for name in _COMPARED}
    said |= {name: fold(said[name]) for name in ("given_name", "surname", "father_name")}
    return tuple(name for name in _COMPARED if getattr(citizen, name) != said[name])


def _believed(record: CivilRecord, national_code: str) -> CivilRecord:
    """Raises CivilRegisterAnswerError for what no register may say, whatever adapter brought it."""
    if record.national_code != national_code:
        raise CivilRegisterAnswerError("it speaks of another person")
    names = (record.given_name, record.surname, record.father_name)
    if not fold(record.surname) or any(len(fold(name)) > NAME_LENGTH for name in names):
        raise CivilRegisterAnswerError(f"a surname is missing, or a name has more than {NAME_LENGTH} letters")
    try:  # here, and not when a body is spent on a card whose certificates nobody issues
        person_name(national_code, fold(record.given_name) or None, fold(record.surname))
    except SubjectError as error:
        raise CivilRegisterAnswerError(f"a name that no certificate takes: {error}") from error
    if record.deceased_on is not None and record.deceased_on < record.birth_date:
        raise CivilRegisterAnswerError("a death before the birth")
    return record
