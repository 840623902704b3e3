from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.depot import Depot
from tests.postgres import PostgresServer
from tests.unit.issuance.massactions.crisis import Crisis, open_crisis


@pytest.fixture
def crisis(depot: Depot, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Crisis]:
    """Both databases of one kind, SQLite and PostgreSQL."""
    if depot.database.engine.dialect.name == "sqlite":
        with open_crisis(depot, f"sqlite:///{tmp_path}/pki.sqlite3") as opened:
            yield opened
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    with server.database() as url, open_crisis(depot, url) as opened:
        yield opened
