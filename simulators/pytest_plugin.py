"""A pytest plugin: readers, cards of any profile, faults and trust for the tests of any project.

pytest loads it by the entry point `pytest11` in every run of an environment that has Hoviat installed, so
nothing is imported here but pytest: a run that asks for none of the fixtures pays nothing.
See docs/testing.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cardio.transport.base import CardConnection
    from pki.home import Home
    from simulators.control.conditions import Conditions
    from simulators.profiles.issuing import ProfileCard
    from simulators.profiles.trials import Bench, CardOffice, PadKeys, TrialTrust
    from simulators.readers.inprocess import InProcessReader

PROFILE_MARK = "hoviat_profile"
CONDITIONS_MARK = "hoviat_conditions"
_DEFAULT_PROFILE = "adult"


def pytest_configure(config: pytest.Config) -> None:
    """Makes the marks known."""
    config.addinivalue_line("markers", f"{PROFILE_MARK}(name): which profile hoviat_card is of")
    config.addinivalue_line(
        "markers", f"{CONDITIONS_MARK}(faults=[…], max_command=…, …): under which hoviat_card is inserted"
    )


@pytest.fixture(scope="session")
def hoviat_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with a PKI of its own, made once a session."""
    from simulators.profiles.trials import found_home

    return found_home(tmp_path_factory.mktemp("hoviat") / "home")


@pytest.fixture(scope="session")
def hoviat_office(hoviat_home: Home) -> Iterator[CardOffice]:
    """Issues cards in that home: `hoviat_office.issue("rsa2048")`."""
    from simulators.profiles.trials import card_office

    with card_office(hoviat_home) as office:
        yield office


@pytest.fixture(scope="session")
def hoviat_trust(hoviat_office: CardOffice) -> TrialTrust:
    """What a relying party has of that home: `anchors`, `intermediates`, `crls()`, `export(folder)`."""
    return hoviat_office.trust


@pytest.fixture
def hoviat_issued_card(hoviat_office: CardOffice) -> ProfileCard:
    """A card of its own for this test, of an adult citizen: delivered, its certificates good."""
    return hoviat_office.issue(_DEFAULT_PROFILE)


@pytest.fixture
def hoviat_card(request: pytest.FixtureRequest, hoviat_office: CardOffice) -> ProfileCard:
    """A card of its own for this test, of the profile that `@pytest.mark.hoviat_profile(name)` says."""
    mark = request.node.get_closest_marker(PROFILE_MARK)
    return hoviat_office.issue(_profile_of(mark) if mark is not None else _DEFAULT_PROFILE)


def _profile_of(mark: pytest.Mark) -> str:
    if len(mark.args) != 1 or mark.kwargs or not isinstance(mark.args[0], str):
        raise pytest.UsageError(f"{PROFILE_MARK} takes the name of one profile")
    return mark.args[0]


@pytest.fixture
def hoviat_reader() -> Iterator[InProcessReader]:
    """An empty reader of this process, without a PIN pad; pyscard's classes behind cardio's PC/SC module."""
    from simulators.profiles.trials import new_reader

    with new_reader() as reader:
        yield reader


@pytest.fixture
def hoviat_pad_keys() -> PadKeys:
    """Who presses the keys of `hoviat_pad_reader`: `hoviat_pad_keys.digits = "471100"`, None to cancel."""
    from simulators.profiles.trials import PadKeys

    return PadKeys()


@pytest.fixture
def hoviat_pad_reader(hoviat_pad_keys: PadKeys) -> Iterator[InProcessReader]:
    """An empty reader of this process with a PIN pad (PC/SC part 10)."""
    from simulators.profiles.trials import new_reader

    with new_reader(hoviat_pad_keys) as reader:
        yield reader


@pytest.fixture
def hoviat_conditions(request: pytest.FixtureRequest) -> Conditions:
    """The conditions of `@pytest.mark.hoviat_conditions(…)`: a fault script, limits, protocol, timing."""
    from simulators.control.conditions import Conditions

    mark = request.node.get_closest_marker(CONDITIONS_MARK)
    return Conditions.from_json({} if mark is None else dict(mark.kwargs))


@pytest.fixture
def hoviat_bench() -> Iterator[Bench]:
    """Puts cards into readers and connects: `hoviat_bench.insert(card, reader, conditions)`."""
    from simulators.profiles.trials import Bench

    with ExitStack() as stack:
        yield Bench(stack)


@pytest.fixture
def hoviat_connection(
    hoviat_bench: Bench,
    hoviat_card: ProfileCard,
    hoviat_reader: InProcessReader,
    hoviat_conditions: Conditions,
) -> CardConnection:
    """A connection to `hoviat_card` in `hoviat_reader`, under `hoviat_conditions`."""
    return hoviat_bench.insert(hoviat_card, hoviat_reader, hoviat_conditions)
