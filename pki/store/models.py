"""The authority's tables."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from pki.auditchain import AuditEntryColumns, CheckpointColumns, MerkleNodeColumns, Record
from pki.store.columns import Serial, UtcSeconds
from pki.store.database import UtcDateTime, new_metadata

_NAME = 64
_ACTOR = 128
_KEY_URI = 512
_HASH_BYTES = 32
_SALT_BYTES = 32
_CRL_NAME = 80
"""An issuer's name, a partition, `-delta`."""

_PENDING = text("outcome = 'pending'")
_LISTED = text("reason IS NOT NULL")
_CHANGED = text("changed > 0")


class Base(DeclarativeBase):
    """Base of the authority's models."""

    metadata = new_metadata()


class KeyRow(Base):
    """A private key of this installation: its name and the URI under which its key store opens it."""

    __tablename__ = "keys"

    name: Mapped[str] = mapped_column(String(_NAME), primary_key=True)
    uri: Mapped[str] = mapped_column(String(_KEY_URI))
    created: Mapped[datetime] = mapped_column(UtcDateTime())


class Issuer(Base):
    """One generation of a CA. Its name is `<role>-g<generation>`.

    `status_version` rises whenever what its next CRL says changes; certificates carry the version at which
    they changed last, so what happened since a version is one indexed read.
    """

    __tablename__ = "issuers"
    __table_args__ = (UniqueConstraint("role", "generation"),)

    name: Mapped[str] = mapped_column(String(_NAME), primary_key=True)
    role: Mapped[str] = mapped_column(String(_NAME))
    generation: Mapped[int] = mapped_column(SmallInteger)
    subject: Mapped[bytes] = mapped_column(LargeBinary)
    """DER Name."""
    key: Mapped[str] = mapped_column(ForeignKey(KeyRow.name))
    online: Mapped[bool]
    """False: its key is kept off line, and only a ceremony signs with it."""
    retired: Mapped[bool] = mapped_column(server_default=false())
    """True: its last CRL is out, and its key is never opened again."""
    certificate: Mapped[bytes | None] = mapped_column(LargeBinary)
    """DER; None until it is certified."""
    shards: Mapped[int] = mapped_column(SmallInteger)
    """Partitions of its CRL; 1: none."""
    status_version: Mapped[int] = mapped_column(BigInteger)
    seal: Mapped[bytes | None] = mapped_column(LargeBinary(_HASH_BYTES))
    """A MAC over all but the status version (`pki.authority.issuerseal`): without it the CA is not used."""


class Intent(Base):
    """A serial reserved and the exact bytes to be signed, recorded before anything is signed.

    `outcome` goes from pending to issued or refused, once. The bytes leave when the certificate stands.
    """

    __tablename__ = "intents"
    __table_args__ = (
        CheckConstraint("outcome IN ('pending', 'issued', 'refused')", name="outcome"),
        # What a crash left: few rows, whatever the table's size.
        Index("ix_intents_pending", "created", sqlite_where=_PENDING, postgresql_where=_PENDING),
    )

    request_id: Mapped[str] = mapped_column(String(_NAME), primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary(_HASH_BYTES))
    serial: Mapped[int] = mapped_column(Serial(), unique=True)
    issuer: Mapped[str] = mapped_column(ForeignKey(Issuer.name))
    shard: Mapped[int] = mapped_column(SmallInteger)
    profile: Mapped[str] = mapped_column(String(_NAME))
    key_hash: Mapped[bytes] = mapped_column(LargeBinary(_HASH_BYTES), index=True)
    key_kind: Mapped[str] = mapped_column(String(16))
    provenance: Mapped[str | None] = mapped_column(String(_NAME))
    """Where the key was made (a chip batch): what a mass action selects by."""
    holder_hash: Mapped[bytes] = mapped_column(LargeBinary(_HASH_BYTES))
    salt: Mapped[bytes] = mapped_column(LargeBinary(_SALT_BYTES))
    """Opens the commitment in the audit entry; without it the entry names nobody."""
    tbs: Mapped[bytes | None] = mapped_column(LargeBinary)
    not_before: Mapped[datetime] = mapped_column(UtcSeconds())
    not_after: Mapped[datetime] = mapped_column(UtcSeconds())
    on_hold: Mapped[bool]
    actor: Mapped[str] = mapped_column(String(_ACTOR))
    created: Mapped[datetime] = mapped_column(UtcSeconds())
    outcome: Mapped[str] = mapped_column(String(16))
    refused_by: Mapped[str | None] = mapped_column(String(_NAME))
    seal: Mapped[bytes | None] = mapped_column(LargeBinary(_HASH_BYTES))
    """A MAC (`pki.authority.seal`): only what this authority itself recorded is signed."""


