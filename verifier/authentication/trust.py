"""Trusted paths (step 6), by pki's path validation: whose authorities, and what its verdicts mean here."""

import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Protocol

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from pki.der import DerError
from pki.errors import ValidationError
from pki.validation import PathPolicy, PinnedIssuers, ValidatedPath, validate
from pki.validation.certificate import Certificate, Source, read_certificate
from pki.validation.decoders import Usage
from pki.validation.errors import PathError, UnsupportedAlgorithmError
from pki.validation.extensions import is_ca, key_usage
from pki.validation.foreign import ForeignTrust, Purpose
from pki.validation.names import comparable
from pki.validation.search import Bag, Search
from pki.validation.signatures import scheme_of
from verifier.authentication.certificate import MAXIMUM_RSA_BITS, CardCertificate
from verifier.authentication.errors import (
    CertificateExpiredError,
    CertificateNotYetValidError,
    IssuerUntrustedError,
    KeyWeakError,
)
from verifier.authentication.policy import AuthenticationPolicy

_LOG = logging.getLogger(__name__)
_NO_WANTS = PathPolicy()
_ACCEPTED_HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512)


class Trust(Protocol):
    """Who may have issued a certificate that logs in."""

    def path(
        self, leaf: Certificate, candidates: Sequence[Certificate], at: datetime, policy: PathPolicy
    ) -> ValidatedPath:
        """A path from the leaf to an anchor that holds at that moment; raises PathError.

        `candidates` came with the token: they may help to find a path and are trusted for nothing.
        """
        ...

    def faults(self) -> Mapping[str, str]:
        """What was to be trusted and can't be used → why."""
        ...


class Authorities(Protocol):
    """The authorities of our own PKI, at one moment."""

    @property
    def anchors(self) -> Iterable[x509.Certificate]:
        """Roots."""
        ...

    @property
    def intermediates(self) -> Iterable[x509.Certificate]:
        """Issuing authorities."""
        ...


class StaffedAuthorities(Authorities, Protocol):
    """The same, with the authorities of our own people's cards apart."""

    @property
    def staff(self) -> Iterable[x509.Certificate]:
        """Issuing authorities of operators' certificates."""
        ...


class PinnedTrust:
    """Our own authorities: verified once, here; a token chooses nothing but the leaf.

    One that is broken, or that no anchor stands above, keeps no other from being used; `faults` names it.
    """

    def __init__(
        self, anchors: Iterable[x509.Certificate], intermediates: Iterable[x509.Certificate] = ()
    ) -> None:
        """Raises MalformedCertificateError for what is no certificate at all."""
        self._faults: dict[str, str] = {}
        roots = [root for root in map(read_certificate, anchors) if self._is_authority(root)]
        issuers = [issuer for issuer in map(read_certificate, intermediates) if self._is_authority(issuer)]
        bag = Bag.of(issuers, roots)
        self._issuers = PinnedIssuers([item for item in issuers if self._is_anchored(item, bag)], roots)

    def path(
        self,
        leaf: Certificate,
        candidates: Sequence[Certificate],  # noqa: ARG002 - hints have no say among our own
        at: datetime,
        policy: PathPolicy,
    ) -> ValidatedPath:
        """See `Trust`."""
        return self._issuers.validate(leaf, at, policy)

    def faults(self) -> Mapping[str, str]:
        """SHA-256 of the certificate → why it is not used."""
        return self._faults

    def _is_authority(self, certificate: Certificate) -> bool:
        try:
            comparable(certificate.subject)
            # RFC 5280, section 4.2.1.3: a CA has keyUsage; pki takes its absence for any use.
            usage = key_usage(certificate)
            if is_ca(certificate) and usage is not None and Usage.KEY_CERT_SIGN in usage:
                return True
            self._refuse(certificate, "it is no authority")
        except DerError as error:
            self._refuse(certificate, str(error))
        return False

    def _is_anchored(self, issuer: Certificate, bag: Bag) -> bool:
        search = Search(bag, _NO_WANTS)
        try:
            if next(search.candidates(issuer), None) is not None:
                return True
            self._refuse(issuer, str(search.failure()))
        except ValidationError as error:
            self._refuse(issuer, str(error))
        return False

    def _refuse(self, certificate: Certificate, why: str) -> None:
        name = hashlib.sha256(certificate.raw).hexdigest()
        self._faults[name] = why
        _LOG.warning("authority with SHA-256 %s is not used: %s", name, why)


