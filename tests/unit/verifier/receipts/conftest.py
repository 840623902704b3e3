"""A verifier for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import PostgresServer
from tests.unit.verifier.receipts.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World.in_folder(tmp_path)
    yield made
    made.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    if request.param == "sqlite":
        world = World.in_folder(tmp_path)
        yield world
        world.close()
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    with server.database() as url:
        world = World(url)
        yield world
        world.close()
