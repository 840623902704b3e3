"""Verifies the audit chains of a home's three services."""

from sqlalchemy.orm import Session

import issuance.audit
import pki.store.models
import verifier.audit
from pki.auditchain import AuditEntryColumns, verify_table
from pki.home import Home
from pki.store.database import create_database_engine, read_only

CHAINS: dict[str, type[AuditEntryColumns]] = {
    "pki": pki.store.models.AuditEntry,
    "issuance": issuance.audit.AuditEntry,
    "verifier": verifier.audit.AuditEntry,
}


def verify_chains(home: Home) -> dict[str, int]:
    """Entries of each service's chain; raises AuditChainError at the first that does not hold."""
    return {service: _verify(home, service, model) for service, model in CHAINS.items()}


def _verify(home: Home, service: str, model: type[AuditEntryColumns]) -> int:
    engine = create_database_engine(home.database_url(service))
    try:
        with Session(read_only(engine)) as session:
            return verify_table(session, model).sequence
    finally:
        engine.dispose()
