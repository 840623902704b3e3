"""Operators and their sessions."""

from datetime import datetime
from enum import StrEnum, unique
from typing import ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from issuance.database import Base, one_of
from issuance.identifiers import LENGTH as IDENTIFIER_LENGTH
from issuance.offices.models import FIRST_OFFICE, OFFICE_CODE_LENGTH
from issuance.sealedrows import SealedRow
from pki.store.database import UtcDateTime
from pki.store.encrypted import EncryptedText

USERNAME_LENGTH = 64
ROLE_LENGTH = 16
STATE_LENGTH = 16
_METHOD_LENGTH = 16
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


@unique
class AccountState(StrEnum):
    """Whether an account can be used."""

    ACTIVE = "active"
    LOCKED = "locked"


@unique
class Method(StrEnum):
    """How somebody signed in."""

    PASSWORD = "password"  # noqa: S105 - a word, no secret
    PASSWORD_TOTP = "password+totp"  # noqa: S105
    """With the code of an authenticator app (RFC 6238)."""
    CARD = "card"


class Operator(SealedRow, Base):
    """Someone who works with the registry.

    The first ones come from the installation. Whatever becomes of an account afterwards names the change
    that two administrators made; the database refuses anything else. An account that was written past the
    registry opens nothing.
    """

    SEALED: ClassVar = (
        *("username", "role", "office", "state", "password_hash"),
        *("change_id", "change_confirmed_by"),
    )
    SEALED_AS: ClassVar = "account"
    WAY_ON: ClassVar = "open another one for them"

    __tablename__ = "operators"
    __table_args__ = (
        CheckConstraint(one_of("state", [state.value for state in AccountState]), "state"),
        CheckConstraint("(change_id IS NULL) = (change_confirmed_by IS NULL)", "changed_by_two"),
        ForeignKeyConstraint(
            ["change_id", "username", "role", "office", "state", "change_confirmed_by"],
            [
                "operator_changes.id",
                "operator_changes.username",
                "operator_changes.role",
                "operator_changes.office",
                "operator_changes.state",
                "operator_changes.confirmed_by",
            ],
            name="fk_operators_change",
            use_alter=True,
        ),
    )

    username: Mapped[str] = mapped_column(String(USERNAME_LENGTH), primary_key=True)
    role: Mapped[str] = mapped_column(String(ROLE_LENGTH))
    office: Mapped[str] = mapped_column(
        String(OFFICE_CODE_LENGTH), ForeignKey("offices.code"), index=True, default=FIRST_OFFICE
    )
    state: Mapped[str] = mapped_column(String(STATE_LENGTH), default=AccountState.ACTIVE.value)
    password_hash: Mapped[str] = mapped_column(EncryptedText("operators.password_hash"))
    change_id: Mapped[str | None] = mapped_column(String(IDENTIFIER_LENGTH))
    """The last change; None: as the installation made it."""
    change_confirmed_by: Mapped[str | None] = mapped_column(String(USERNAME_LENGTH))

    @property
    def is_active(self) -> bool:
        """Whether it can be used."""
        return self.state == AccountState.ACTIVE


class OperatorSession(SealedRow, Base):
    """A login; only a keyed digest of its token is kept."""

    SEALED: ClassVar = ("token_digest", "username", "expires_at", "method", "proved_at")
    SEALED_AS: ClassVar = "session"
    WAY_ON: ClassVar = "sign in anew"

    __tablename__ = "operator_sessions"
    __table_args__ = (CheckConstraint(one_of("method", [method.value for method in Method]), "method"),)

    token_digest: Mapped[str] = mapped_column(String(_DIGEST_LENGTH), primary_key=True)
    username: Mapped[str] = mapped_column(ForeignKey("operators.username"), index=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime(), index=True)
    method: Mapped[str] = mapped_column(String(_METHOD_LENGTH), default=Method.PASSWORD.value)
    proved_at: Mapped[datetime] = mapped_column(UtcDateTime())
    """When its operator last proved who they are."""
    operator: Mapped[Operator] = relationship()
