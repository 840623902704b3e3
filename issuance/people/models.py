"""The names that people here bear, as they sound, so that a name one slip away is found; and erasures.

The names are a list of names and not of people: no row leads to a person, and its keys are others than those
by which people are found (ADR 40).
"""

from datetime import datetime
from enum import StrEnum, unique

from sqlalchemy import CheckConstraint, Connection, Executable, ForeignKey, String, event, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Mapper, mapped_column

from issuance.database import Base, one_of
from issuance.identifiers import LENGTH as IDENTIFIER_LENGTH
from issuance.operators.models import USERNAME_LENGTH
from issuance.registry.models import Citizen, national_code_type
from issuance.registry.namekeys import skeleton
from issuance.registry.nearnames import remains
from pki.store.database import UtcDateTime
from pki.store.encrypted import EncryptedText, IndexedText

_DIGEST = "name_keys"
_GROUND_LENGTH = 16


class NameKey(Base):
    """One name as it sounds."""

    __tablename__ = "name_keys"

    digest: Mapped[str] = mapped_column(IndexedText(_DIGEST), primary_key=True)
    """Written as the key itself; read as its digest."""
    key: Mapped[str] = mapped_column(EncryptedText("name_keys.key"))


class NameRemain(Base):
    """What is left of a name without one of its letters, and the name."""

    __tablename__ = "name_remains"

    remain: Mapped[str] = mapped_column(IndexedText("name_remains"), primary_key=True)
    digest: Mapped[str] = mapped_column(
        IndexedText(_DIGEST), ForeignKey("name_keys.digest"), primary_key=True
    )


@unique
class Ground(StrEnum):
    """Why the data may, or must, go."""

    REQUEST = "request"
    """The person asks for it."""
    COURT = "court"
    RETENTION = "retention"
    """The time for which it had to be kept is over."""


class Erasure(Base):
    """An erasure that was asked for. Two people: the database insists."""

    __tablename__ = "erasures"
    __table_args__ = (
        CheckConstraint(one_of("ground", [ground.value for ground in Ground]), "ground"),
        CheckConstraint("confirmed_by IS NULL OR confirmed_by <> requested_by", "two_people"),
        CheckConstraint("(confirmed_by IS NULL) = (confirmed_at IS NULL)", "confirmed"),
    )

    id: Mapped[str] = mapped_column(String(IDENTIFIER_LENGTH), primary_key=True)
    national_code: Mapped[str] = mapped_column(
        national_code_type(), ForeignKey("citizens.national_code"), unique=True
    )
    """Once it is done, the code that nobody has."""
    replaced: Mapped[str | None] = mapped_column(national_code_type())
    """The code that gives way to it: within the transaction of the erasure, and never after that."""
    ground: Mapped[str] = mapped_column(String(_GROUND_LENGTH))
    requested_by: Mapped[str] = mapped_column(String(USERNAME_LENGTH), ForeignKey("operators.username"))
    requested_at: Mapped[datetime] = mapped_column(UtcDateTime())
    confirmed_by: Mapped[str | None] = mapped_column(
        String(USERNAME_LENGTH), ForeignKey("operators.username")
    )
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime())


@event.listens_for(Citizen, "after_insert")
@event.listens_for(Citizen, "after_update")
def _remember_names(_mapper: Mapper[Citizen], connection: Connection, citizen: Citizen) -> None:
    """Whoever stores a person, their names are among those that are known."""
    remember(connection, {skeleton(citizen.given_name), skeleton(citizen.surname)})


def remember(connection: Connection, keys: set[str]) -> None:
    """Adds the keys that are not there; two at once may add the same."""
    wanted = sorted(keys - {""})
    there = set(connection.scalars(select(NameKey.digest).where(NameKey.digest.in_(wanted))))
    if len(there) == len(wanted):
        return
    names = [{"digest": key, "key": key} for key in wanted]
    parts = [{"remain": remain, "digest": key} for key in wanted for remain in sorted(remains(key))]
    for model, rows in ((NameKey, names), (NameRemain, parts)):
        connection.execute(_missing(connection, model), rows)


def _missing(connection: Connection, model: type[Base]) -> Executable:
    """An INSERT that leaves alone what is there."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(model).on_conflict_do_nothing()
    return sqlite.insert(model).on_conflict_do_nothing()
