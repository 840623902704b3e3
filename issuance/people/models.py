"""The names that people here bear, as they sound, so that a name one slip away is found.

It is a list of names and not of people: no row leads to a person, and its keys are others than those by which
people are found (ADR 40).
"""

from sqlalchemy import Connection, Executable, ForeignKey, event, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Mapper, mapped_column

from issuance.database import Base
from issuance.registry.models import Citizen
from issuance.registry.namekeys import skeleton
from issuance.registry.nearnames import remains
from pki.store.encrypted import EncryptedText, IndexedText

_DIGEST = "name_keys"


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
