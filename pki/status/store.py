"""The status store: what is known of a serial, by one indexed read."""

from collections.abc import Mapping
from datetime import datetime
from typing import TypeAlias

from cryptography import x509
from sqlalchemy import Engine, Row, select

from pki.der import DerError
from pki.errors import UnknownCertificateError
from pki.profiles.tbs import subject_of
from pki.status.state import CertificateState, RevocationReason, Status
from pki.store.database import read_only
from pki.store.models import CertificateRow, serial_key

_COLUMNS = (CertificateRow.issuer, CertificateRow.status, CertificateRow.reason, CertificateRow.since)
_StatusRow: TypeAlias = Row[str, str, str | None, datetime]


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
        name = issuer if isinstance(issuer, str) else self._name_of(issuer)
        row = self._read(serial)
        return None if row is None or row.issuer != name else _state(row)

    def state_of(self, serial: int) -> CertificateState:
        """The state of a certificate of any of the CAs. Raises UnknownCertificateError."""
        row = self._read(serial)
        if row is None:
            raise UnknownCertificateError(serial)
        return _state(row)

    def _name_of(self, issuer: x509.Certificate) -> str | None:
        try:
            return self._issuers.get(subject_of(issuer))
        except DerError:
            return None  # not in the form of our CAs' certificates

    def _read(self, serial: int) -> _StatusRow | None:
        query = select(*_COLUMNS).where(CertificateRow.serial == serial_key(serial))
        with self._engine.connect() as connection:
            return connection.execute(query).one_or_none()


def _state(row: _StatusRow) -> CertificateState:
    reason = RevocationReason(row.reason) if row.reason else None
    return CertificateState(Status(row.status), reason, row.since)
