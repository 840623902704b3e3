"""A PKI in a home of its own for each test, on a clock that the test moves."""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric import ec

from pki import cli
from pki import home as homes
from pki.authority import CertificateRequest, PersonSubject
from pki.bootstrap import Pki, initialise, open_pki
from pki.home import Home
from pki.keys.files import FileSigner
from pki.pkcs10 import create_csr
from pki.profiles import Profile

START = datetime(2026, 11, 24, 12, 0, 0, 345_678, tzinfo=UTC)


class ManualClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> None:
        self.now += timedelta(**span)


@pytest.fixture(scope="session")
def template_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("HOVIAT_PASSPHRASE", raising=False)
        patch.delenv("HOVIAT_PKI_DATABASE", raising=False)
        home = homes.create(tmp_path_factory.mktemp("pki") / "home", "http://127.0.0.1:8080")
        initialise(home, lambda: START)
    return home


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def home(template_home: Home, tmp_path: Path) -> Home:
    shutil.copytree(template_home.root, tmp_path / "home")
    return homes.load(tmp_path / "home")


@pytest.fixture
def run(home: Home) -> Callable[..., Result]:
    """Runs `hoviat pki …` in the home, or in another one."""

    @click.group()
    @click.option("--home", type=click.Path(path_type=Path))
    def root(home: Path) -> None: ...

    root.add_command(cli.pki)

    def invoke(*arguments: str, where: Path = home.root) -> Result:
        return CliRunner().invoke(root, ["--home", str(where), "pki", *arguments])

    return invoke


@pytest.fixture
def pki(home: Home, clock: ManualClock) -> Iterator[Pki]:
    opened = open_pki(home, clock)
    yield opened
    opened.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def either_pki(
    request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Pki]:
    """An installation on each database."""
    if request.param == "postgresql":
        monkeypatch.setenv("HOVIAT_PKI_DATABASE", request.getfixturevalue("postgres_url"))
        home = homes.create(tmp_path / "home", "http://127.0.0.1:8080")
        initialise(home, clock)
    else:
        home = request.getfixturevalue("home")
    opened = open_pki(home, clock)
    yield opened
    opened.close()


@pytest.fixture
def citizen_request() -> Callable[..., CertificateRequest]:
    def make(
        request_id: str = "request-1",
        profile: Profile = Profile.AUTHENTICATION,
        *,
        signer: FileSigner | None = None,
        subject: PersonSubject | None = None,
    ) -> CertificateRequest:
        csr = create_csr(signer or FileSigner.generate(ec.SECP256R1()), "card")
        person = subject or PersonSubject("0012345679", "سارا", "محمدی")
        return CertificateRequest(request_id, profile, person, csr, "tester")

    return make
