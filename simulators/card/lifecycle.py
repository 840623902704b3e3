"""The card's life cycle (GlobalPlatform Card Specification 2.3.1, section 5.1, coding of table 11-6)."""

from enum import IntEnum, unique


@unique
class LifeCycle(IntEnum):
    """Card life cycle states.

    OP_READY and INITIALIZED are before issuance: the card is personalised. SECURED is the card in its
    holder's hand. CARD_LOCKED is one that may come back to SECURED, TERMINATED one that never does.
    """

    OP_READY = 0x01
    INITIALIZED = 0x07
    SECURED = 0x0F
    CARD_LOCKED = 0x7F
    TERMINATED = 0xFF


# Figure 5-1. Nothing leads back from SECURED to personalisation, and nothing away from TERMINATED.
_NEXT: dict[LifeCycle, frozenset[LifeCycle]] = {
    LifeCycle.OP_READY: frozenset({LifeCycle.INITIALIZED, LifeCycle.TERMINATED}),
    LifeCycle.INITIALIZED: frozenset({LifeCycle.SECURED, LifeCycle.TERMINATED}),
    LifeCycle.SECURED: frozenset({LifeCycle.CARD_LOCKED, LifeCycle.TERMINATED}),
    LifeCycle.CARD_LOCKED: frozenset({LifeCycle.SECURED, LifeCycle.TERMINATED}),
    LifeCycle.TERMINATED: frozenset(),
}


def may_become(current: LifeCycle, wanted: LifeCycle) -> bool:
    """Whether the card may go from `current` to `wanted` in one step; staying is no step."""
    return wanted in _NEXT[current]


def is_in_personalisation(state: LifeCycle) -> bool:
    """Whether the card is still with its issuer."""
    return state in (LifeCycle.OP_READY, LifeCycle.INITIALIZED)


def runs_applications(state: LifeCycle) -> bool:
    """Whether applications other than the issuer security domain may be used (section 5.1.1.4 and .5)."""
    return state not in (LifeCycle.CARD_LOCKED, LifeCycle.TERMINATED)
