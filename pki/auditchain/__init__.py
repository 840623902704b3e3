"""A log whose entries are linked by their hashes: what was changed, removed or reordered is found and named.

`chain` is pure; `columns` keeps a chain in a table, in the caller's own transaction.
"""

from pki.auditchain.chain import GENESIS_HASH, AuditChainError, AuditEntry, Head, Json, verify
from pki.auditchain.columns import AuditEntryColumns, append, read, verify_table

__all__ = [
    "GENESIS_HASH",
    "AuditChainError",
    "AuditEntry",
    "AuditEntryColumns",
    "Head",
    "Json",
    "append",
    "read",
    "verify",
    "verify_table",
]
