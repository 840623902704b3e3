"""The registry's database: the declarative base, and transactions that commit once, at their edge."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NewType

from sqlalchemy import Engine
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

from pki.store.database import create_database_engine, is_current, migrate, new_metadata, read_only
from pki.store.encrypted import ColumnCipher, NoCipherError, use_cipher

MIGRATIONS = Path(__file__).parent / "migrations"

ReadSession = NewType("ReadSession", Session)
"""A session whose changes are thrown away; on SQLite it never waits for a writer."""


class Base(DeclarativeBase):
    """Base of every model of the registry."""

    metadata = new_metadata()


def one_of(column: str, values: list[str]) -> str:
    """An SQL condition for a closed set of words."""
    return f"{column} IN ({', '.join(repr(value) for value in sorted(values))})"


class Database:
    """One engine, two kinds of transaction."""

    def __init__(self, url: str, cipher: ColumnCipher | None) -> None:
        """`cipher` reads and writes personal data; None: who works with this sees none.

        Then the encrypted columns raise NoCipherError, and older databases with people can't be migrated.
        """
        self.engine: Engine = create_database_engine(url)
        self._cipher = cipher
        if cipher is not None:
            use_cipher(self.engine, cipher)
        self._write = sessionmaker(self.engine, expire_on_commit=False)
        self._read = sessionmaker(read_only(self.engine), expire_on_commit=False, autoflush=False)

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction that commits at the end of the block, or rolls everything back."""
        with self._write.begin() as session:
            yield session

    @contextmanager
    def reading(self) -> Iterator[ReadSession]:
        """A transaction that only reads."""
        with self._read() as session:
            yield ReadSession(session)

    @property
    def cipher(self) -> ColumnCipher:
        """Of its personal data. Raises NoCipherError where it was opened without."""
        if self._cipher is None:
            raise NoCipherError("personal data")
        return self._cipher

    @property
    def is_current(self) -> bool:
        """Whether `migrate` would change nothing."""
        return is_current(self.engine, MIGRATIONS)

    def migrate(self) -> None:
        """Creates the tables, or brings them to the newest revision."""
        migrate(self.engine, MIGRATIONS)

    def close(self) -> None:
        """Drops the connections."""
        self.engine.dispose()
