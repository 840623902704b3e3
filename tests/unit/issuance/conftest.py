from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.depot import Depot, open_depot
from tests.migrated import new_registry


@pytest.fixture(params=["sqlite", "postgresql"])
def depot(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Depot]:
    """On both databases, each new."""
    if request.param == "sqlite":
        url = new_registry(tmp_path / "depot.sqlite3")
    else:
        url = request.getfixturevalue("postgres_registry")
    with open_depot(url) as opened:
        yield opened
