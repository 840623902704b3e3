import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from issuance.app import create_app
from simulators.installation.server import running
from tests.integration.issuance.desk import Desk, open_desk
from tests.integration.issuance.office import Office, initialise, open_office
from tests.integration.issuance.stationing import Yard, open_yard
from tests.migrated import new_registry


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


@pytest.fixture(params=["sqlite", "postgresql"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    if request.param == "sqlite":
        url = new_registry(tmp_path / "registry.sqlite3")
    else:
        url = request.getfixturevalue("postgres_registry")
    with open_desk(url, tmp_path / "keys") as opened:
        yield opened


@pytest.fixture
def server(office: Office) -> Iterator[str]:
    with running(Starlette(routes=[Mount("/issuance", create_app(office.registry))])) as address:
        yield f"{address}/issuance"


@contextmanager
def signed_in(server: str, office: Office, username: str) -> Iterator[httpx.Client]:
    password = json.loads((office.home.secrets / "operators.json").read_text())[username]
    with httpx.Client(base_url=f"{server}/v1", timeout=30) as api:
        answer = api.post("/sessions", json={"username": username, "password": password})
        assert answer.status_code == 201
        api.headers["Authorization"] = f"Bearer {answer.json()['token']}"
        api.headers["Hoviat-Purpose"] = "enrolment"
        yield api


@pytest.fixture
def clerk(server: str, office: Office) -> Iterator[httpx.Client]:
    with signed_in(server, office, "clerk-1") as api:
        yield api


@pytest.fixture
def supervisor(server: str, office: Office) -> Iterator[httpx.Client]:
    with signed_in(server, office, "supervisor-1") as api:
        yield api
