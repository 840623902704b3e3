"""A body becomes a card, or waste: the part of stock that production does, in its own transactions."""

from enum import StrEnum, unique

from sqlalchemy.orm import Session

from issuance.stock.models import Body
from issuance.stock.repository import Hand, lock_bodies, move_bodies
from issuance.stock.states import ON_HAND, SPENT, BodyEvent, BodyState


@unique
class Obstacle(StrEnum):
    """Why no card may be begun on a body."""

    UNKNOWN = "unknown"
    SPENT = "spent"
    ELSEWHERE = "elsewhere"
    RESERVED = "reserved"


def obstacle(body: Body | None, office: str, application_id: str) -> Obstacle | None:
    """What speaks against a card on this body for that order of that office; None if nothing does."""
    if body is None:
        return Obstacle.UNKNOWN
    if body.state in SPENT:
        return Obstacle.SPENT
    if body.office != office or body.state not in ON_HAND:
        return Obstacle.ELSEWHERE
    reserved = body.state == BodyState.RESERVED
    return Obstacle.RESERVED if reserved and body.application_id != application_id else None


def take_body(session: Session, serial: str, hand: Hand) -> None:
    """Spends the body. The caller has found no obstacle, in the same transaction, after `lock_bodies`."""
    move_bodies(session, lock_bodies(session, [serial]), BodyEvent.TAKE, hand)


def void_body(session: Session, serial: str, hand: Hand) -> None:
    """What was begun on it is void: waste, to be destroyed."""
    move_bodies(session, lock_bodies(session, [serial]), BodyEvent.VOID, hand)
