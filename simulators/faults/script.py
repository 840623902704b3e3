"""What goes wrong, and when: a list of faults, each at one APDU, written by hand or drawn from a seed."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum, unique

MAX_FAULTS = 1000
MAX_APDU = 1_000_000
_MAX_STATUS = 0xFFFF
_MAX_PROLONGATION = 70_000
_MAX_DELAY_MS = 600_000
_MAX_WRITES = 1_000_000


class FaultScriptError(ValueError):
    """A script that can't be: `place` is the fault's index, from 0."""

    def __init__(self, place: int, rule: str) -> None:
        super().__init__(f"fault {place}: {rule}")
        self.place = place
        self.rule = rule


@unique
class Effect(StrEnum):
    """What happens at an APDU."""

    CUT_BEFORE = "cut-before"
    """Power fails before the card takes the command."""
    CUT_AFTER = "cut-after"
    """Power fails after the card carried it out; the answer is lost."""
    CUT_AT_WRITE = "cut-at-write"
    """Power fails right after the `value`-th durable write from this APDU on, whichever APDU makes it; with 0
    before the next write. A later fault of this kind takes the place of one that is still to come."""
    MUTE = "mute"
    """The card carries it out and never answers, nor anything after it until it is reset."""
    STATUS = "status"
    """Not carried out; the card answers the status word `value`."""
    TRUNCATE = "truncate"
    """Carried out; of the answer only the first `value` bytes arrive."""
    PROLONG = "prolong"
    """Carried out; `value` zero bytes come before the status word."""
    DELAY = "delay"
    """Carried out, after `value` milliseconds."""
    SWAP = "swap"
    """Another card is in the reader from this command on, and nobody was told."""


_HIGHEST: dict[Effect, int] = {
    Effect.CUT_AT_WRITE: _MAX_WRITES,
    Effect.STATUS: _MAX_STATUS,
    Effect.TRUNCATE: _MAX_STATUS,
    Effect.PROLONG: _MAX_PROLONGATION,
    Effect.DELAY: _MAX_DELAY_MS,
}


@dataclass(frozen=True)
class Fault:
    """One fault: `apdu` counts from 1, since the script began; `value` is as the effect says."""

    apdu: int
    effect: Effect
    value: int = 0


@dataclass(frozen=True)
class FaultScript:
    """Faults by APDU, at most one at each."""

    faults: tuple[Fault, ...] = ()

    def __post_init__(self) -> None:
        if len(self.faults) > MAX_FAULTS:
            raise FaultScriptError(MAX_FAULTS, f"at most {MAX_FAULTS} faults")
        taken: set[int] = set()
        for place, fault in enumerate(self.faults):
            if not 1 <= fault.apdu <= MAX_APDU or fault.apdu in taken:
                raise FaultScriptError(place, f"its APDU is 1 to {MAX_APDU}, and no other fault's")
            if not 0 <= fault.value <= _HIGHEST.get(fault.effect, 0):
                raise FaultScriptError(place, f"its value is 0 to {_HIGHEST.get(fault.effect, 0)}")
            taken.add(fault.apdu)

    def to_json(self) -> list[dict[str, object]]:
        """Plain values for JSON."""
        return [
            {"apdu": fault.apdu, "effect": fault.effect.value, "value": fault.value} for fault in self.faults
        ]

    @classmethod
    def from_json(cls, entries: object) -> "FaultScript":
        """The reverse of `to_json`; `value` may be left out where it has no meaning.

        :raises FaultScriptError: not such a list
        """
        if not isinstance(entries, list):
            raise FaultScriptError(0, "a script is a list of faults")
        return cls(tuple(_fault(place, entry) for place, entry in enumerate(entries[: MAX_FAULTS + 1])))

    @classmethod
    def drawn(
        cls, seed: int, apdus: int, count: int, effects: Sequence[Effect] = tuple(Effect)
    ) -> "FaultScript":
        """`count` faults among the first `apdus` APDUs; one seed gives one script.

        :raises FaultScriptError: more faults than APDUs
        """
        if count > apdus:
            raise FaultScriptError(apdus, "more faults than APDUs")
        chance = random.Random(f"hoviat faults {seed}")  # noqa: S311 - repeatable, no secret
        places = sorted(chance.sample(range(1, apdus + 1), count))
        return cls(tuple(_drawn(chance, place, effects) for place in places))


_LIKELY_STATUS = (0x6581, 0x6700, 0x6982, 0x6985, 0x6A80, 0x6A82, 0x6A84, 0x6A88, 0x6D00, 0x6F00, 0x63C2)


def _drawn(chance: random.Random, place: int, effects: Sequence[Effect]) -> Fault:
    effect = chance.choice(effects)
    values: Iterable[int] = {
        Effect.CUT_AT_WRITE: range(4),
        Effect.STATUS: _LIKELY_STATUS,
        Effect.TRUNCATE: range(8),
        Effect.PROLONG: (1, 16, 255, 65_000),
        Effect.DELAY: (5, 50),
    }.get(effect, (0,))
    return Fault(place, effect, chance.choice(tuple(values)))


def _fault(place: int, entry: object) -> Fault:
    if not isinstance(entry, dict) or not {"apdu", "effect"} <= entry.keys() <= {"apdu", "effect", "value"}:
        raise FaultScriptError(place, "a fault has apdu, effect and maybe value")
    apdu, effect, value = entry["apdu"], entry["effect"], entry.get("value", 0)
    if effect not in tuple(Effect):
        raise FaultScriptError(place, "effects are " + ", ".join(Effect))
    if type(apdu) is not int or type(value) is not int:
        raise FaultScriptError(place, "apdu and value are integers")
    return Fault(apdu, Effect(effect), value)
