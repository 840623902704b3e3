"""Trusted paths (step 6): issuing authorities verified once when loaded, certificates at every login."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import ExtensionOID

from verifier.authentication.certificate import LIBRARY_FAILURES, CardCertificate
from verifier.authentication.errors import (
    CertificateExpiredError,
    CertificateNotYetValidError,
    IssuerUntrustedError,
)

_ACCEPTED_HASHES = frozenset({"sha256", "sha384", "sha512"})
_MAXIMUM_AUTHORITIES_IN_PATH = 4
_UNDERSTOOD_CRITICAL = frozenset(
    {ExtensionOID.BASIC_CONSTRAINTS, ExtensionOID.KEY_USAGE, ExtensionOID.CERTIFICATE_POLICIES}
)


@dataclass(frozen=True, eq=False)
class _Authority:
    certificate: x509.Certificate
    subject: bytes
    issuer: bytes
    is_anchor: bool
    path_length: int | None
    not_before: datetime
    not_after: datetime

    def is_valid(self, at: datetime) -> bool:
        return self.not_before <= at <= self.not_after


class TrustStore:
    """Trust anchors and intermediate authorities.

    Several authorities of one name may stand side by side. One that is broken, expired or no authority
    can't be part of a path, and never stands in the way of another.
    """

    def __init__(
        self, anchors: Iterable[x509.Certificate], intermediates: Iterable[x509.Certificate] = ()
    ) -> None:
        """Verifies every intermediate against its possible issuers now, so that logins need not."""
        self._by_subject: dict[bytes, list[_Authority]] = defaultdict(list)
        self._issuers: dict[_Authority, tuple[_Authority, ...]] = {}
        self.unusable: list[x509.Certificate] = []
        """Certificates that can be part of no path, for the operator's log."""
        for certificate, is_anchor in [*((c, True) for c in anchors), *((c, False) for c in intermediates)]:
            self._add(certificate, is_anchor=is_anchor)
        for authorities in self._by_subject.values():
            for authority in authorities:
                self._issuers[authority] = self._find_issuers(authority)

    def _add(self, certificate: x509.Certificate, *, is_anchor: bool) -> None:
        authority = _read_authority(certificate, is_anchor=is_anchor)
        if authority is None:
            self.unusable.append(certificate)
        else:
            self._by_subject[authority.subject].append(authority)

    def _find_issuers(self, authority: _Authority) -> tuple[_Authority, ...]:
        if authority.is_anchor:
            return ()
        candidates = self._by_subject.get(authority.issuer, [])
        return tuple(c for c in candidates if c is not authority and _issued(c, authority.certificate))

    def check(self, certificate: CardCertificate, at: datetime) -> x509.Certificate:
        """Step 6: raises TrustError, or gives the issuing authority's certificate.

        `at` is an aware time; notBefore and notAfter are inclusive (RFC 5280, section 4.1.2.5).
        """
        if at < certificate.not_before:
            raise CertificateNotYetValidError(certificate.not_before)
        # The whole second that notAfter names still belongs to the certificate.
        if at.replace(microsecond=0) > certificate.not_after:
            raise CertificateExpiredError(certificate.not_after)
        for issuer in self._by_subject.get(certificate.issuer, ()):
            if self._leads_to_anchor(issuer, at, 0) and _issued(issuer, certificate.certificate):
                return issuer.certificate
        raise IssuerUntrustedError

    def _leads_to_anchor(self, authority: _Authority, at: datetime, below: int) -> bool:
        if below >= _MAXIMUM_AUTHORITIES_IN_PATH or not authority.is_valid(at):
            return False
        if authority.path_length is not None and below > authority.path_length:
            return False
        if authority.is_anchor:
            return True
        return any(self._leads_to_anchor(issuer, at, below + 1) for issuer in self._issuers[authority])


def _read_authority(certificate: x509.Certificate, *, is_anchor: bool) -> _Authority | None:
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        understood = is_anchor or all(
            not extension.critical or extension.oid in _UNDERSTOOD_CRITICAL
            for extension in certificate.extensions
        )
        if not (constraints.ca and usage.key_cert_sign and understood):
            return None
        return _Authority(
            certificate=certificate,
            subject=certificate.subject.public_bytes(),
            issuer=certificate.issuer.public_bytes(),
            is_anchor=is_anchor,
            path_length=constraints.path_length,
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
        )
    except (x509.ExtensionNotFound, *LIBRARY_FAILURES):
        return None


def _issued(issuer: _Authority, certificate: x509.Certificate) -> bool:
    try:
        hash_algorithm = certificate.signature_hash_algorithm
        if hash_algorithm is None or hash_algorithm.name not in _ACCEPTED_HASHES:
            return False
        certificate.verify_directly_issued_by(issuer.certificate)
    except (InvalidSignature, *LIBRARY_FAILURES):
        return False
    return True
