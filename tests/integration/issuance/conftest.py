from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.issuance.desk import Desk, open_desk
from tests.integration.issuance.office import Office, initialise, open_office


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new home, made once and copied for each test."""
    home = tmp_path_factory.mktemp("template") / "home"
    initialise(home)
    return home


@pytest.fixture
def office(tmp_path: Path, template: Path) -> Iterator[Office]:
    with open_office(tmp_path, template) as opened:
        yield opened


@pytest.fixture(params=["sqlite", "postgresql"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    url = f"sqlite:///{tmp_path}/registry.sqlite3"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
    with open_desk(url, tmp_path / "keys") as opened:
        yield opened
