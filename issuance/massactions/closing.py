"""What happens to a card that is in mass actions, in the transactions of those who do it."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from issuance.lifecycle.models import Card
from issuance.massactions.applying import key_prefix
from issuance.massactions.errors import CardHeldError
from issuance.massactions.models import MassItem
from issuance.massactions.states import OPEN_ITEMS, ItemState
from issuance.notices.models import Channel
from issuance.notices.outbox import put
from issuance.notices.templates import Template


def require_not_held(session: Session, card_number: str) -> None:
    """Raises CardHeldError while a mass action holds a key of the card."""
    query = select(MassItem.action_id).where(
        MassItem.card_number == card_number, MassItem.state == ItemState.HELD
    )
    action_id = session.scalar(query.limit(1))
    if action_id is not None:
        raise CardHeldError(action_id)


def holds_on(session: Session, cards: Collection[str]) -> dict[str, str]:
    """By card number, the mass action that holds a key of the card."""
    query = select(MassItem.card_number, MassItem.action_id).where(
        MassItem.card_number.in_(cards), MassItem.state == ItemState.HELD
    )
    return {row.card_number: row.action_id for row in session.execute(query)}


def close_rekeyed(session: Session, card: Card, slot: str, serial: int, now: datetime) -> None:
    """The slot has the key of certificate `serial` now: with the key before it no action goes on.

    The holder is told when it was the card's last.
    """
    key = [*_open(card.card_number), MassItem.slot == slot, MassItem.serial != serial]
    closed = _close(session, key, ItemState.REKEYED)
    left = session.scalar(select(MassItem.action_id).where(*_open(card.card_number)).limit(1))
    if not closed or left is not None:
        return
    key_of_notice = f"{key_prefix(min(closed))}{card.application_id}:rekeyed"
    put(session, key_of_notice, card.application_id, Template.CARD_REKEYED, Channel.SMS, now)


def close_ended(session: Session, card_number: str) -> None:
    """The card was revoked or voided: no action goes on with any of its keys."""
    _close(session, _open(card_number), ItemState.ENDED)


def _open(card_number: str) -> list[ColumnElement[bool]]:
    return [MassItem.card_number == card_number, MassItem.state.in_(OPEN_ITEMS)]


def _close(session: Session, rows: list[ColumnElement[bool]], state: ItemState) -> set[str]:
    """The actions in which something was closed."""
    closed = update(MassItem).where(*rows).values(state=state.value).returning(MassItem.action_id)
    return set(session.scalars(closed, execution_options={"synchronize_session": False}))
