"""Offices."""

from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from issuance.database import Base

OFFICE_CODE_LENGTH = 8
OFFICE_NAME_LENGTH = 100
FIRST_OFFICE = "1"
"""The one that a registry has from its first day; what was there before offices belongs to it."""


class Office(Base):
    """One office. Its code is what everything else refers to, and never changes."""

    __tablename__ = "offices"
    __table_args__ = (CheckConstraint("code <> ''", "code"),)

    code: Mapped[str] = mapped_column(String(OFFICE_CODE_LENGTH), primary_key=True)
    persian_name: Mapped[str] = mapped_column(String(OFFICE_NAME_LENGTH))
    latin_name: Mapped[str] = mapped_column(String(OFFICE_NAME_LENGTH))
    province: Mapped[str] = mapped_column(String(OFFICE_NAME_LENGTH))
    inspects: Mapped[bool] = mapped_column(default=False)
    """Whether a second person looks at each card before it can be handed over."""
