"""Stations, and the codes by which they are taken in."""

from datetime import datetime
from enum import StrEnum, unique

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from issuance.database import Base, one_of
from issuance.enrolment.models import STATE_LENGTH
from issuance.lifecycle.models import SERIAL_LENGTH
from issuance.operators.models import USERNAME_LENGTH
from pki.store.database import UtcDateTime

STATION_LENGTH = 32
OFFICE_LENGTH = 64
LOCATOR_LENGTH = 8
_DIGEST_LENGTH = 64


@unique
class StationState(StrEnum):
    """Where a station stands."""

    WAITING = "waiting"
    """Added; no machine is it yet."""
    ENROLLED = "enrolled"
    REVOKED = "revoked"


class Station(Base):
    """A machine with card readers in an office."""

    __tablename__ = "stations"
    __table_args__ = (
        CheckConstraint(one_of("state", [state.value for state in StationState]), "state"),
        CheckConstraint("state != 'enrolled' OR serial IS NOT NULL", "enrolled"),
        CheckConstraint("state != 'waiting' OR serial IS NULL", "waiting"),
        CheckConstraint("(state = 'revoked') = (ended_at IS NOT NULL)", "ended"),
    )

    id: Mapped[str] = mapped_column(String(STATION_LENGTH), primary_key=True)
    office: Mapped[str] = mapped_column(String(OFFICE_LENGTH), index=True)
    state: Mapped[str] = mapped_column(String(STATE_LENGTH))
    version: Mapped[int] = mapped_column()
    serial: Mapped[str | None] = mapped_column(String(SERIAL_LENGTH), unique=True)
    """Of its present certificate, in hexadecimal digits: the only one with which it is admitted."""
    created_by: Mapped[str] = mapped_column(String(USERNAME_LENGTH), ForeignKey("operators.username"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    enrolled_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime())

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads it from the class


_UNUSED = text("used_at IS NULL")


class StationCode(Base):
    """A one-time code: the locator finds it, of the secret only a digest is kept."""

    __tablename__ = "station_codes"
    __table_args__ = (
        CheckConstraint("tries_left >= 0", "tries_left"),
        Index(
            "uq_station_codes_unused",
            "station_id",
            unique=True,
            sqlite_where=_UNUSED,
            postgresql_where=_UNUSED,
        ),
    )

    locator: Mapped[str] = mapped_column(String(LOCATOR_LENGTH), primary_key=True)
    digest: Mapped[str] = mapped_column(String(_DIGEST_LENGTH))
    station_id: Mapped[str] = mapped_column(String(STATION_LENGTH), ForeignKey("stations.id"), index=True)
    created_by: Mapped[str] = mapped_column(String(USERNAME_LENGTH), ForeignKey("operators.username"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime())
    tries_left: Mapped[int]
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
