"""The authority's tables."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from pki.auditchain import AuditEntryColumns
from pki.store.database import UtcDateTime, new_metadata

SERIAL_DIGITS = 32
_NAME = 64
_HASH_BYTES = 32


class Base(DeclarativeBase):
    """Base of the authority's models."""

    metadata = new_metadata()


class Issuer(Base):
    """A CA of this installation. `status_version` rises whenever what its next CRL says changes."""

    __tablename__ = "issuers"

    name: Mapped[str] = mapped_column(String(_NAME), primary_key=True)
    status_version: Mapped[int] = mapped_column(BigInteger)
    crl_number: Mapped[int] = mapped_column(BigInteger)


class Intent(Base):
    """A serial reserved and the exact bytes to be signed, recorded before anything is signed.

    `outcome` goes from pending to issued or refused, once.
    """

    __tablename__ = "intents"

    request_id: Mapped[str] = mapped_column(String(_NAME), primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary(_HASH_BYTES))
    serial: Mapped[str] = mapped_column(String(SERIAL_DIGITS), unique=True)
    issuer: Mapped[str] = mapped_column(ForeignKey(Issuer.name))
    profile: Mapped[str] = mapped_column(String(_NAME))
    key_hash: Mapped[bytes] = mapped_column(LargeBinary(_HASH_BYTES), index=True)
    holder_hash: Mapped[bytes] = mapped_column(LargeBinary(_HASH_BYTES))
    tbs: Mapped[bytes] = mapped_column(LargeBinary)
    on_hold: Mapped[bool]
    actor: Mapped[str] = mapped_column(String(128))
    created: Mapped[datetime] = mapped_column(UtcDateTime())
    outcome: Mapped[str] = mapped_column(String(16), index=True)
    refused_by: Mapped[str | None] = mapped_column(String(_NAME))


class CertificateRow(Base):
    """An issued certificate and its status."""

    __tablename__ = "certificates"
    __table_args__ = (Index(None, "issuer", "status", "not_after"),)

    serial: Mapped[str] = mapped_column(String(SERIAL_DIGITS), primary_key=True)
    request_id: Mapped[str] = mapped_column(ForeignKey(Intent.request_id), unique=True)
    issuer: Mapped[str] = mapped_column(ForeignKey(Issuer.name))
    profile: Mapped[str] = mapped_column(String(_NAME))
    der: Mapped[bytes] = mapped_column(LargeBinary)
    not_before: Mapped[datetime] = mapped_column(UtcDateTime())
    not_after: Mapped[datetime] = mapped_column(UtcDateTime())
    status: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(String(32))
    since: Mapped[datetime] = mapped_column(UtcDateTime())
    activated: Mapped[bool] = mapped_column()
    """Whether it was ever good: a first hold ends with delivery, a later one with resumption."""


class CrlRow(Base):
    """A published CRL; the newest number is the one served."""

    __tablename__ = "crls"

    issuer: Mapped[str] = mapped_column(ForeignKey(Issuer.name), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    status_version: Mapped[int] = mapped_column(BigInteger)
    this_update: Mapped[datetime] = mapped_column(UtcDateTime())
    next_update: Mapped[datetime] = mapped_column(UtcDateTime())
    der: Mapped[bytes] = mapped_column(LargeBinary)


class AuditEntry(AuditEntryColumns, Base):
    """What the authority did, hash-linked."""

    __tablename__ = "audit"


def serial_key(serial: int) -> str:
    """A serial as the tables hold it: 32 hexadecimal digits."""
    return f"{serial:0{SERIAL_DIGITS}x}"
