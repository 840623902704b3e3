"""The registry's own audit chain, written in the transaction of what it tells of.

Details name operators, states, reasons and card numbers; never a person's data, a PIN or a key.
"""

from collections.abc import Mapping

from sqlalchemy.orm import Session

from issuance.database import Base
from pki.auditchain import AuditEntryColumns, CheckpointColumns, Json, MerkleNodeColumns, Record, append
from pki.clock import Clock


class AuditEntry(AuditEntryColumns, Base):
    """One event of the registry."""

    __tablename__ = "audit_entries"


class AuditNode(MerkleNodeColumns, Base):
    """A complete subtree over the registry's events."""

    __tablename__ = "audit_nodes"


class AuditCheckpoint(CheckpointColumns, Base):
    """A signed checkpoint of the registry's events."""

    __tablename__ = "audit_checkpoints"


AUDIT = Record(AuditEntry, AuditNode, AuditCheckpoint)


class Audit:
    """Appends events at the current time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def record(
        self,
        session: Session,
        actor: str,
        action: str,
        subject: str,
        details: Mapping[str, Json] | None = None,
    ) -> None:
        """Adds one event to the caller's transaction; `subject` is like `application:7GK2…`."""
        append(
            session,
            AuditEntry,
            time=self._clock(),
            actor=actor,
            action=action,
            subject=subject,
            details=details or {},
        )