class CertificateRow(Base):
    """An issued certificate's status; its bytes stand in `certificate_bodies`, out of the hot table's way."""

    __tablename__ = "certificates"
    __table_args__ = (
        CheckConstraint("status IN ('good', 'on_hold', 'revoked')", name="status"),
        CheckConstraint("(status = 'good') = (reason IS NULL)", name="reason"),
        CheckConstraint("(status = 'on_hold') = (held_by IS NOT NULL)", name="held_by"),
        CheckConstraint("held_under IS NULL OR held_by IS NOT NULL", name="held_under"),
        # All that a CRL says of a partition, in the order of serials, without touching the table: that is
        # why its condition is a column of its own (not good: with a reason, see above) and not the status.
        Index(
            "ix_certificates_listed",
            *("issuer", "shard", "serial", "not_after", "since", "reason", "invalidity_date", "changed"),
            sqlite_where=_LISTED,
            postgresql_where=_LISTED,
        ),
        Index(
            "ix_certificates_changed",
            "issuer",
            "changed",
            sqlite_where=_CHANGED,
            postgresql_where=_CHANGED,
        ),
        # Whether anything changed in one partition, however much did in others.
        Index(
            "ix_certificates_changed_within",
            *("issuer", "shard", "changed"),
            sqlite_where=_CHANGED,
            postgresql_where=_CHANGED,
        ),
    )

    serial: Mapped[int] = mapped_column(Serial(), primary_key=True)
    request_id: Mapped[str] = mapped_column(ForeignKey(Intent.request_id), unique=True)
    issuer: Mapped[str] = mapped_column(ForeignKey(Issuer.name))
    shard: Mapped[int] = mapped_column(SmallInteger)
    profile: Mapped[str] = mapped_column(String(_NAME))
    key_kind: Mapped[str] = mapped_column(String(16))
    provenance: Mapped[str | None] = mapped_column(String(_NAME))
    not_before: Mapped[datetime] = mapped_column(UtcSeconds())
    not_after: Mapped[datetime] = mapped_column(UtcSeconds())
    status: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(String(32))
    since: Mapped[datetime] = mapped_column(UtcSeconds())
    invalidity_date: Mapped[datetime | None] = mapped_column(UtcSeconds())
    """When the key is known or suspected to have been compromised (RFC 5280 §5.3.2)."""
    held_by: Mapped[str | None] = mapped_column(String(16))
    """Whose hold it is (`Hold`), while on hold: who may not lift it is decided by that."""
    held_under: Mapped[str | None] = mapped_column(String(16))
    """The weaker hold that an officer's took over from, or that came later: it stands again after it."""
    activated: Mapped[bool]
    """Whether it was ever good: a first hold ends with delivery, a later one with resumption."""
    changed: Mapped[int] = mapped_column(BigInteger)
    """The issuer's `status_version` at the last change; 0: as good as on the day of issue."""
    standing_version: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    """Rises with each change of status or hold, published or not: so one hold is told from the next."""


class CertificateBody(Base):
    """A certificate's DER."""

    __tablename__ = "certificate_bodies"

    serial: Mapped[int] = mapped_column(ForeignKey(CertificateRow.serial), primary_key=True)
    der: Mapped[bytes] = mapped_column(LargeBinary)


class CrlNumber(Base):
    """The newest number of a scope, reserved before anything is written; a number is never given back."""

    __tablename__ = "crl_numbers"

    scope: Mapped[str] = mapped_column(String(_CRL_NAME), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger)


class CrlRow(Base):
    """A published CRL, whose bytes are a file (`pki.status.crl.folder`); its name's newest is served."""

    __tablename__ = "crls"

    name: Mapped[str] = mapped_column(String(_CRL_NAME), primary_key=True)
    """As in its URL; numbers are shared with the delta or the full CRL of the same scope."""
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    issuer: Mapped[str] = mapped_column(ForeignKey(Issuer.name))
    base: Mapped[int | None] = mapped_column(BigInteger)
    """A delta's BaseCRLNumber."""
    regular: Mapped[bool]
    """On schedule, not only called for by a change: ended certificates may leave after it (RFC 5280 §3.3)."""
    status_version: Mapped[int] = mapped_column(BigInteger)
    this_update: Mapped[datetime] = mapped_column(UtcSeconds())
    next_update: Mapped[datetime] = mapped_column(UtcSeconds())
    entries: Mapped[int] = mapped_column(BigInteger)
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[bytes] = mapped_column(LargeBinary(_HASH_BYTES))


class CeremonyRow(Base):
    """A ceremony, begun or done. While one is open (`closed` is None) no other begins."""

    __tablename__ = "ceremonies"

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(16))
    arguments: Mapped[str] = mapped_column(Text)
    """Canonical JSON of what was asked for: the same again goes on with it."""
    plan: Mapped[str] = mapped_column(Text)
    """Canonical JSON of what that meant when it began."""
    opened: Mapped[datetime] = mapped_column(UtcSeconds())
    head_sequence: Mapped[int] = mapped_column(BigInteger)
    """The audit chain's end before it."""
    head_hash: Mapped[str] = mapped_column(String(2 * _HASH_BYTES))
    closed: Mapped[datetime | None] = mapped_column(UtcSeconds())
    transcript: Mapped[bytes | None] = mapped_column(LargeBinary)
    signature: Mapped[bytes | None] = mapped_column(LargeBinary)


class MasterListRow(Base):
    """A CSCA master list (ICAO Doc 9303-12 §9); the newest is the one served."""

    __tablename__ = "master_lists"

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    made: Mapped[datetime] = mapped_column(UtcSeconds())
    der: Mapped[bytes] = mapped_column(LargeBinary)


class AuditEntry(AuditEntryColumns, Base):
    """What the authority did, hash-linked."""

    __tablename__ = "audit"


class AuditNode(MerkleNodeColumns, Base):
    """A complete subtree over the audit entries."""

    __tablename__ = "audit_nodes"


class AuditCheckpoint(CheckpointColumns, Base):
    """A signed checkpoint of the audit entries."""

    __tablename__ = "audit_checkpoints"


AUDIT = Record(AuditEntry, AuditNode, AuditCheckpoint)
