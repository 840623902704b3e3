from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

import pki.bootstrap
from cardio.piv.session import PivSession
from cardio.transport import pcsc
from pki.home import create
from simulators.card.card import SimulatedCard
from simulators.card.file import CardFile
from simulators.profiles.issuing import ProfileCard, ProfileIssuer, chance_of, profile_issuer
from simulators.profiles.loading import load_profile
from simulators.readers.inprocess import InProcessReader


@pytest.fixture(scope="session")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProfileIssuer]:
    home = create(tmp_path_factory.mktemp("profiles") / "home")
    pki.bootstrap.initialise(home)
    with profile_issuer(home) as opened:
        yield opened


@pytest.fixture(scope="session")
def card_of(issuer: ProfileIssuer) -> Callable[[str], ProfileCard]:
    """One card of each profile, made when it is first wanted."""
    made: dict[str, ProfileCard] = {}

    def card(name: str) -> ProfileCard:
        if name not in made:
            profile = load_profile(name)
            made[name] = issuer.issue(profile, chance_of(profile, 1))
        return made[name]

    return card


@contextmanager
def session_with(card: ProfileCard) -> Iterator[PivSession]:
    """A session with the card in a reader."""
    with CardFile.open(card.file) as file, InProcessReader(f"Profile {card.card_number}") as reader:
        reader.insert(SimulatedCard(file))
        with pcsc.connect(reader.name) as connection:
            yield PivSession(connection)
