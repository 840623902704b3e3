"""One part of the authority's action in the registry: its keys, the messages to their holders, the count.

All of it in one transaction. A part covers whole partitions of one CA's CRL, as many as fit into 50,000 keys
(`pki.massactions.parts`): that is a shard of the action.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, Select, exists, func, literal, select, tuple_, update
from sqlalchemy.orm import Session, aliased

from issuance.lifecycle.models import Card
from issuance.lifecycle.states import CardState
from issuance.massactions.models import MassAction, MassItem, MassPart
from issuance.massactions.states import OPEN_ITEMS, ItemState, Phase
from issuance.notices.models import Channel
from issuance.notices.outbox import put_selected
from issuance.notices.templates import Template
from pki.authority.transitions import Refusal
from pki.massactions.delegated import Part
from pki.massactions.effects import HELD_ANEW
from pki.store.columns import Serial

Skips = Iterable[tuple[str, Sequence[int]]]
"""Reasons of the authority, each with the serials (at most 5,000) that it left as they were."""

HELD_ELSEWHERE = "held by another action"
HELD_BY_OTHERS = "held by others"
UNKNOWN = "unknown to the authority"
STOPPED = "stopped by officers"
_WITH_HOLDERS = (CardState.ACTIVE.value, CardState.SUSPENDED.value)
_UNSYNCHRONISED = {"synchronize_session": False}


def key_prefix(action_id: str) -> str:
    """How keys of an action's messages begin."""
    return f"mass:{action_id}:"


def apply_part(session: Session, action: MassAction, phase: Phase, part: Part, skips: Skips) -> MassPart:
    """Records what the authority did of one part. The caller holds the action's row and commits."""
    span = _span(action.id, part)
    now = part.done
    if phase is Phase.HOLD:
        _apply_hold(session, action.id, span, skips)
        _tell(session, _held_cards(span), action.id, "held", Template.CARD_HELD, part)
    else:
        _apply_lift(session, span, skips)
        _tell(session, _released_cards(span), action.id, "released", Template.CARD_RELEASED, part)
    row = MassPart(
        action_id=action.id,
        round=action.round,
        part=part.number,
        phase=phase.value,
        issuer=part.issuer,
        changed=part.moved + part.reheld,
        skipped=part.skipped,
        done_at=now,
    )
    session.add(row)
    return row


def _span(action_id: str, part: Part) -> list[ColumnElement[bool]]:
    place = tuple_(MassItem.shard, MassItem.serial)
    return [
        MassItem.action_id == action_id,
        MassItem.issuer == part.issuer,
        place >= _place(part.first),
        place <= _place(part.last),
    ]


def _place(place: tuple[int, int]) -> ColumnElement[tuple[int, int]]:
    shard, serial = place
    return tuple_(literal(shard), literal(serial, Serial()))


def _apply_hold(session: Session, action_id: str, span: list[ColumnElement[bool]], skips: Skips) -> None:
    """What the authority left alone, held already, is ours if another action of ours holds it."""
    _move(session, [*span, MassItem.state == ItemState.PENDING], ItemState.HELD, None)
    for why, serials in skips:
        left = [*span, MassItem.state == ItemState.HELD, MassItem.serial.in_(serials)]
        if why == Refusal.ALREADY.value:
            _move(session, [*left, ~held_elsewhere(action_id)], ItemState.SKIPPED, HELD_BY_OTHERS)
        else:
            _move(session, left, ItemState.SKIPPED, why)


def _apply_lift(session: Session, span: list[ColumnElement[bool]], skips: Skips) -> None:
    """What somebody held anew meanwhile stays held: another round releases it."""
    _move(session, [*span, MassItem.state == ItemState.HELD], ItemState.LIFTED, None)
    for why, serials in skips:
        left = [*span, MassItem.state == ItemState.LIFTED, MassItem.serial.in_(serials)]
        if why == HELD_ANEW:
            _move(session, left, ItemState.HELD, None)
        elif why == Refusal.REVOKED.value:
            _move(session, left, ItemState.ENDED, None)
        elif why != Refusal.ALREADY.value:  # good already: an officer has released it
            _move(session, left, ItemState.LIFTED, why)


def held_elsewhere(action_id: str) -> ColumnElement[bool]:
    """Whether another action holds the same key."""
    other = aliased(MassItem)
    return exists().where(
        other.serial == MassItem.serial,
        other.state == literal(ItemState.HELD.value),
        other.action_id != action_id,
    )


def let_go_shared(session: Session, action_id: str) -> None:
    """Before a release: what another action holds too is let go here, and stays held there."""
    shared = [MassItem.action_id == action_id, MassItem.state == ItemState.HELD, held_elsewhere(action_id)]
    _move(session, shared, ItemState.LIFTED, HELD_ELSEWHERE)


def close_rest(session: Session, action_id: str, state: ItemState, to: ItemState, why: str) -> None:
    """What the authority did not decide about."""
    _move(session, [MassItem.action_id == action_id, MassItem.state == state], to, why)


def count_in(session: Session, action_id: str, state: ItemState) -> int:
    """Keys of the action in a state."""
    query = select(func.count()).where(MassItem.action_id == action_id, MassItem.state == state)
    return session.scalar(query) or 0


def _move(session: Session, rows: list[ColumnElement[bool]], state: ItemState, why: str | None) -> None:
    statement = update(MassItem).where(*rows).values(state=state.value, why=why)
    session.execute(statement, execution_options=_UNSYNCHRONISED)


def _held_cards(span: list[ColumnElement[bool]]) -> Select[str]:
    return _cards(span).where(MassItem.state == ItemState.HELD)


def _released_cards(span: list[ColumnElement[bool]]) -> Select[str]:
    """Those of which no key is held any more, by this action or another."""
    other = aliased(MassItem)
    open_ones = exists().where(other.card_number == MassItem.card_number, other.state.in_(OPEN_ITEMS))
    freed = (MassItem.state == ItemState.LIFTED) & MassItem.why.is_(None)
    return _cards(span).where(freed, ~open_ones, Card.state == CardState.ACTIVE)


def _cards(span: list[ColumnElement[bool]]) -> Select[str]:
    """Applications of the span's cards that their holders have."""
    joined = select(Card.application_id).join(MassItem, MassItem.card_number == Card.card_number)
    return joined.where(*span, Card.state.in_(_WITH_HOLDERS))


def _tell(
    session: Session, cards: Select[str], action_id: str, what: str, template: Template, part: Part
) -> None:
    key = (key_prefix(action_id), f":{what}")
    put_selected(session, cards, key, template, Channel.SMS, part.done)
