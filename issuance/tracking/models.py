"""Wrong tries at a tracking code, counted for all processes."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from issuance.database import Base
from pki.store.database import UtcDateTime

_DIGEST_LENGTH = 64


class StatusTries(Base):
    """How often a code was asked for with what did not belong to it, since a moment."""

    __tablename__ = "status_tries"

    code_digest: Mapped[str] = mapped_column(String(_DIGEST_LENGTH), primary_key=True)
    """SHA-256 of the code, whether there is such a code or not."""
    since: Mapped[datetime] = mapped_column(UtcDateTime(), index=True)
    wrong: Mapped[int]
