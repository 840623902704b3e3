"""A log whose entries are linked by their hashes: what was changed, removed or reordered is found and named.

`chain`, `merkle`, `note` and `commitments` are pure. `table` appends in the caller's own transaction; `tree`
and `checkpoints` grow a Merkle tree over the entries and sign its roots; `proofs` shows a part of a record
to strangers, `verification` checks all of it. Each service has its own record, in its own database.
"""

from pki.auditchain.canonical import Json
from pki.auditchain.chain import GENESIS_HASH, AuditEntry, Event, Head, verify
from pki.auditchain.columns import AuditEntryColumns, CheckpointColumns, MerkleNodeColumns
from pki.auditchain.errors import AuditChainError
from pki.auditchain.table import append, append_many, read, stored, verify_table
from pki.auditchain.tree import Record

__all__ = [
    "GENESIS_HASH",
    "AuditChainError",
    "AuditEntry",
    "AuditEntryColumns",
    "CheckpointColumns",
    "Event",
    "Head",
    "Json",
    "MerkleNodeColumns",
    "Record",
    "append",
    "append_many",
    "read",
    "stored",
    "verify",
    "verify_table",
]
