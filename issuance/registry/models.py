"""Citizens, as taken over from the civil register."""

from datetime import date, datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from issuance.database import Base
from pki.store.database import UtcDateTime

CODE_LENGTH = 10
NAME_LENGTH = 100


class Citizen(Base):
    """One person. Persian names are folded; Latin ones are what the civil register suggests."""

    __tablename__ = "citizens"

    national_code: Mapped[str] = mapped_column(String(CODE_LENGTH), primary_key=True)
    given_name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    surname: Mapped[str] = mapped_column(String(NAME_LENGTH))
    father_name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    latin_given_name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    latin_surname: Mapped[str] = mapped_column(String(NAME_LENGTH))
    birth_date: Mapped[date]
    sex: Mapped[str] = mapped_column(String(1))
    confirmed_at: Mapped[datetime] = mapped_column(UtcDateTime())
    """When the civil register last confirmed the record."""
