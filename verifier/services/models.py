"""The table of relying sites."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from pki.store.database import UtcDateTime
from verifier.store.base import Base

NAME_LIMIT = 100
SITE_ID_LENGTH = 16


class Site(Base):
    """A registered site. Its API key is known only by a hash."""

    __tablename__ = "sites"

    site_id: Mapped[str] = mapped_column(String(SITE_ID_LENGTH), primary_key=True)
    name: Mapped[str] = mapped_column(String(NAME_LIMIT), unique=True)
    origin: Mapped[str] = mapped_column(String(255))
    policy: Mapped[str] = mapped_column(String(32))
    key_hash: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
