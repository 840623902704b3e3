"""Changes of accounts: one administrator proposes, another confirms. The rules stand as constraints."""

from datetime import datetime
from enum import StrEnum, unique
from typing import ClassVar

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from issuance.database import Base, one_of
from issuance.identifiers import LENGTH as IDENTIFIER_LENGTH
from issuance.offices.models import OFFICE_CODE_LENGTH
from issuance.operators.models import ROLE_LENGTH, STATE_LENGTH, USERNAME_LENGTH, AccountState
from issuance.sealedrows import SealedRow
from pki.store.database import UtcDateTime
from pki.store.encrypted import EncryptedBytes

_SERIAL_LENGTH = 40
_DIGEST_LENGTH = 64
_CARD_NUMBER_LENGTH = 10


@unique
class ChangeKind(StrEnum):
    """What is to become of an account."""

    CREATE = "create"
    CHANGE = "change"
    """Another role or office."""
    LOCK = "lock"
    UNLOCK = "unlock"
    CARD = "card"
    """It gets a card; the one before ends."""
    TOTP_RESET = "totp-reset"
    """Its second factor ends: the phone is lost."""


class OperatorChange(SealedRow, Base):
    """One proposal, with the account as it is to be."""

    SEALED: ClassVar = (
        *("id", "kind", "username", "role", "office", "state", "based_on"),
        *("proposed_by", "confirmed_by"),
    )
    SEALED_AS: ClassVar = "change of the account"
    WAY_ON: ClassVar = "propose it anew"

    __tablename__ = "operator_changes"
    __table_args__ = (
        CheckConstraint(one_of("kind", [kind.value for kind in ChangeKind]), "kind"),
        CheckConstraint(one_of("state", [state.value for state in AccountState]), "state"),
        CheckConstraint("confirmed_by IS NULL OR confirmed_by <> proposed_by", "two_people"),
        CheckConstraint(
            "username <> proposed_by AND (confirmed_by IS NULL OR username <> confirmed_by)",
            "not_own_account",
        ),
        CheckConstraint("(confirmed_by IS NULL) = (confirmed_at IS NULL)", "confirmed"),
        CheckConstraint("confirmed_at IS NULL OR withdrawn_at IS NULL", "one_end"),
        CheckConstraint("card_number IS NULL OR (kind = 'card' AND confirmed_at IS NOT NULL)", "card_number"),
        UniqueConstraint(
            "id", "username", "role", "office", "state", "confirmed_by", name="uq_operator_changes_account"
        ),
        UniqueConstraint("id", "username", "kind", "confirmed_by", name="uq_operator_changes_card"),
    )

    id: Mapped[str] = mapped_column(String(IDENTIFIER_LENGTH), primary_key=True)
    version: Mapped[int] = mapped_column()
    kind: Mapped[str] = mapped_column(String(ROLE_LENGTH))
    username: Mapped[str] = mapped_column(String(USERNAME_LENGTH), index=True)
    role: Mapped[str] = mapped_column(String(ROLE_LENGTH))
    office: Mapped[str] = mapped_column(String(OFFICE_CODE_LENGTH), ForeignKey("offices.code"))
    state: Mapped[str] = mapped_column(String(STATE_LENGTH))
    based_on: Mapped[str | None] = mapped_column(String(IDENTIFIER_LENGTH))
    """The account's last change when this was proposed; a trigger lets it follow on no other."""
    proposed_by: Mapped[str] = mapped_column(String(USERNAME_LENGTH), ForeignKey("operators.username"))
    proposed_at: Mapped[datetime] = mapped_column(UtcDateTime())
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime())
    confirmed_by: Mapped[str | None] = mapped_column(
        String(USERNAME_LENGTH), ForeignKey("operators.username")
    )
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    card_number: Mapped[str | None] = mapped_column(String(_CARD_NUMBER_LENGTH), unique=True)
    """Of a card: the body that was taken for it."""

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads it from the class


class OperatorCard(Base):
    """A certificate on an operator's card. Its change was confirmed by two people, or there is no row."""

    __tablename__ = "operator_cards"
    __table_args__ = (
        CheckConstraint("kind = 'card'", "kind"),
        ForeignKeyConstraint(
            ["change_id", "username", "kind", "confirmed_by"],
            [
                "operator_changes.id",
                "operator_changes.username",
                "operator_changes.kind",
                "operator_changes.confirmed_by",
            ],
            name="fk_operator_cards_change",
        ),
    )

    change_id: Mapped[str] = mapped_column(String(IDENTIFIER_LENGTH), primary_key=True)
    serial: Mapped[str] = mapped_column(String(_SERIAL_LENGTH), unique=True)
    """The certificate's, in hexadecimal digits."""
    certificate_sha256: Mapped[str] = mapped_column(String(_DIGEST_LENGTH))
    username: Mapped[str] = mapped_column(
        String(USERNAME_LENGTH), ForeignKey("operators.username"), index=True
    )
    kind: Mapped[str] = mapped_column(String(ROLE_LENGTH), default=ChangeKind.CARD.value)
    confirmed_by: Mapped[str] = mapped_column(String(USERNAME_LENGTH))
    issued_at: Mapped[datetime] = mapped_column(UtcDateTime())
    not_after: Mapped[datetime] = mapped_column(UtcDateTime())
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime())


class OperatorTotp(SealedRow, Base):
    """The key of an operator's authenticator app, and the last of its codes that was taken.

    It counts from its first right code on. A trigger then keeps the key, and lets no step be taken again; a
    change of two administrators ends it.
    """

    SEALED: ClassVar = ("id", "username", "secret")
    SEALED_AS: ClassVar = "second factor"
    WAY_ON: ClassVar = "two administrators end it"

    __tablename__ = "operator_totps"
    __table_args__ = (
        CheckConstraint("(confirmed_at IS NULL) = (last_step IS NULL)", "confirmed"),
        CheckConstraint("(reset_id IS NULL) = (reset_by IS NULL)", "reset_by_two"),
        CheckConstraint("(reset_id IS NULL) = (reset_kind IS NULL)", "reset"),
        CheckConstraint("reset_kind = 'totp-reset'", "reset_kind"),
        CheckConstraint("(secret IS NULL) = (reset_id IS NOT NULL)", "forgotten"),
        ForeignKeyConstraint(
            ["reset_id", "username", "reset_kind", "reset_by"],
            [
                "operator_changes.id",
                "operator_changes.username",
                "operator_changes.kind",
                "operator_changes.confirmed_by",
            ],
            name="fk_operator_totps_reset",
        ),
        Index(
            "uq_operator_totps_open",
            "username",
            unique=True,
            sqlite_where=text("reset_id IS NULL"),
            postgresql_where=text("reset_id IS NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(String(IDENTIFIER_LENGTH), primary_key=True)
    username: Mapped[str] = mapped_column(String(USERNAME_LENGTH), ForeignKey("operators.username"))
    secret: Mapped[bytes | None] = mapped_column(EncryptedBytes("operator_totps.secret"))
    """None: it has ended."""
    started_at: Mapped[datetime] = mapped_column(UtcDateTime())
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    last_step: Mapped[int | None] = mapped_column(BigInteger)
    reset_id: Mapped[str | None] = mapped_column(String(IDENTIFIER_LENGTH))
    reset_kind: Mapped[str | None] = mapped_column(String(ROLE_LENGTH))
    reset_by: Mapped[str | None] = mapped_column(String(USERNAME_LENGTH))
