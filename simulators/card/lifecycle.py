"""The card's life cycle (GlobalPlatform Card Specification 2.3.1, clause 5.1)."""

from enum import IntEnum, unique


@unique
class LifeCycle(IntEnum):
    """States with the coding of GPCS table 11-6."""

    OP_READY = 0x01
    INITIALIZED = 0x07
    SECURED = 0x0F
    CARD_LOCKED = 0x7F
    TERMINATED = 0xFF


_NEXT: dict[LifeCycle, frozenset[LifeCycle]] = {
    LifeCycle.OP_READY: frozenset({LifeCycle.INITIALIZED, LifeCycle.SECURED}),
    LifeCycle.INITIALIZED: frozenset({LifeCycle.SECURED}),
    LifeCycle.SECURED: frozenset({LifeCycle.CARD_LOCKED}),
    LifeCycle.CARD_LOCKED: frozenset({LifeCycle.SECURED}),
    LifeCycle.TERMINATED: frozenset(),
}


def may_follow(state: LifeCycle, after: LifeCycle) -> bool:
    """Whether a card in state `after` may go to `state`; only a locked card may go back, to SECURED."""
    if state is LifeCycle.TERMINATED:
        return after is not LifeCycle.TERMINATED
    return state in _NEXT[after]
