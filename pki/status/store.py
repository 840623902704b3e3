"""The status store: what is known of a serial, by one indexed read."""

from typing import TypeAlias

from cryptography import x509
from sqlalchemy import Engine, select

from pki.authority.issuers import Issuers
from pki.der import DerError
from pki.errors import UnknownCertificateError
from pki.profiles.tbs import TbsFields, read_tbs
from pki.status.state import CertificateState, RevocationReason, Status
from pki.store.columns import MAX_SERIAL
from pki.store.database import read_only
from pki.store.models import CertificateRow

_COLUMNS = (CertificateRow.issuer, CertificateRow.status, CertificateRow.reason, CertificateRow.since)
_Found: TypeAlias = tuple[str, CertificateState]


class StatusStore:
    """Answers from the authority's own records, so a revocation counts from the moment it is committed."""

    def __init__(self, engine: Engine, issuers: Issuers) -> None:
        self._engine = read_only(engine)
        # By name and key: generations of a CSCA, and cross certificates, share a name.
        self._issuers = {(ca.facts.subject, ca.spki): ca.name for ca in issuers}

    def lookup(self, issuer: str | x509.Certificate, serial: int) -> CertificateState | None:
        """The state of the certificate that this CA (by short name or certificate) issued with this serial.

        None: never issued by it. That is no good news: refuse, as with a revoked one.
        Raises SQLAlchemyError when the database can't be asked; then nothing is known.
        """
        name = issuer if isinstance(issuer, str) else self._name_of(issuer)
        found = self._read(serial)
        return None if found is None or found[0] != name else found[1]

    def state_of(self, serial: int) -> CertificateState:
        """The state of a certificate of any of the CAs. Raises UnknownCertificateError."""
        found = self._read(serial)
        if found is None:
            raise UnknownCertificateError(serial)
        return found[1]

    def _name_of(self, issuer: x509.Certificate) -> str | None:
        try:
            fields: TbsFields = read_tbs(issuer.tbs_certificate_bytes)
        except DerError:
            return None  # not in the form of our CAs' certificates
        return self._issuers.get((fields.subject, fields.spki))

    def _read(self, serial: int) -> _Found | None:
        if not 0 < serial <= MAX_SERIAL:
            return None
        query = select(*_COLUMNS).where(CertificateRow.serial == serial)
        with self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        reason = RevocationReason(row.reason) if row.reason else None
        return row.issuer, CertificateState(Status(row.status), reason, row.since)
