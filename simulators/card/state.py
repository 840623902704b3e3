"""Everything a simulated card remembers without power, and its JSON form."""

from dataclasses import dataclass, replace

from simulators.card.fields import FieldError, Fields
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
    life_cycle: LifeCycle = LifeCycle.OP_READY

    def with_piv(self, piv: PivState) -> "CardState":
        """The same card with another PIV state."""
        return replace(self, piv=piv)

    def with_life_cycle(self, life_cycle: LifeCycle) -> "CardState":
        """The same card in another state of its life; the caller asked `lifecycle.may_become` before."""
        return replace(self, life_cycle=life_cycle)

    def to_json(self) -> dict[str, object]:
        """Plain values for JSON; secrets included, this is the chip."""
        return {"serial": self.serial, "life_cycle": self.life_cycle.name, "piv": self.piv.to_json()}

    @classmethod
    def from_json(cls, fields: Fields) -> "CardState":
        """The state that `to_json` wrote.

        :raises FieldError: a field is missing, unknown or impossible
        """
        serial = fields.integer("serial", 1, MAX_SERIAL)
        life_cycle = fields.text("life_cycle")
        if life_cycle not in LifeCycle.__members__:
            raise FieldError("life_cycle", "is unknown")
        state = cls(serial, PivState.from_json(fields.child("piv")), LifeCycle[life_cycle])
        fields.end()
        return state
