"""Everything a simulated card remembers without power, and its JSON form."""

from dataclasses import dataclass

from simulators.card.fields import FieldError, Fields
from simulators.card.globalplatform.state import IsdState
from simulators.card.lifecycle import LifeCycle
from simulators.card.piv.state import PivState

MAX_SERIAL = 0xFFFF_FFFF


@dataclass(frozen=True)
class CardState:
    """The non-volatile memory of one card. Immutable: a change is a new state, committed as a whole.

    `serial` is the number that the manufacturer gave the body, 1 to 2³²-1.
    """

    serial: int
    piv: PivState
    isd: IsdState
    life_cycle: LifeCycle = LifeCycle.OP_READY

    def to_json(self) -> dict[str, object]:
        """Plain values for JSON; secrets included, this is the chip."""
        return {
            "serial": self.serial,
            "life_cycle": self.life_cycle.name,
            "isd": self.isd.to_json(),
            "piv": self.piv.to_json(),
        }

    @classmethod
    def from_json(cls, fields: Fields) -> "CardState":
        """The state that `to_json` wrote.

        :raises FieldError: a field is missing, unknown or impossible
        """
        state = cls(
            fields.integer("serial", 1, MAX_SERIAL),
            PivState.from_json(fields.child("piv")),
            IsdState.from_json(fields.child("isd")),
            _life_cycle(fields.text("life_cycle")),
        )
        fields.end()
        return state


def _life_cycle(name: str) -> LifeCycle:
    if name not in LifeCycle.__members__:
        raise FieldError("life_cycle", "is unknown")
    return LifeCycle[name]
