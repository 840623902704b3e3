"""Second factors in the database: which code is right, and that each is taken once."""

import logging
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from issuance.operators.changes import OperatorTotp
from issuance.operators.totp import SECRET_BYTES, matching_step

_LOG = logging.getLogger(__name__)
_NOBODYS_SECRET = bytes(SECRET_BYTES)
"""A code is compared for whoever has no second factor, too: it takes as long, and opens nothing."""


@dataclass(frozen=True)
class FactorStep:
    """A right code that is not spent yet."""

    factor_id: str
    step: int


@dataclass(frozen=True)
class Matched:
    """What comparing a code has shown."""

    enrolled: bool
    """Whether the account has a second factor."""
    step: FactorStep | None = None
    """None: the code is of no step near now."""


def open_factor(session: Session, username: str, *, to_change: bool = False) -> OperatorTotp | None:
    """The account's second factor, or the one that waits for its first code.

    `to_change`: nobody else changes it before this transaction ends.
    """
    query = select(OperatorTotp).where(OperatorTotp.username == username, OperatorTotp.reset_id.is_(None))
    return session.scalars(query.with_for_update() if to_change else query).one_or_none()


def matching(session: Session, username: str, code: str, now: datetime) -> Matched:
    """Compares a code with those of the account's second factor."""
    factor = open_factor(session, username)
    if factor is None or factor.confirmed_at is None or factor.secret is None:
        matching_step(_NOBODYS_SECRET, code, now)
        return Matched(enrolled=False)
    if not factor.is_whole(session):
        _LOG.error("the second factor of operator %s: its seal is broken", username)
        return Matched(enrolled=True)
    step = matching_step(factor.secret, code, now)
    return Matched(enrolled=True, step=None if step is None else FactorStep(factor.id, step))


def spend(session: Session, found: FactorStep) -> bool:
    """Takes the code, unless it or a later one was taken before: the database compares and sets at once."""
    taken = session.execute(
        update(OperatorTotp)
        .where(
            OperatorTotp.id == found.factor_id,
            OperatorTotp.reset_id.is_(None),
            OperatorTotp.last_step < found.step,
        )
        .values(last_step=found.step)
    )
    return bool(taken.rowcount == 1)  # type: ignore[attr-defined]
