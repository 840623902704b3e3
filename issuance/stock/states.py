"""Where a body can be and what happens to it, pure: every arrow stands in a table.

             receive                  reserve ►
(supplier) ─────────► in_stock ◄───────────── reserved     take: the body is spent, whatever comes of the card
   send ► ┌───────────┤  │ │  ◄ release            │
      in_transit      │  │ └────────── take ───────┴─► used
          └─ arrive ──┘  │ spoil                        │ void, or collect: the card ended and came back
                         ▼                              ▼
                      spoiled ◄─────────────────────────┘
            condemn ▼ ▲ spare      (from in_stock, too)
                   condemned ── destroy, by another person ─► destroyed
"""

from enum import StrEnum, unique

from issuance.lifecycle.states import StateMachine


@unique
class BodyState(StrEnum):
    """Where a body is. It is in exactly one of these."""

    IN_STOCK = "in_stock"
    RESERVED = "reserved"
    """In stock, for one order."""
    IN_TRANSIT = "in_transit"
    """On its way to the office that it belongs to already."""
    USED = "used"
    """A card was begun on it."""
    SPOILED = "spoiled"
    CONDEMNED = "condemned"
    """One person has said that it is to be destroyed."""
    DESTROYED = "destroyed"


@unique
class BodyEvent(StrEnum):
    """What happens to a body."""

    RECEIVE = "receive"
    RESERVE = "reserve"
    RELEASE = "release"
    SEND = "send"
    ARRIVE = "arrive"
    TAKE = "take"
    VOID = "void"
    COLLECT = "collect"
    """The card that was made of it has ended, and was handed in."""
    SPOIL = "spoil"
    CONDEMN = "condemn"
    SPARE = "spare"
    DESTROY = "destroy"


_S, _E = BodyState, BodyEvent

BODY = StateMachine(
    "body",
    {
        (_S.IN_STOCK, _E.RESERVE): _S.RESERVED,
        (_S.RESERVED, _E.RELEASE): _S.IN_STOCK,
        (_S.IN_STOCK, _E.SEND): _S.IN_TRANSIT,
        (_S.IN_TRANSIT, _E.ARRIVE): _S.IN_STOCK,
        (_S.IN_STOCK, _E.TAKE): _S.USED,
        (_S.RESERVED, _E.TAKE): _S.USED,
        (_S.USED, _E.VOID): _S.SPOILED,
        (_S.USED, _E.COLLECT): _S.SPOILED,
        (_S.IN_STOCK, _E.SPOIL): _S.SPOILED,
        (_S.RESERVED, _E.SPOIL): _S.SPOILED,
        (_S.IN_STOCK, _E.CONDEMN): _S.CONDEMNED,
        (_S.SPOILED, _E.CONDEMN): _S.CONDEMNED,
        (_S.CONDEMNED, _E.SPARE): _S.SPOILED,
        (_S.CONDEMNED, _E.DESTROY): _S.DESTROYED,
    },
)
"""What happens to a body that is on record; RECEIVE puts it there."""

ON_HAND = frozenset({BodyState.IN_STOCK, BodyState.RESERVED})
SPENT = frozenset(BodyState) - ON_HAND - {BodyState.IN_TRANSIT}
"""No card will ever be begun on these again."""


@unique
class BatchState(StrEnum):
    """Where a supplier's delivery stands."""

    ANNOUNCED = "announced"
    COUNTED = "counted"
    CONFIRMED = "confirmed"
    """A second person has counted as many; the bodies are in stock."""
    OPENING = "opening"
    """What was used before stock was kept."""


@unique
class Difference(StrEnum):
    """How what was counted differs from the supplier's note."""

    MISSING = "missing"
    SURPLUS = "surplus"
    """It is on no note, and does not get into stock."""
