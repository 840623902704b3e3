"""A service's database with nothing but a record in it, on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import DeclarativeBase, Session

from pki.auditchain import AuditEntryColumns, Event, append_many
from pki.store.database import create_database_engine

NOON = datetime(2026, 11, 24, 12, 0, 0, 250_000, tzinfo=UTC)


class Base(DeclarativeBase):
    pass


class Entry(AuditEntryColumns, Base):
    __tablename__ = "events"


def events(count: int, first: int = 1) -> list[Event]:
    """Some events, no two alike."""
    return [
        Event(NOON, "officer", "card.issued", f"card:{number}", {"n": number, "نتیجه": "تأیید"})
        for number in range(first, first + count)
    ]


def fill(engine: Engine, count: int) -> None:
    """Adds entries and commits them."""
    with Session(engine) as session, session.begin():
        append_many(session, Entry, events(count))


@pytest.fixture
def sqlite_engine(tmp_path: Path) -> Iterator[Engine]:
    yield from _prepared(f"sqlite:///{tmp_path / 'record.db'}")


@pytest.fixture
def postgres_engine(postgres_url: str) -> Iterator[Engine]:
    yield from _prepared(postgres_url)


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Both databases, one after the other."""
    prepared = request.getfixturevalue(f"{request.param}_engine")
    assert isinstance(prepared, Engine)
    return prepared


def _prepared(url: str) -> Iterator[Engine]:
    engine = create_database_engine(url)
    Base.metadata.create_all(engine)
    yield engine
    engine.dispose()
