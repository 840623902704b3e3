"""Sessions: a write commits once at its end, or not at all; writers take turns."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import func, select

from pki.store.database import create_database_engine, migrate
from simulators.forge.certificates import NOW
from verifier.bootstrap import MIGRATIONS
from verifier.services.models import Site
from verifier.store.sessions import Database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    engine = create_database_engine(f"sqlite:///{tmp_path / 'verifier.sqlite3'}")
    migrate(engine, MIGRATIONS)
    opened = Database(engine)
    yield opened
    opened.close()


def site(number: int) -> Site:
    return Site(
        site_id=f"{number:016d}",
        name=f"site {number}",
        origin="https://x.ir",
        policy="national",
        key_hash="0" * 64,
        created_at=NOW,
    )


def count(database: Database) -> int:
    with database.read() as session:
        return session.scalars(select(func.count()).select_from(Site)).one()


def test_a_write_that_raises_leaves_nothing_and_gives_its_turn_back(database: Database) -> None:
    def write_and_fail() -> None:
        with database.write() as session:
            session.add(site(1))
            session.flush()
            raise LookupError

    with pytest.raises(LookupError):
        write_and_fail()
    assert count(database) == 0
    with database.write() as session:
        session.add(site(2))
    assert count(database) == 1


def test_reading_commits_nothing(database: Database) -> None:
    with database.read() as session:
        session.add(site(1))
        session.flush()
    assert count(database) == 0


def test_many_writers_take_turns(database: Database) -> None:
    def write(number: int) -> None:
        with database.write() as session:
            session.add(site(number))

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(write, range(60)))
    assert count(database) == 60
