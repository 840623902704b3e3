"""Who holds a profile's card: the profile's names, and a number that is nobody's in the civil register."""

import random
from dataclasses import dataclass, field

from pki.authority.values import PersonSubject
from pki.profiles.country import COUNTRY
from pki.profiles.identities import ForeignIdentity
from simulators.installation.services import REGISTER_SEED
from simulators.population.people import DEFAULT_SIZE, People
from simulators.profiles.shape import Foreign, HolderProfile

_DIGITS = "0123456789"
_DOCUMENT_DIGITS = 8
# The register of an embedded installation ends where this population's second half begins.
_PEOPLE = People(REGISTER_SEED, 2 * DEFAULT_SIZE)


@dataclass(frozen=True)
class Holder:
    """A drawn person."""

    subject: PersonSubject = field(repr=False)
    latin_name: str = field(repr=False)

    @property
    def national_code(self) -> str:
        """Empty for a foreign national."""
        return self.subject.national_code


def draw_holder(profile: HolderProfile, chance: random.Random) -> Holder:
    """The next holder that `chance` gives."""
    foreign = None if profile.foreign is None else _foreign_identity(profile.foreign, chance)
    number = chance.randrange(DEFAULT_SIZE, _PEOPLE.size)
    code = _PEOPLE.national_code(number) if foreign is None else ""
    return Holder(PersonSubject(code, profile.given_name, profile.surname, foreign), profile.latin_name)


def _foreign_identity(foreign: Foreign, chance: random.Random) -> ForeignIdentity:
    ours = foreign.country == COUNTRY.code
    digits = "".join(
        chance.choice(_DIGITS) for _ in range(COUNTRY.resident_digits if ours else _DOCUMENT_DIGITS)
    )
    return ForeignIdentity(foreign.scheme, foreign.country, digits if ours else f"T{digits}")
