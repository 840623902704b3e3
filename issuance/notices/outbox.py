"""Putting messages into the outbox, in the transaction of what they tell of."""

from datetime import datetime

from sqlalchemy import ColumnElement, Select, exists, func, insert, literal, select, update
from sqlalchemy.orm import Session

from issuance.errors import InvalidInputError, NotFoundError
from issuance.notices.models import KEY_LENGTH, Channel, Notice, NoticeState
from issuance.notices.templates import Template

_COLUMNS = ("key", "application_id", "channel", "template", "state", "created_at", "due_at", "tries")


def put(
    session: Session, key: str, application_id: str, template: Template, channel: Channel, now: datetime
) -> bool:
    """Adds a message unless one with this key is there; whether it was added.

    `key` says what is told of, with identifiers and no personal data; at most 80 characters. Raises
    InvalidInputError.
    """
    if not 0 < len(key) <= KEY_LENGTH:
        raise InvalidInputError(f"a notice's key has 1 to {KEY_LENGTH} characters")
    if session.get(Notice, key) is not None:
        return False
    session.add(
        Notice(
            key=key,
            application_id=application_id,
            channel=channel.value,
            template=template.value,
            state=NoticeState.WAITING.value,
            created_at=now,
            due_at=now,
            tries=0,
        )
    )
    return True


def put_selected(
    session: Session,
    chosen: Select[str],
    key: tuple[str, str],
    template: Template,
    channel: Channel,
    now: datetime,
) -> None:
    """The same for all applications that `chosen` selects, in one statement.

    Each one's key is its identifier between the two texts of `key`.
    """
    found = chosen.distinct().subquery()
    (application,) = found.c
    keys: ColumnElement[str] = literal(key[0]) + application + literal(key[1])
    moment = literal(now, Notice.created_at.type)
    words = (literal(channel.value), literal(template.value), literal(NoticeState.WAITING.value))
    rows = select(keys, application, *words, moment, moment, literal(0)).where(
        ~exists().where(Notice.key == keys)
    )
    session.execute(insert(Notice).from_select(list(_COLUMNS), rows))


def retry(session: Session, key: str, now: datetime) -> None:
    """Lets a message that failed wait again, with all its tries. Raises NotFoundError."""
    failed = update(Notice).where(Notice.key == key, Notice.state == NoticeState.FAILED.value)
    again = {"state": NoticeState.WAITING.value, "tries": 0, "due_at": now}
    if session.scalar(failed.values(again).returning(Notice.key)) is None:
        raise NotFoundError("failed notice")


def counts(session: Session) -> dict[NoticeState, int]:
    """Messages by state."""
    found = session.execute(select(Notice.state, func.count()).group_by(Notice.state))
    return {NoticeState(state): count for state, count in found}
