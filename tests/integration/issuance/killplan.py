"""Who is killed when, by a seed: the same seed, the same moments."""

from dataclasses import dataclass
from random import Random

from tests.integration.issuance.killedsite import Victim

LAST_APDU = 46
"""Of making a card and handing it over; each undisturbed run has at least as many."""
_LONGEST_DELAY_S = 0.03
"""What comes between two APDUs takes no longer."""
_VICTIMS = (
    (Victim.SERVER,),
    (Victim.STATION,),
    (Victim.PCSCD,),
    (Victim.DATABASE,),
    (Victim.SERVER, Victim.DATABASE),
    (Victim.STATION,),
    (Victim.PCSCD, Victim.STATION),
    (Victim.SERVER, Victim.STATION),
    (Victim.DATABASE, Victim.PCSCD),
    (Victim.DATABASE, Victim.STATION),
)
"""A server takes longest to start again: three in ten."""


@dataclass(frozen=True)
class Kill:
    """At the `apdu`th command, counted from 1 over all attempts, before or `after` the card has done it."""

    apdu: int
    after: bool
    delay_s: float
    """So much later: between two APDUs there are commits."""
    victims: tuple[Victim, ...]

    @property
    def title(self) -> str:
        return " and ".join(victim.value for victim in self.victims)


@dataclass(frozen=True)
class Plan:
    """What happens to one card."""

    seed: int
    kills: tuple[Kill, ...]
    gives_up: bool
    """The clerk does not go on with a torn run, but voids it and takes another body."""


def plan(seed: int) -> Plan:
    chance = Random(seed)  # noqa: S311 - to be repeated, not to be secret
    first = _kill(chance, _VICTIMS[seed % len(_VICTIMS)], 1, LAST_APDU)
    kills = [first]
    if chance.random() < 0.2:  # once more, while it is being mended
        kills.append(_kill(chance, chance.choice(_VICTIMS), first.apdu + 1, first.apdu + 20))
    return Plan(seed, tuple(kills), gives_up=chance.random() < 0.15)


def _kill(chance: Random, victims: tuple[Victim, ...], first: int, last: int) -> Kill:
    delay_s = chance.uniform(0, _LONGEST_DELAY_S) if chance.random() < 0.5 else 0.0
    return Kill(chance.randint(first, last), chance.random() < 0.5, delay_s, victims)
