"""The tables of challenges: those that were used, and the keys that seal them."""

from datetime import datetime

from sqlalchemy import LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from pki.store.database import UtcDateTime
from verifier.store.base import Base


class UsedChallengeRow(Base):
    """A nonce that served an attempt, known by the SHA-256 of its text."""

    __tablename__ = "used_challenges"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    used_at: Mapped[datetime] = mapped_column(UtcDateTime(), index=True)


class ChallengeKeyRow(Base):
    """The key by which the nonces of one day (UTC) are told from others' inventions."""

    __tablename__ = "challenge_keys"

    day: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """Days since 1970-01-01."""
    secret: Mapped[bytes] = mapped_column(LargeBinary(32))
