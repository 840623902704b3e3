"""Citizens' sessions: short, and no operator's."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from issuance.database import Base
from issuance.registry.models import national_code_type
from issuance.sealedrows import SealedRow
from pki.store.database import UtcDateTime

_DIGEST_LENGTH = 64


class CitizenSession(SealedRow, Base):
    """A login with a national card; only a keyed digest of its token is kept."""

    SEALED: ClassVar = ("token_digest", "national_code", "expires_at")
    SEALED_AS: ClassVar = "session"
    WAY_ON: ClassVar = "sign in anew"

    __tablename__ = "citizen_sessions"

    token_digest: Mapped[str] = mapped_column(String(_DIGEST_LENGTH), primary_key=True)
    national_code: Mapped[str] = mapped_column(
        national_code_type(), ForeignKey("citizens.national_code"), index=True
    )
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime(), index=True)
