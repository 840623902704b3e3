"""A world of certificates on each database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pki.bootstrap import MIGRATIONS
from pki.store.database import create_database_engine, migrate
from tests.unit.pki.massactions.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """On SQLite."""
    yield from _world(f"sqlite:///{tmp_path / 'pki.sqlite3'}")


@pytest.fixture(params=["sqlite", "postgresql"])
def either_world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """On SQLite, and on PostgreSQL."""
    if request.param == "postgresql":
        yield from _world(request.getfixturevalue("postgres_url"))
    else:
        yield from _world(f"sqlite:///{tmp_path / 'pki.sqlite3'}")


def _world(url: str) -> Iterator[World]:
    engine = create_database_engine(url)
    try:
        migrate(engine, MIGRATIONS)
        yield World(engine)
    finally:
        engine.dispose()
