"""Sessions by purpose: what reads takes no write lock, and what writes commits once, at its end."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NewType

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from pki.store.database import read_only

ReadSession = NewType("ReadSession", Session)
"""May only select."""
WriteSession = NewType("WriteSession", Session)
"""Part of a transaction that its opener commits."""


class Database:
    """The verifier's database as an engine with two doors."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reading = read_only(engine)

    @contextmanager
    def read(self) -> Iterator[ReadSession]:
        """A consistent view; nothing is committed."""
        with Session(self._reading) as session:
            yield ReadSession(session)

    @contextmanager
    def write(self) -> Iterator[WriteSession]:
        """One transaction: committed when the block ends, rolled back when it raises."""
        with Session(self._engine, expire_on_commit=False) as session, session.begin():
            yield WriteSession(session)

    def close(self) -> None:
        """Gives the connections back."""
        self._engine.dispose()
