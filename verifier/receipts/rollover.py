"""A new key for receipts, on record."""

from pki.auditchain import append
from pki.bootstrap import open_key_store
from pki.clock import Clock
from pki.home import Home
from pki.officers import officer_label
from verifier.audit import AuditEntry
from verifier.receipts.keys import open_receipt_keys, roll_over
from verifier.store.sessions import Database


def roll_over_on_record(home: Home, database: Database, clock: Clock, operator: str) -> int:
    """Makes the next generation's key and says which it is. Raises OfficerLabelError, KeyStoreError.

    A crash between key and record leaves a key that signs and no entry for it: its public half is published
    all the same, and every receipt names it.
    """
    officer_label(operator)
    keys = open_key_store(home)
    try:
        generation = roll_over(keys)
        key_id = open_receipt_keys(keys).key_id
    finally:
        keys.close()
    with database.write() as session:
        append(
            session,
            AuditEntry,
            time=clock(),
            actor=operator,
            action="receipt.roll-over",
            subject=f"receipt-g{generation}",
            details={"key_id": key_id},
        )
    return generation
