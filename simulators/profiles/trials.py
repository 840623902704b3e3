"""Homes, cards and readers for the length of a test run; what the pytest plugin hands out."""

import os
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

import pki.bootstrap
from cardio.transport import pcsc
from cardio.transport.base import CardConnection
from pki.bootstrap import Pki
from pki.export import write_public_files
from pki.home import CRL_FOLDER_VARIABLE, PASSPHRASE_VARIABLE, Home, create
from simulators.card.file import CardFile
from simulators.control.conditions import Conditions, assemble
from simulators.profiles.issuing import ProfileCard, ProfileIssuer, chance_of, profile_issuer
from simulators.profiles.loading import load_profile
from simulators.readers.inprocess import InProcessReader
from simulators.readers.pinpad import PinPad, Prompt

_OUTSIDE = ("HOVIAT_PKI_DATABASE", CRL_FOLDER_VARIABLE, PASSPHRASE_VARIABLE)
_CITIZENS_CRLS = ("root-g1", "citizen-auth-g1", "citizen-sign-g1")


@contextmanager
def inside_alone() -> Iterator[None]:
    """Whatever the environment names as a database or folder of Hoviat's is left alone meanwhile."""
    former = {name: os.environ.pop(name) for name in _OUTSIDE if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(former)


def found_home(root: Path) -> Home:
    """A home with a PKI and nothing else."""
    with inside_alone():
        home = create(root)
        pki.bootstrap.initialise(home)
    return home


@dataclass(frozen=True)
class TrialTrust:
    """What a relying party has of a home."""

    pki: Pki

    @property
    def anchors(self) -> tuple[x509.Certificate, ...]:
        """The roots."""
        return self.pki.trust.anchors

    @property
    def intermediates(self) -> tuple[x509.Certificate, ...]:
        """The CAs of citizens' cards."""
        return self.pki.trust.intermediates

    def crls(self) -> list[bytes]:
        """New CRLs of the root and of the citizens' CAs, DER: what was revoked before is in them."""
        with inside_alone():
            return [self.pki.crls.publish(name).read() for name in _CITIZENS_CRLS]

    def export(self, folder: Path) -> list[Path]:
        """The files of `hoviat pki export`: NAME.pem, chain.pem, NAME.crl.pem."""
        with inside_alone():
            return write_public_files(self.pki, folder)


class CardOffice:
    """Issues cards of profiles."""

    def __init__(self, issuer: ProfileIssuer) -> None:
        self._issuer = issuer
        self._issued = 0

    @property
    def trust(self) -> TrialTrust:
        """Of the home of these cards."""
        return TrialTrust(self._issuer.pki)

    @property
    def earlier_trust(self) -> TrialTrust:
        """Of the authority of expired cards."""
        with inside_alone():
            return TrialTrust(self._issuer.earlier)

    def issue(self, profile: str, seed: int | None = None) -> ProfileCard:
        """A card of the profile of that name, or in that .toml file. Another holder each time but by `seed`.

        Raises ProfileError.
        """
        found = load_profile(profile)
        self._issued += 1
        with inside_alone():
            return self._issuer.issue(found, chance_of(found, self._issued if seed is None else seed))


@contextmanager
def card_office(home: Home) -> Iterator[CardOffice]:
    """Opens the home's PKI, and closes it at the end."""
    with ExitStack() as stack:
        with inside_alone():
            issuer = stack.enter_context(profile_issuer(home))
        yield CardOffice(issuer)


@dataclass
class PadKeys:
    """The fingers at a PIN pad: the same digits at every prompt, unless `by_prompt` says otherwise."""

    digits: str | None = None
    """None presses Cancel."""
    by_prompt: dict[Prompt, str] | None = None

    def __call__(self, prompt: Prompt) -> str | None:
        """What is pressed at a prompt."""
        return (self.by_prompt or {}).get(prompt, self.digits)


def new_reader(keys: PadKeys | None = None) -> InProcessReader:
    """An empty reader whose name no other has; with a PIN pad where there is somebody to press its keys."""
    return InProcessReader(f"Hoviat Trial Reader {uuid.uuid4()}", None if keys is None else PinPad(keys))


class Bench:
    """Holds the open card files and connections of one test; `stack` closes them."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def insert(
        self,
        card: ProfileCard,
        reader: InProcessReader,
        conditions: Conditions | None = None,
        other: ProfileCard | None = None,
    ) -> CardConnection:
        """Puts a card into a reader and connects to it; `other` is the card that a script's swap brings.

        :raises ValueError: the script swaps and there is no other card
        """
        file = self._open(card)
        reader.insert(
            assemble(file, conditions or Conditions(), None if other is None else self._open(other))
        )
        self._stack.callback(reader.remove)
        return self._stack.enter_context(pcsc.connect(reader.name))

    def _open(self, card: ProfileCard) -> CardFile:
        return self._stack.enter_context(CardFile.open(card.file))