class CurrentlyPinned:
    """Our own authorities while new ones come: `look` takes them over, `path` reads nothing.

    `look` belongs where waiting for a database keeps no other login.
    """

    def __init__(self, read: Callable[[], StaffedAuthorities], *, staff: bool = False) -> None:
        """`read` gives the same object until something changes, and is not asked more often than it likes.

        `staff`: only those of our own people's cards are trusted; otherwise only those of citizens' cards.
        """
        self._read = read
        self._staff = staff
        self._seen = read()
        self._pinned = self._pin(self._seen)

    def look(self) -> None:
        """What `read` raises keeps those known before."""
        found = self._read()
        if found is not self._seen:
            self._pinned = self._pin(found)
            self._seen = found

    def _pin(self, found: StaffedAuthorities) -> PinnedTrust:
        return PinnedTrust(found.anchors, found.staff if self._staff else found.intermediates)

    def path(
        self, leaf: Certificate, candidates: Sequence[Certificate], at: datetime, policy: PathPolicy
    ) -> ValidatedPath:
        """See `Trust`."""
        return self._pinned.path(leaf, candidates, at, policy)

    def faults(self) -> Mapping[str, str]:
        """See `PinnedTrust`."""
        return self._pinned.faults()


class GivenTrust:
    """Just these anchors, each of which may be any CA, not only a root: for the command line."""

    def __init__(self, anchors: Iterable[Source]) -> None:
        """Raises MalformedCertificateError."""
        self._anchors = tuple(read_certificate(anchor, None) for anchor in anchors)
        Bag.of((), self._anchors)  # an unreadable name is found here, not at the first question

    def path(
        self, leaf: Certificate, candidates: Sequence[Certificate], at: datetime, policy: PathPolicy
    ) -> ValidatedPath:
        """See `Trust`."""
        return validate([leaf, *candidates], self._anchors, at, policy)

    def faults(self) -> Mapping[str, str]:
        """None: an unreadable one was refused at once."""
        return {}


class ForeignLogins:
    """The foreign anchors for logins of a home: files count as soon as they come, go or change."""

    def __init__(self, foreign: ForeignTrust) -> None:
        self._foreign = foreign

    def path(
        self, leaf: Certificate, candidates: Sequence[Certificate], at: datetime, policy: PathPolicy
    ) -> ValidatedPath:
        """See `Trust`."""
        return self._foreign.validate(Purpose.LOGIN, [leaf, *candidates], at, policy=policy)

    def faults(self) -> Mapping[str, str]:
        """File → why it is not used."""
        return self._foreign.current(Purpose.LOGIN).faults


def check_trust(
    policy: AuthenticationPolicy,
    certificate: CardCertificate,
    candidates: Sequence[Certificate],
    trust: Trust,
    at: datetime,
) -> ValidatedPath:
    """Step 6: raises TrustError, or gives the path, leaf first.

    `at` is an aware time; notBefore and notAfter are inclusive (RFC 5280, section 4.1.2.5).
    """
    # Its own time comes first: "expired" helps its holder more than what else may be wrong above.
    if at < certificate.not_before:
        raise CertificateNotYetValidError(certificate.not_before)
    # The whole second that notAfter names still belongs to the certificate.
    if at.replace(microsecond=0) > certificate.not_after:
        raise CertificateExpiredError(certificate.not_after)
    bits = certificate.rsa_bits
    if bits is not None and not policy.minimum_rsa_bits <= bits <= MAXIMUM_RSA_BITS:
        raise KeyWeakError(bits, policy.minimum_rsa_bits)
    return find_path(certificate.certificate, candidates, trust, at, policy.path)


def find_path(
    leaf: Certificate, candidates: Sequence[Certificate], trust: Trust, at: datetime, policy: PathPolicy
) -> ValidatedPath:
    """Raises IssuerUntrustedError."""
    try:
        path = trust.path(leaf, candidates, at, policy)
        for depth, certificate in enumerate(path.certificates):
            _check_hash(certificate, depth)
    except PathError as error:
        raise IssuerUntrustedError(error) from error
    return path


def _check_hash(certificate: Certificate, depth: int) -> None:
    """pki takes SHA-224 too; no card that logs in is signed so."""
    if not isinstance(scheme_of(certificate.algorithm).hash, _ACCEPTED_HASHES):
        raise UnsupportedAlgorithmError(depth, "is signed over a hash that no login is based on")


def issuer_above(path: ValidatedPath) -> Certificate:
    """The authority that issued the leaf."""
    return path.certificates[1] if len(path.certificates) > 1 else path.anchor


def issuer_of(path: ValidatedPath) -> x509.Certificate:
    """The same, for whom the leaf's status is asked in our own store."""
    return _loaded(issuer_above(path).raw)


@lru_cache(maxsize=64)
def _loaded(der: bytes) -> x509.Certificate:
    return x509.load_der_x509_certificate(der)
