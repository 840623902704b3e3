"""What every test shares."""

import gc
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from pki.keys.token.module import exclusive, module_at
from tests.memorydisk import use_memory
from tests.softhsm import CONFIGURATION_VARIABLE, MODULE, SoftHsm

# Timing is never a test's verdict: the machine is shared. Every run tries the same examples, so that one
# that fails fails again; `--hypothesis-profile=search` draws new ones.
settings.register_profile("hoviat", deadline=None, database=None, max_examples=100, derandomize=True)
settings.register_profile("search", settings.get_profile("hoviat"), derandomize=False)
settings.load_profile("hoviat")

pytest_plugins = ["tests.postgres", "tests.migrated", "tests.givencard"]

LONGEST_ID = 60
_NEW_OBJECTS, _YOUNG, _MIDDLE = 50_000, 20, 20
"""When Python looks for cycles: at its own 700 new objects, looking takes a fifth of the suite's time."""


def pytest_configure() -> None:
    gc.set_threshold(_NEW_OBJECTS, _YOUNG, _MIDDLE)
    use_memory()


def pytest_collection_finish() -> None:
    """Modules and collected tests stay to the end: nobody need look through them again."""
    gc.collect()
    gc.freeze()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of tests that draw by seed."""
    parser.addoption(
        "--kill-seed",
        type=int,
        metavar="N",
        help="only this seed of tests/integration/issuance/test_killed_production.py",
    )


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Long values, some random, are named by their argument: every worker must find the same ids."""
    return argname if isinstance(val, str | bytes) and len(val) > LONGEST_ID else None


_POINTS = "points cut"
RecordPoints = Callable[[str, str, int], None]
"""Takes the operation, what was cut in it, and at how many points."""


@pytest.fixture
def record_points(record_property: Callable[[str, object], None]) -> RecordPoints:
    """Counts the points at which a test cut an operation, for the end of the run."""
    return lambda operation, cut, count: record_property(_POINTS, (operation, cut, count))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints at how many points each operation was cut."""
    points: dict[str, Counter[str]] = {}
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == _POINTS:
                operation, cut, count = value
                points.setdefault(operation, Counter())[cut] += count
    if points:
        terminalreporter.section("points cut")
    for operation, counts in sorted(points.items()):
        each = ", ".join(f"{count} {cut}" for cut, count in sorted(counts.items()))
        terminalreporter.write_line(f"{operation}: {counts.total()} ({each})")


REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of public test suites, which stays outside the project."""
    folder = Path(os.environ.get("HOVIAT_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no public test data at {folder}; set HOVIAT_TEST_DATA")
    return folder


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own home, PIN or passphrase must not leak into a test."""
    for name in list(os.environ):
        if name.startswith("HOVIAT_") and name != "HOVIAT_TEST_DATA":
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _one_worker_at_pcscd(request: pytest.FixtureRequest) -> None:
    """There is one pcscd per machine: its tests must have reached this worker as one group."""
    if "PYTEST_XDIST_WORKER" in os.environ and request.node.get_closest_marker("pcscd"):
        assert request.node.nodeid.endswith("@pcscd"), "pytest-xdist did not keep the group together"


@pytest.fixture
def softhsm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SoftHsm]:
    """A fresh SoftHSM2 token; this process's PKCS#11 sessions end with the test."""
    token = SoftHsm(tmp_path / "softhsm")
    token.create()
    monkeypatch.setenv(CONFIGURATION_VARIABLE, str(token.configuration))
    yield token
    with exclusive:
        module_at(MODULE).finalize()
