from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.issuance.office import Office, initialise, open_office
from tests.integration.issuance.stationing import Yard, open_yard


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


@pytest.fixture
def yard(office: Office, tmp_path: Path) -> Iterator[Yard]:
    with open_yard(office, tmp_path) as opened:
        yield opened
