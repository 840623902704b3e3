"""Everything a simulated card remembers without power, and its JSON form."""

from dataclasses import dataclass, replace

from simulators.card.fields import Fields
from simulators.card.piv.state import PivState

MAX_SERIAL = 0xFFFF_FFFF


@dataclass(frozen=True)
class CardState:
    """The non-volatile memory of one card. Immutable: a change is a new state, committed as a whole.

    `serial` is the number that the manufacturer gave the body, 1 to 2³²-1.
    """

    serial: int
    piv: PivState

    def with_piv(self, piv: PivState) -> "CardState":
        """The same card with another PIV state."""
        return replace(self, piv=piv)

    def to_json(self) -> dict[str, object]:
        """Plain values for JSON; secrets included, this is the chip."""
        return {"serial": self.serial, "piv": self.piv.to_json()}

    @classmethod
    def from_json(cls, fields: Fields) -> "CardState":
        """The state that `to_json` wrote.

        :raises FieldError: a field is missing, unknown or impossible
        """
        state = cls(fields.integer("serial", 1, MAX_SERIAL), PivState.from_json(fields.child("piv")))
        fields.end()
        return state
