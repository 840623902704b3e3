"""A new key for receipts, on record: published from now on, signing later."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from pki.auditchain import append
from pki.bootstrap import open_key_store
from pki.clock import Clock
from pki.home import Home
from pki.officers import officer_label
from verifier.audit import AuditEntry
from verifier.receipts.keys import key_name, make_key, next_generation, open_receipt_keys
from verifier.receipts.models import ReceiptKeyRow
from verifier.store.sessions import Database, WriteSession


def roll_over_on_record(
    home: Home, database: Database, clock: Clock, operator: str, lead: timedelta
) -> tuple[int, datetime]:
    """Makes the next generation's key; returns which it is, and from when it signs.

    `lead`: for how long it is published before. Its row comes first: a key that a crash left without one
    would sign at once. After a crash between the two the same call goes on. Raises OfficerLabelError,
    KeyStoreError.
    """
    officer_label(operator)
    keys = open_key_store(home)
    try:
        generation = next_generation(keys)
        signs_from = clock() + lead
        details = {"signs_from": signs_from.isoformat(timespec="seconds")}
        with database.write() as session:
            session.merge(ReceiptKeyRow(generation=generation, signs_from=signs_from))
            _record(session, clock, operator, "receipt.announce", generation, details)
        make_key(keys, generation)
        key_id = next(iter(open_receipt_keys(keys).public))
    finally:
        keys.close()
    with database.write() as session:
        _record(session, clock, operator, "receipt.roll-over", generation, {"key_id": key_id})
    return generation, signs_from


def _record(
    session: WriteSession,
    clock: Clock,
    operator: str,
    action: str,
    generation: int,
    details: Mapping[str, str],
) -> None:
    subject = key_name(generation)
    append(session, AuditEntry, time=clock(), actor=operator, action=action, subject=subject, details=details)
