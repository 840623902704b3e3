"""The outbox."""

from datetime import datetime
from enum import StrEnum, unique

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from issuance.database import Base, one_of
from issuance.identifiers import LENGTH as IDENTIFIER_LENGTH
from pki.store.database import UtcDateTime

KEY_LENGTH = 80
TEMPLATE_LENGTH = 40
FAILURE_LENGTH = 40
_WORD_LENGTH = 16


@unique
class Channel(StrEnum):
    """How a message reaches its holder."""

    SMS = "sms"
    LETTER = "letter"


@unique
class NoticeState(StrEnum):
    """Where a message stands."""

    WAITING = "waiting"
    """To be sent when it is due: at first, or again."""
    SENT = "sent"
    """The sender has taken it."""
    FAILED = "failed"
    """Tried too often; `retry` lets it wait again."""


_WAITING = text("state = 'waiting'")


class Notice(Base):
    """One message to one holder. It names nobody: the reference leads to the person inside the registry."""

    __tablename__ = "notices"
    __table_args__ = (
        CheckConstraint(one_of("state", [state.value for state in NoticeState]), "state"),
        CheckConstraint(one_of("channel", [channel.value for channel in Channel]), "channel"),
        CheckConstraint("(state = 'sent') = (sent_at IS NOT NULL)", "sent"),
        CheckConstraint("tries >= 0 AND (state = 'waiting' OR tries > 0)", "tries"),
        CheckConstraint("state <> 'failed' OR failure IS NOT NULL", "failed_for_a_reason"),
        Index("ix_notices_due", "due_at", "key", sqlite_where=_WAITING, postgresql_where=_WAITING),
    )

    key: Mapped[str] = mapped_column(String(KEY_LENGTH), primary_key=True)
    """The idempotency key: whoever gets a message twice knows it by this. Made of identifiers alone."""
    application_id: Mapped[str] = mapped_column(
        String(IDENTIFIER_LENGTH), ForeignKey("applications.id"), index=True
    )
    """The reference to the person."""
    channel: Mapped[str] = mapped_column(String(_WORD_LENGTH))
    template: Mapped[str] = mapped_column(String(TEMPLATE_LENGTH))
    """A `Template`'s value; its texts are fixed."""
    state: Mapped[str] = mapped_column(String(_WORD_LENGTH))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    due_at: Mapped[datetime] = mapped_column(UtcDateTime())
    """Not tried before then; while somebody sends it, the end of their lease."""
    tries: Mapped[int] = mapped_column(default=0)
    failure: Mapped[str | None] = mapped_column(String(FAILURE_LENGTH))
    """Why the last try failed, in a word."""
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
