"""What binds an audit entry to whom it is about, without naming anyone (`pki.auditchain.commitments`)."""

import hashlib

from sqlalchemy import select
from sqlalchemy.orm import Session

from pki.auditchain.commitments import commit, open_commitment
from pki.errors import StoredValueError, UnknownCertificateError
from pki.profiles.tbs import read_tbs, tbs_of
from pki.store.columns import MAX_SERIAL, serial_octets
from pki.store.models import AuditEntry, CertificateBody, CertificateRow, Intent

ISSUED = "certificate.issued"
HOLDER = "holder"
"""The detail of an entry that carries the commitment."""


def holder_commitment(salt: bytes, holder_hash: bytes) -> str:
    """The commitment to a subject (SHA-256 of its DER) under the record's own salt."""
    return commit(salt, {HOLDER: holder_hash.hex()})


def open_holder(session: Session, serial: int) -> int:
    """The sequence of the audit entry that was written for this certificate's subject when it was issued.

    The subject is read from the certificate itself, the salt from its record. Raises UnknownCertificateError;
    CommitmentError when the entry was made for somebody else.
    """
    if not 0 < serial <= MAX_SERIAL:
        raise UnknownCertificateError(serial)
    query = (
        select(Intent.salt, CertificateBody.der)
        .join(CertificateRow, CertificateRow.request_id == Intent.request_id)
        .join(CertificateBody, CertificateBody.serial == CertificateRow.serial)
        .where(CertificateRow.serial == serial)
    )
    record = session.execute(query).one_or_none()
    about = AuditEntry.subject == serial_octets(serial).hex()
    entries = session.scalars(
        select(AuditEntry).where(about, AuditEntry.action == ISSUED).order_by(AuditEntry.sequence)
    )
    entry = entries.first()  # whoever appends another one later says nothing about the first
    if record is None or entry is None:
        raise UnknownCertificateError(serial)
    fields = {HOLDER: hashlib.sha256(_subject_of(record.der)).hexdigest()}
    try:
        open_commitment(str(entry.details.get(HOLDER, "")), record.salt, fields)
    except (UnicodeEncodeError, TypeError) as error:
        raise StoredValueError("an entry's holder") from error
    return entry.sequence


def _subject_of(der: object) -> bytes:
    """The subject in the body on record, which anybody may have written."""
    try:
        if not isinstance(der, bytes):
            raise StoredValueError("a certificate's body")
        return read_tbs(tbs_of(der)).subject
    except (ValueError, IndexError) as error:
        raise StoredValueError("a certificate's body") from error
