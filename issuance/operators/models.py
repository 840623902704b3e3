"""Operators and their sessions."""

from datetime import datetime
from enum import StrEnum, unique

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from issuance.database import Base
from issuance.offices.models import FIRST_OFFICE, OFFICE_CODE_LENGTH
from pki.store.database import UtcDateTime
from pki.store.encrypted import EncryptedText

USERNAME_LENGTH = 64
_ROLE_LENGTH = 16
_DIGEST_LENGTH = 64


@unique
class Role(StrEnum):
    """What an operator's work is."""

    CLERK = "clerk"
    SUPERVISOR = "supervisor"
    PRODUCTION = "production"
    STOCK = "stock"
    PKI_OFFICER = "pki-officer"
    """Authorities and certificates."""
    AUDITOR = "auditor"
    """Reads everything, in all offices, and changes nothing."""
    ADMINISTRATOR = "administrator"
    """Machines and accounts, nobody's card."""


NATIONWIDE = frozenset({Role.AUDITOR, Role.PKI_OFFICER})
"""Roles whose work is confined to no office."""


class Operator(Base):
    """Someone who works with the registry."""

    __tablename__ = "operators"

    username: Mapped[str] = mapped_column(String(USERNAME_LENGTH), primary_key=True)
    role: Mapped[str] = mapped_column(String(_ROLE_LENGTH))
    office: Mapped[str] = mapped_column(
        String(OFFICE_CODE_LENGTH), ForeignKey("offices.code"), index=True, default=FIRST_OFFICE
    )
    password_hash: Mapped[str] = mapped_column(EncryptedText("operators.password_hash"))


class OperatorSession(Base):
    """A login; only the SHA-256 of its token is kept."""

    __tablename__ = "operator_sessions"

    token_digest: Mapped[str] = mapped_column(String(_DIGEST_LENGTH), primary_key=True)
    username: Mapped[str] = mapped_column(ForeignKey("operators.username"), index=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime(), index=True)
    operator: Mapped[Operator] = relationship()
