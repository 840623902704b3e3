"""Citizens, as taken over from the civil register; encrypted, and found by keyed digests."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Connection, Dialect, Index, String, event
from sqlalchemy.orm import Mapped, Mapper, mapped_column

from issuance.database import Base
from issuance.registry.dates import Precision
from issuance.registry.namekeys import dated, pair_key, skeleton
from pki.store.database import UtcDateTime
from pki.store.encrypted import DisguisedText, EncryptedDate, EncryptedText, IndexedText, cipher_of

CODE_LENGTH = 10
NAME_LENGTH = 100
SEAL_LENGTH = 64
_PRECISION_LENGTH = 8
_NAME_AND_BIRTH = "citizens.name_birth"


def national_code_type() -> DisguisedText:
    """Of every column that holds a national code, so that they can be joined and looked up."""
    return DisguisedText("national_code", CODE_LENGTH)


class Citizen(Base):
    """One person. Persian names are folded; Latin ones are what the civil register suggests."""

    __tablename__ = "citizens"
    __table_args__ = (
        CheckConstraint("birth_precision IN ('day', 'month', 'year')", "birth_precision"),
        Index("ix_citizens_pair_index_national_code", "pair_index", "national_code"),
    )

    national_code: Mapped[str] = mapped_column(national_code_type(), primary_key=True)
    given_name: Mapped[str] = mapped_column(EncryptedText("citizens.given_name"))
    """Empty where a person has one name only; that is the surname then (ICAO Doc 9303-3 §4.6)."""
    surname: Mapped[str] = mapped_column(EncryptedText("citizens.surname"))
    father_name: Mapped[str] = mapped_column(EncryptedText("citizens.father_name"))
    latin_given_name: Mapped[str] = mapped_column(EncryptedText("citizens.latin_given_name"))
    latin_surname: Mapped[str] = mapped_column(EncryptedText("citizens.latin_surname"))
    birth_date: Mapped[date] = mapped_column(EncryptedDate("citizens.birth_date"))
    """The first day that it can be, where only a part of the date is known."""
    birth_precision: Mapped[str] = mapped_column(String(_PRECISION_LENGTH), default=Precision.DAY.value)
    sex: Mapped[str] = mapped_column(EncryptedText("citizens.sex"))
    confirmed_at: Mapped[datetime] = mapped_column(UtcDateTime())
    """When the civil register last confirmed the record."""
    seal: Mapped[str] = mapped_column(String(SEAL_LENGTH), default="")
    """Over the values of this row (`citizen_seal`); empty where nobody is to be made a card by it."""
    pair_index: Mapped[str] = mapped_column(IndexedText("citizens.pair"))
    """Of both names as they sound, whichever stands first."""
    pair_birth_index: Mapped[str] = mapped_column(IndexedText("citizens.pair_birth"), index=True)
    """Of the same with the birth date."""
    given_birth_index: Mapped[str] = mapped_column(IndexedText(_NAME_AND_BIRTH), index=True)
    """Of one name as it sounds with the birth date; both are looked up crosswise, and share a key."""
    surname_birth_index: Mapped[str] = mapped_column(IndexedText(_NAME_AND_BIRTH), index=True)


@event.listens_for(Citizen, "before_insert")
@event.listens_for(Citizen, "before_update")
def _index(_mapper: Mapper[Citizen], connection: Connection, citizen: Citizen) -> None:
    """Whoever stores a name, it is found by that name, and the row is sealed."""
    citizen.seal = citizen_seal(connection.dialect, citizen)
    for column, text in indexed(citizen.given_name, citizen.surname, citizen.birth_date).items():
        setattr(citizen, column, text)


def citizen_seal(dialect: Dialect, citizen: Citizen) -> str:
    """The seal that a citizen of these values has."""
    values = (
        *(citizen.national_code, citizen.given_name, citizen.surname, citizen.father_name),
        *(citizen.latin_given_name, citizen.latin_surname, citizen.birth_date.isoformat()),
        *(citizen.birth_precision or Precision.DAY.value, citizen.sex),
    )
    return cipher_of(dialect, "citizens").seal("citizens", [value.encode() for value in values])


def indexed(given_name: str, surname: str, birth_date: date) -> dict[str, str]:
    """By column, the texts whose keyed digests a citizen is found by."""
    pair = pair_key(given_name, surname)
    return {
        "pair_index": pair,
        "pair_birth_index": dated(pair, birth_date),
        "given_birth_index": dated(skeleton(given_name), birth_date),
        "surname_birth_index": dated(skeleton(surname), birth_date),
    }
