"""The table of challenges."""

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from pki.store.database import UtcDateTime
from verifier.services.models import SITE_ID_LENGTH, Site
from verifier.store.base import Base


class ChallengeRow(Base):
    """One issued nonce, known by the SHA-256 of its text."""

    __tablename__ = "challenges"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    site_id: Mapped[str] = mapped_column(String(SITE_ID_LENGTH), ForeignKey(Site.site_id))
    origin: Mapped[str] = mapped_column(String(255))
    issued_at: Mapped[datetime] = mapped_column(UtcDateTime())
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime(), index=True)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
