"""The table of receipts."""

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from pki.store.database import UtcDateTime
from verifier.receipts.codes import LENGTH
from verifier.receipts.proof import KEY_ID_LENGTH, SIGNATURE_BYTES
from verifier.services.models import SITE_ID_LENGTH, Site
from verifier.store.base import Base

DETAIL_LIMIT = 200


class ReceiptKeyRow(Base):
    """From when a generation of the receipt key signs. It is published before: who keeps keys has it then."""

    __tablename__ = "receipt_keys"

    generation: Mapped[int] = mapped_column(SmallInteger(), primary_key=True, autoincrement=False)
    signs_from: Mapped[datetime] = mapped_column(UtcDateTime())


class ReceiptRow(Base):
    """One attempt. It names no person; the certificate only by its fingerprint, once the login held."""

    __tablename__ = "receipts"

    code: Mapped[str] = mapped_column(String(LENGTH), primary_key=True)
    site_id: Mapped[str] = mapped_column(String(SITE_ID_LENGTH), ForeignKey(Site.site_id), index=True)
    time: Mapped[datetime] = mapped_column(UtcDateTime(), index=True)
    policy: Mapped[str] = mapped_column(String(32))
    outcome: Mapped[str] = mapped_column(String(64))
    failed_step: Mapped[int | None] = mapped_column(SmallInteger())
    certificate_sha256: Mapped[str | None] = mapped_column(String(64))
    key_id: Mapped[str | None] = mapped_column(String(KEY_ID_LENGTH))
    """None with no signature, in rows of before there were any."""
    signature: Mapped[bytes | None] = mapped_column(LargeBinary(SIGNATURE_BYTES))
    detail: Mapped[str | None] = mapped_column(String(DETAIL_LIMIT))
    """What exactly failed, for the help desk; not under the signature."""
    challenge_digest: Mapped[str | None] = mapped_column(String(64))
    """Joins attempts that answered one challenge."""
