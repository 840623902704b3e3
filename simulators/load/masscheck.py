"""Whether CRLs say of a batch what a mass hold was to make of it; read by another library than wrote them."""

from collections.abc import Iterable, Iterator
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from pki.store.columns import SERIAL_OCTETS
from pki.store.models import CertificateRow

_READ_BATCH = 10_000


class BatchError(RuntimeError):
    """The CRLs are not what they must be."""


def check_batch(engine: Engine, provenance: str, crls: Iterable[bytes], issuer: x509.Certificate) -> None:
    """Raises BatchError unless the CRLs, signed by the issuer, hold exactly the batch, all of it on hold.

    Keeps the serials alone, not the entries: some 50 bytes each.
    """
    listed = sorted(serial for crl in crls for serial in _held(crl, issuer))
    with Session(engine) as session:
        query = select(CertificateRow.serial).where(CertificateRow.provenance == provenance)
        ordered = query.order_by(CertificateRow.serial).execution_options(yield_per=_READ_BATCH)
        count, wanted = _digest(session.scalars(ordered))
    found = _digest(listed)
    if found != (count, wanted):
        raise BatchError(f"the CRLs list {found[0]:,} certificates, which are not the batch's {count:,}")


def _held(der: bytes, issuer: x509.Certificate) -> Iterator[int]:
    """The serials in one CRL."""
    crl, key = x509.load_der_x509_crl(der), issuer.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
        raise BatchError("the issuer's key signs no CRLs")
    if crl.issuer != issuer.subject or not crl.is_signature_valid(key):
        raise BatchError("a CRL is not signed by the issuer")
    for entry in crl:
        reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
        if reason is not x509.ReasonFlags.certificate_hold:
            raise BatchError(f"{entry.serial_number:032x} is listed for {reason.value}")
        yield entry.serial_number


def _digest(serials: Iterable[int]) -> tuple[int, bytes]:
    """How many there are, and SHA-256 over them in this order."""
    count, digest = 0, sha256()
    for serial in serials:
        digest.update(serial.to_bytes(SERIAL_OCTETS, "big"))
        count += 1
    return count, digest.digest()
