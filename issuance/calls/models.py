"""Pass phrases: stretched, counted, for one call."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from issuance.database import Base
from issuance.identifiers import LENGTH as IDENTIFIER_LENGTH
from issuance.lifecycle.models import CARD_NUMBER_LENGTH
from issuance.operators.models import USERNAME_LENGTH
from pki.store.database import UtcDateTime
from pki.store.encrypted import EncryptedText


class PassPhrase(Base):
    """What the holder of a card says on the telephone. Of a card, not of a person: it ends with the card."""

    __tablename__ = "pass_phrases"
    __table_args__ = (
        CheckConstraint("wrong >= 0", "wrong"),
        CheckConstraint("locked_at IS NULL OR wrong > 0", "locked"),
    )

    card_number: Mapped[str] = mapped_column(
        String(CARD_NUMBER_LENGTH), ForeignKey("cards.card_number"), primary_key=True
    )
    phrase_hash: Mapped[str] = mapped_column(EncryptedText("pass_phrases.phrase_hash"))
    """Stretched as passwords are, over its one spelling."""
    wrong: Mapped[int] = mapped_column(default=0)
    """Tries since the last right one; each is counted before it is known to be wrong."""
    locked_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    """After too many of them; another is agreed in person."""
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    """An operator has heard it: it is good for nothing any more."""
    agreed_by: Mapped[str] = mapped_column(String(USERNAME_LENGTH), ForeignKey("operators.username"))
    agreed_at: Mapped[datetime] = mapped_column(UtcDateTime())
    check_id: Mapped[str] = mapped_column(String(IDENTIFIER_LENGTH), ForeignKey("identity_checks.id"))
    """Of the holder, who was there."""
