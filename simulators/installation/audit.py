"""Verifies the audit records of a home's three services: chains, trees, checkpoints."""

from sqlalchemy.orm import Session

import issuance.audit
import pki.store.models
import verifier.audit
from pki.auditchain import Record
from pki.auditchain.verification import snapshot, verify_record
from pki.home import Home
from pki.store.database import create_database_engine

RECORDS: dict[str, Record] = {
    "pki": pki.store.models.AUDIT,
    "issuance": issuance.audit.AUDIT,
    "verifier": verifier.audit.AUDIT,
}


def verify_chains(home: Home) -> dict[str, int]:
    """Entries of each service's record; raises RecordError at the first that does not hold."""
    return {service: _verify(home, service, record) for service, record in RECORDS.items()}


def _verify(home: Home, service: str, record: Record) -> int:
    engine = create_database_engine(home.database_url(service))
    try:
        with Session(snapshot(engine)) as session:
            return verify_record(session, record).head.sequence
    finally:
        engine.dispose()
