"""Citizens, as taken over from the civil register, with the keys by which they are sorted and found."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Connection, Index, String, event
from sqlalchemy.orm import Mapped, Mapper, mapped_column

from issuance.database import Base
from issuance.registry.dates import Precision
from issuance.registry.namekeys import pair_key, skeleton, sort_key
from pki.store.database import UtcDateTime

CODE_LENGTH = 10
NAME_LENGTH = 100
SORT_KEY_LENGTH = 4 * NAME_LENGTH + 2
PAIR_KEY_LENGTH = 2 * NAME_LENGTH + 1
_PRECISION_LENGTH = 8


class Citizen(Base):
    """One person. Persian names are folded; Latin ones are what the civil register suggests."""

    __tablename__ = "citizens"
    __table_args__ = (
        CheckConstraint("birth_precision IN ('day', 'month', 'year')", "birth_precision"),
        Index("ix_citizens_pair_key_birth_date", "pair_key", "birth_date"),
        Index("ix_citizens_birth_date_given_key", "birth_date", "given_key"),
        Index("ix_citizens_birth_date_surname_key", "birth_date", "surname_key"),
    )

    national_code: Mapped[str] = mapped_column(String(CODE_LENGTH), primary_key=True)
    given_name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    """Empty where a person has one name only; that is the surname then (ICAO Doc 9303-3 §4.6)."""
    surname: Mapped[str] = mapped_column(String(NAME_LENGTH))
    father_name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    latin_given_name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    latin_surname: Mapped[str] = mapped_column(String(NAME_LENGTH))
    birth_date: Mapped[date]
    """The first day that it can be, where only a part of the date is known."""
    birth_precision: Mapped[str] = mapped_column(String(_PRECISION_LENGTH), default=Precision.DAY.value)
    sex: Mapped[str] = mapped_column(String(1))
    confirmed_at: Mapped[datetime] = mapped_column(UtcDateTime())
    """When the civil register last confirmed the record."""
    sort_key: Mapped[str] = mapped_column(String(SORT_KEY_LENGTH), index=True)
    given_key: Mapped[str] = mapped_column(String(NAME_LENGTH))
    surname_key: Mapped[str] = mapped_column(String(NAME_LENGTH))
    father_key: Mapped[str] = mapped_column(String(NAME_LENGTH))
    pair_key: Mapped[str] = mapped_column(String(PAIR_KEY_LENGTH))


@event.listens_for(Citizen, "before_insert")
@event.listens_for(Citizen, "before_update")
def _compute_keys(_mapper: Mapper[Citizen], _connection: Connection, citizen: Citizen) -> None:
    """Whoever stores a name, its keys are those of that name."""
    citizen.sort_key = sort_key(citizen.surname, citizen.given_name)
    citizen.given_key = skeleton(citizen.given_name)
    citizen.surname_key = skeleton(citizen.surname)
    citizen.father_key = skeleton(citizen.father_name)
    citizen.pair_key = pair_key(citizen.given_name, citizen.surname)
