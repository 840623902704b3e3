"""Citizens' sessions: short, and no operator's."""

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from issuance.database import Base
from issuance.registry.models import national_code_type
from pki.store.database import UtcDateTime

_DIGEST_LENGTH = 64


class CitizenSession(Base):
    """A login with a national card; only the SHA-256 of its token is kept."""

    __tablename__ = "citizen_sessions"

    token_digest: Mapped[str] = mapped_column(String(_DIGEST_LENGTH), primary_key=True)
    national_code: Mapped[str] = mapped_column(
        national_code_type(), ForeignKey("citizens.national_code"), index=True
    )
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime(), index=True)
