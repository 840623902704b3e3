"""Bookkeeping of bodies, pure: flows between states in, a balance out, and whether it adds up."""

from collections.abc import Iterable
from dataclasses import dataclass

from issuance.stock.states import ON_HAND, BodyState

_USED = frozenset({BodyState.USED})
_SPOILED = frozenset({BodyState.SPOILED, BodyState.CONDEMNED})
_DESTROYED = frozenset({BodyState.DESTROYED})
_TRANSIT = frozenset({BodyState.IN_TRANSIT})


@dataclass(frozen=True)
class Flow:
    """So many bodies went from one state and office to others; None is outside of the registry's stock."""

    from_state: BodyState | None
    from_office: str | None
    to_state: BodyState
    to_office: str
    bodies: int


@dataclass(frozen=True)
class Balance:
    """One office in a period: what the ledger says happened, and what is there at its end."""

    office: str
    opening: int
    """On hand when the period began."""
    received: int
    """From suppliers, and from other offices."""
    sent: int
    """To other offices."""
    used: int
    spoiled: int
    """Net of those that were destroyed since."""
    destroyed: int
    on_hand: int
    """In stock and reserved, counted one by one and not by the ledger."""

    @property
    def expected(self) -> int:
        """What must be on hand by the ledger."""
        return self.opening + self.received - self.sent - self.used - self.spoiled - self.destroyed

    @property
    def adds_up(self) -> bool:
        """Whether opening + received − sent − used − spoiled − destroyed = on hand."""
        return self.expected == self.on_hand


def balance(office: str, opening: int, flows: Iterable[Flow], on_hand: int) -> Balance:
    """The office's balance over the flows of a period."""
    own = [flow for flow in flows if office in {flow.from_office, flow.to_office}]
    return Balance(
        office=office,
        opening=opening,
        received=_received(own, office),
        sent=sum(flow.bodies for flow in own if flow.from_office == office != flow.to_office),
        used=_net(own, _USED),
        spoiled=_net(own, _SPOILED),
        destroyed=_net(own, _DESTROYED),
        on_hand=on_hand,
    )


def _received(flows: list[Flow], office: str) -> int:
    """Of a supplier, whatever became of it at once, or out of transit."""
    return sum(
        flow.bodies
        for flow in flows
        if flow.to_office == office and (flow.from_state is None or _arrives(flow))
    )


def _arrives(flow: Flow) -> bool:
    return flow.from_state in _TRANSIT and flow.to_state in ON_HAND


def _net(flows: list[Flow], account: frozenset[BodyState]) -> int:
    """Bodies that came into the account, less those that left it."""
    came = sum(flow.bodies for flow in flows if flow.to_state in account)
    left = sum(flow.bodies for flow in flows if flow.from_state in account)
    return came - left
