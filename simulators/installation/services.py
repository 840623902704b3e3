"""Opens a home's services together, and creates them together."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import issuance.bootstrap
import pki.bootstrap
import verifier.bootstrap
from cardio.transport import pcsc
from cardio.transport.base import CardConnection
from issuance.bootstrap import Issuance
from pki.bootstrap import Pki
from pki.clock import Clock, utc_now
from pki.home import DEFAULT_PUBLIC_URL, Home, create, load
from simulators.population.people import People
from simulators.population.register import SyntheticCivilRegister
from verifier.bootstrap import Verifier

REGISTER_SEED = 1
"""The people behind an embedded installation's civil register."""


class PcscReaders:
    """The readers of this machine, as the registry's production sees them."""

    def names(self) -> Sequence[str]:
        """Full reader names."""
        return pcsc.list_readers()

    def connect(self, name: str) -> CardConnection:
        """Powers the card in that reader."""
        return pcsc.connect(name)


@dataclass(frozen=True)
class Installation:
    """The open services of one home."""

    home: Home
    people: People
    pki: Pki
    verifier: Verifier
    issuance: Issuance


def initialise(root: Path, public_url: str = DEFAULT_PUBLIC_URL, clock: Clock = utc_now) -> Home:
    """Creates a home and everything in it; raises HomeInUseError where the folder is not empty."""
    home = create(root, public_url)
    pki.bootstrap.initialise(home, clock)
    issuance.bootstrap.initialise(home, clock)
    verifier.bootstrap.initialise(home, clock)
    return home


@contextmanager
def open_installation(root: Path, clock: Clock = utc_now) -> Iterator[Installation]:
    """Opens all services of an initialised home and closes them at the end."""
    home = load(root)
    people = People(REGISTER_SEED)
    with ExitStack() as stack:
        authority = pki.bootstrap.open_pki(home, clock)
        stack.callback(authority.close)
        checker = verifier.bootstrap.open_verifier(home, authority, clock)
        stack.callback(checker.close)
        registry = issuance.bootstrap.open_issuance(
            home, authority, SyntheticCivilRegister(people), PcscReaders(), clock
        )
        stack.callback(registry.close)
        yield Installation(home, people, authority, checker, registry)


def is_initialised(root: Path) -> bool:
    """Whether `root` is a home (its settings file is written first and never removed)."""
    return (root / "hoviat.toml").is_file()
