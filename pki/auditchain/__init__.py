"""A log whose entries are linked by their hashes: what was changed, removed or reordered is found and named.

`chain` is pure; `table` keeps a chain in a service's own database, in the caller's own transaction.
"""

from pki.auditchain.canonical import Json
from pki.auditchain.chain import GENESIS_HASH, AuditEntry, Event, Head, verify
from pki.auditchain.columns import AuditEntryColumns
from pki.auditchain.errors import AuditChainError
from pki.auditchain.table import append, append_many, read, verify_table

__all__ = [
    "GENESIS_HASH",
    "AuditChainError",
    "AuditEntry",
    "AuditEntryColumns",
    "Event",
    "Head",
    "Json",
    "append",
    "append_many",
    "read",
    "verify",
    "verify_table",
]
