"""Issues cards of profiles in a home, past the registry."""

import random
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from cardio.piv.slots import Slot
from cardio.transport import pcsc
from pki.bootstrap import Pki
from pki.home import Home
from simulators.actors.issue import choose_pin
from simulators.card.card import SimulatedCard
from simulators.card.file import CardFile
from simulators.certificateline import described
from simulators.factory import make_blank
from simulators.profiles.authorities import earlier_authority, opened
from simulators.profiles.certifying import Certifier
from simulators.profiles.making import Making, Secrets, make
from simulators.profiles.people import draw_holder
from simulators.profiles.shape import CardProfile, Status
from simulators.readers.inprocess import InProcessReader


@dataclass(frozen=True)
class ProfileCard:
    """An issued card, its file closed, and what its holder and its tester know."""

    profile: CardProfile
    file: Path
    card_number: str
    national_code: str
    """Empty for a foreign national."""
    pin: str = field(repr=False)
    puk: str = field(repr=False)
    can: str = field(repr=False)
    certificates: dict[Slot, bytes] = field(repr=False)
    """DER, as issued for the card's own keys; a hostile card may show others."""

    def to_json(self) -> dict[str, object]:
        """The line that `hoviat sim issue --profile` prints."""
        return {
            "card_number": self.card_number,
            "file": str(self.file),
            "national_code": self.national_code,
            "pin": self.pin,
            "puk": self.puk,
            "can": self.can,
            "certificates": [described(slot, der) for slot, der in self.certificates.items()],
            "profile": self.profile.name,
        }


class ProfileIssuer:
    """An open home in which cards of any profile can be had; one thread at a time."""

    def __init__(self, home: Home, stack: ExitStack) -> None:
        self._stack = stack
        self.home = home
        self.pki = stack.enter_context(opened(home))

    @cached_property
    def earlier(self) -> Pki:
        """The PKI of expired cards; made when it is first asked for."""
        return self._stack.enter_context(earlier_authority(self.home))

    def issue(self, profile: CardProfile, chance: random.Random) -> ProfileCard:
        """One card. Holder and PIN are what `chance` gives; keys and the body's serial are new each time.

        Raises CardError, PkiError, HomeError.
        """
        master_keys = self.pki.master_keys
        blank = make_blank(self.home.cards, master_keys["factory"])
        serial = int(blank.stem)
        holder = draw_holder(profile.holder, chance)
        authority = self.earlier if profile.status is Status.EXPIRED else self.pki
        certifier = Certifier(authority, f"profile-{uuid.uuid4().hex}", holder.subject)
        secrets = Secrets.of(master_keys, serial)
        making = Making(profile, holder, certifier, serial, secrets, choose_pin(chance), chance)
        with CardFile.open(blank) as file, InProcessReader(f"Hoviat Profile Reader {serial}") as reader:
            reader.insert(SimulatedCard(file))
            certificates = make(making, lambda: pcsc.connect(reader.name))
        certifier.settle(profile)
        undelivered = profile.status is Status.UNDELIVERED
        return ProfileCard(
            profile=profile,
            file=blank,
            card_number=making.number,
            national_code=holder.national_code,
            pin=secrets.issuer.transport_pin if undelivered else making.pin,
            puk=secrets.issuer.puk,
            can=secrets.issuer.can,
            certificates=certificates,
        )


@contextmanager
def profile_issuer(home: Home) -> Iterator[ProfileIssuer]:
    """Opens the home's PKI, and closes it at the end. Raises HomeError, PkiError."""
    with ExitStack() as stack:
        yield ProfileIssuer(home, stack)


def chance_of(profile: CardProfile, seed: int) -> random.Random:
    """What chooses a profile's holders and PINs: the same for one seed."""
    return random.Random(f"hoviat profile {profile.name} {seed}")  # noqa: S311 - repeatable; test cards only


def issue_profile(home: Home, profile: CardProfile, count: int, seed: int) -> Iterator[ProfileCard]:
    """Issues `count` cards; yields each when it is finished."""
    chance = chance_of(profile, seed)
    with profile_issuer(home) as issuer:
        for _ in range(count):
            yield issuer.issue(profile, chance)
