"""The verifier's audit chain: every decision, in the transaction that makes it."""

from pki.auditchain import AuditEntryColumns, CheckpointColumns, MerkleNodeColumns, Record
from verifier.store.base import Base


class AuditEntry(AuditEntryColumns, Base):
    """One decision of the verifier. Details name sites, receipts and outcomes, never people."""

    __tablename__ = "audit_entries"


class AuditNode(MerkleNodeColumns, Base):
    """A complete subtree over the verifier's decisions."""

    __tablename__ = "audit_nodes"


class AuditCheckpoint(CheckpointColumns, Base):
    """A signed checkpoint of the verifier's decisions."""

    __tablename__ = "audit_checkpoints"


AUDIT = Record(AuditEntry, AuditNode, AuditCheckpoint)
