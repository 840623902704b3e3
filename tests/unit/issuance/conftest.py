from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.depot import Depot, open_depot


@pytest.fixture(params=["sqlite", "postgresql"])
def depot(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Depot]:
    """On both databases, each new."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/depot.sqlite3"
    else:
        url = request.getfixturevalue("postgres_url")
    with open_depot(url) as opened:
        yield opened
