"""The conditions under which a card is put into a reader: faults, limits, protocol, interface, time."""

from dataclasses import dataclass, field

from simulators.card.card import SimulatedCard
from simulators.card.file import CardFile
from simulators.card.meter import Meter, NoMeter
from simulators.card.piv.access import Interface
from simulators.clock import Clock, RealClock
from simulators.faults.card import FaultyCard
from simulators.faults.link import LimitedReaderCard, ReaderLimits, T0Card
from simulators.faults.script import FaultScript, FaultScriptError
from simulators.readers.vpcd import Card
from simulators.timing.costs import Costs, Pace
from simulators.timing.line import Ta1
from simulators.timing.model import TimedLine, TimedMeter

_MAX_COMMAND = 65_544
_MIN_COMMAND = 5
_FIELDS = frozenset({"faults", "max_command", "silent", "t0", "contactless", "ta1", "pace", "seed"})
_OF_CONTACTS = frozenset({"t0", "ta1", "pace", "seed"})


class ConditionsError(ValueError):
    """Conditions that can't be; `field` is the one that is wrong."""

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field}: {rule}")
        self.field = field
        self.rule = rule


@dataclass(frozen=True)
class Timing:
    """The pace of a card and its line; see `simulators.timing`."""

    ta1: Ta1
    pace: Pace = Pace.MEDIAN
    seed: int = 0


@dataclass(frozen=True)
class Conditions:
    """All of them; by default the card and its reader are perfect and take no time."""

    faults: FaultScript = field(default_factory=FaultScript)
    limits: ReaderLimits | None = None
    t0: bool = False
    contactless: bool = False
    timing: Timing | None = None

    @classmethod
    def from_json(cls, value: object) -> "Conditions":
        """From an object with any of the fields that docs/card.md lists.

        :raises ConditionsError: another field, or a value that can't be
        """
        if not isinstance(value, dict):
            raise ConditionsError("conditions", "are an object")
        unknown = value.keys() - _FIELDS
        if unknown:
            raise ConditionsError(sorted(map(str, unknown))[0], "is unknown")
        contactless = _flag(value, "contactless")
        if contactless and value.keys() & _OF_CONTACTS:
            raise ConditionsError("contactless", "has neither T=0 nor a line with contacts")
        return cls(_faults(value), _limits(value), _flag(value, "t0"), contactless, _timing(value))


def assemble(
    file: CardFile, conditions: Conditions, other: CardFile | None = None, clock: Clock | None = None
) -> Card:
    """The card of `file` as it appears in a reader under these conditions; `other` is what a SWAP brings.

    :raises ValueError: the script swaps and there is no other card
    """
    clock = clock or RealClock()
    timing = conditions.timing
    meter: Meter = NoMeter() if timing is None else TimedMeter(clock, Costs(timing.pace, timing.seed))
    interface = Interface.CONTACTLESS if conditions.contactless else Interface.CONTACT
    card: Card = SimulatedCard(file, meter=meter, interface=interface)
    if conditions.faults.faults:
        swapped = None if other is None else SimulatedCard(other, meter=meter, interface=interface)
        card = FaultyCard(card, conditions.faults, swapped, clock)
    if conditions.t0:
        card = T0Card(card)
    if timing is not None:
        card = TimedLine(card, clock, timing.ta1)
    return card if conditions.limits is None else LimitedReaderCard(card, conditions.limits)


def _faults(value: dict[object, object]) -> FaultScript:
    try:
        return FaultScript.from_json(value.get("faults", []))
    except FaultScriptError as error:
        raise ConditionsError("faults", str(error)) from None


def _limits(value: dict[object, object]) -> ReaderLimits | None:
    silent = _flag(value, "silent")
    if "max_command" not in value:
        if silent:
            raise ConditionsError("silent", "goes with max_command")
        return None
    return ReaderLimits(_integer(value, "max_command", _MIN_COMMAND, _MAX_COMMAND), silent)


def _timing(value: dict[object, object]) -> Timing | None:
    if "ta1" not in value:
        if value.keys() & {"pace", "seed"}:
            raise ConditionsError("ta1", "goes with pace and seed")
        return None
    ta1 = _integer(value, "ta1", 0, 0xFF)
    pace = str(value.get("pace", Pace.MEDIAN))
    if ta1 not in tuple(Ta1):
        raise ConditionsError("ta1", "is one of " + ", ".join(str(int(known)) for known in Ta1))
    if pace not in tuple(Pace):
        raise ConditionsError("pace", "is one of " + ", ".join(Pace))
    return Timing(Ta1(ta1), Pace(pace), _integer(value, "seed", 0, 2**63) if "seed" in value else 0)


def _flag(value: dict[object, object], name: str) -> bool:
    flag = value.get(name, False)
    if not isinstance(flag, bool):
        raise ConditionsError(name, "is true or false")
    return flag


def _integer(value: dict[object, object], name: str, low: int, high: int) -> int:
    number = value[name]
    if type(number) is not int or not low <= number <= high:
        raise ConditionsError(name, f"is an integer of {low} to {high}")
    return number
