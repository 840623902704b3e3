"""What the chip's work costs: measured times of real cards, in milliseconds."""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum, unique

from simulators.card.meter import KeyOperation, Work
from simulators.card.piv.identifiers import Algorithm

_MILLISECONDS = 1000
# Field arithmetic costs the cube of the length: where no measurement is at hand, 384 bits stand for 256 and
# 3072 for 2048 by this factor.
_HALF_AS_LONG_AGAIN = 1.5**3


@unique
class Pace(StrEnum):
    """Which of the measured cards is played."""

    FASTEST = "fastest"
    MEDIAN = "median"
    SLOWEST = "slowest"
    DRAWN = "drawn"
    """Every operation anew between the fastest and the slowest card; half of them below the median."""


@dataclass(frozen=True)
class Spread:
    """The fastest, the median and the slowest card, in milliseconds."""

    fastest: float
    median: float
    slowest: float

    def scaled(self, factor: float) -> "Spread":
        """All three by a factor."""
        return Spread(self.fastest * factor, self.median * factor, self.slowest * factor)

    def milliseconds(self, pace: Pace, chance: random.Random) -> float:
        """At this pace."""
        if pace is not Pace.DRAWN:
            return {Pace.FASTEST: self.fastest, Pace.MEDIAN: self.median, Pace.SLOWEST: self.slowest}[pace]
        low, high = chance.choice(((self.fastest, self.median), (self.median, self.slowest)))
        return math.exp(chance.uniform(math.log(low), math.log(high)))


# JCAlgTest, over the cards of its database: key generation, signature, key agreement.
_P256_GENERATION = Spread(26, 157, 868)
_P256_SIGNATURE = Spread(13, 56, 146)
_P256_AGREEMENT = Spread(7, 106, 187)
_RSA_2048_GENERATION = Spread(2118, 9982, 32217)
_RSA_3072_GENERATION = Spread(10685, 26859, 61810)
_RSA_2048_PRIVATE = Spread(60, 167, 676)

COSTS: Mapping[Work, Spread] = {
    (KeyOperation.GENERATE, Algorithm.ECC_P256): _P256_GENERATION,
    (KeyOperation.PRIVATE, Algorithm.ECC_P256): _P256_SIGNATURE,
    (KeyOperation.AGREE, Algorithm.ECC_P256): _P256_AGREEMENT,
    (KeyOperation.GENERATE, Algorithm.ECC_P384): _P256_GENERATION.scaled(_HALF_AS_LONG_AGAIN),
    (KeyOperation.PRIVATE, Algorithm.ECC_P384): _P256_SIGNATURE.scaled(_HALF_AS_LONG_AGAIN),
    (KeyOperation.AGREE, Algorithm.ECC_P384): _P256_AGREEMENT.scaled(_HALF_AS_LONG_AGAIN),
    (KeyOperation.GENERATE, Algorithm.RSA_2048): _RSA_2048_GENERATION,
    (KeyOperation.PRIVATE, Algorithm.RSA_2048): _RSA_2048_PRIVATE,
    (KeyOperation.GENERATE, Algorithm.RSA_3072): _RSA_3072_GENERATION,
    (KeyOperation.PRIVATE, Algorithm.RSA_3072): _RSA_2048_PRIVATE.scaled(_HALF_AS_LONG_AGAIN),
}
WRITE = Spread(0.4, 3.0, 20.0)
"""One write to non-volatile memory; between the ends that were seen, 3 ms is their geometric middle."""


class Costs:
    """The times of one card; one seed draws the same times again."""

    def __init__(self, pace: Pace = Pace.MEDIAN, seed: int = 0) -> None:
        self._pace = pace
        self._chance = random.Random(f"hoviat timing {seed}")  # noqa: S311 - repeatable, no secret

    def work(self, work: Work) -> float:
        """Seconds for an operation with a key."""
        return COSTS[work].milliseconds(self._pace, self._chance) / _MILLISECONDS

    def write(self) -> float:
        """Seconds for a durable write."""
        return WRITE.milliseconds(self._pace, self._chance) / _MILLISECONDS
