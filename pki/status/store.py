"""The status store: what is known of a serial, by one indexed read."""

from collections.abc import Mapping
from datetime import datetime

from cryptography import x509
from sqlalchemy import Engine, Row, select

from pki.status.state import CertificateState, RevocationReason, Status
from pki.store.database import read_only
from pki.store.models import CertificateRow, serial_key

_COLUMNS = (CertificateRow.issuer, CertificateRow.status, CertificateRow.reason, CertificateRow.since)


class StatusStore:
    """Answers from the authority's own records, so a revocation counts from the moment it is committed."""

    def __init__(self, engine: Engine, issuers: Mapping[bytes, str]) -> None:
        """`issuers` maps DER subjects of the CAs to their short names."""
        self._engine = read_only(engine)
        self._issuers = dict(issuers)

    def lookup(self, issuer: str | x509.Certificate, serial: int) -> CertificateState | None:
        """The state of the certificate that this CA (by short name or certificate) issued with this serial.

        None: never issued by it. That is no good news: refuse, as with a revoked one.
        Raises SQLAlchemyError when the database can't be asked; then nothing is known.
        """
        name = (
            self._issuers.get(issuer.subject.public_bytes())
            if isinstance(issuer, x509.Certificate)
            else issuer
        )
        with self._engine.connect() as connection:
            row = connection.execute(
                select(*_COLUMNS).where(CertificateRow.serial == serial_key(serial))
            ).one_or_none()
        if row is None or row.issuer != name:
            return None
        return _state(row)


def _state(row: Row[str, str, str | None, datetime]) -> CertificateState:
    reason = RevocationReason(row.reason) if row.reason else None
    return CertificateState(Status(row.status), reason, row.since)
