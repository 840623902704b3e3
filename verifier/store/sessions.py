"""Sessions by purpose: what reads takes no write lock, and what writes commits once, at its end."""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
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
        # SQLite lets one writer in, and those that wait sleep up to 100 ms between tries: queue them here.
        queues = engine.dialect.name == "sqlite"
        self._turn: AbstractContextManager[object] = threading.Lock() if queues else nullcontext()

    @contextmanager
    def read(self) -> Iterator[ReadSession]:
        """A consistent view; nothing is committed."""
        with Session(self._reading) as session:
            yield ReadSession(session)

    @contextmanager
    def write(self) -> Iterator[WriteSession]:
        """One transaction: committed when the block ends, rolled back when it raises."""
        with self._turn, Session(self._engine, expire_on_commit=False) as session, session.begin():
            yield WriteSession(session)

    def close(self) -> None:
        """Gives the connections back."""
        self._engine.dispose()
