"""The verifier's audit chain: every decision, in the transaction that makes it."""

from pki.auditchain import AuditEntryColumns
from verifier.store.base import Base


class AuditEntry(AuditEntryColumns, Base):
    """One decision of the verifier. Details name sites, receipts and outcomes, never people."""

    __tablename__ = "audit_entries"
