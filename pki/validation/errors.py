"""Why a certificate path is refused, one class for each reason.

ValidationError                      (pki.errors)
└── PathError                        depth (0 is the leaf), serial, sha256, kind, rule
    ├── PathLengthExceededError      more certificates than the policy or a pathLenConstraint admits
    ├── SearchLimitError             no path found within the work that the search may do
    ├── MalformedCertificateError    it, or one of its extensions, can't be read
    ├── ProfileError                 readable, but not as RFC 5280 §4 has it written (strict only)
    ├── UntrustedIssuerError         no anchor stands above it
    ├── NameChainingError            the issuer's name is not the next certificate's subject
    ├── BadSignatureError            not signed by the next certificate's key
    │   └── UnsupportedAlgorithmError    a key or an algorithm that is not accepted
    │       └── WeakKeyError     a key smaller than the policy wants, or on another curve
    ├── NotYetValidError             (not_before)
    ├── ExpiredError                 (not_after)
    ├── NotACaError                  basicConstraints doesn't make the issuer a CA
    ├── KeyUsageError                the key may not be used so (wanted)
    ├── ExtendedKeyUsageError        the purpose is not granted (wanted)
    ├── PolicyError                  no policy is valid for the path, and one is required
    ├── PolicyMappingError           a mapping from or to anyPolicy
    ├── NameConstraintError          a name outside what a CA above it may certify (form)
    │   └── NameConstraintLimitError     more comparisons than one path may cost
    ├── UnknownCriticalExtensionError    (oid)
    └── StatusError
        ├── RevokedError             (reason, since)
        ├── StatusUnknownError       status is required and nothing says it (causes)
        │   └── StaleStatusError     … the only sources that could are out of date
        ├── MalformedCrlError        depth None: the CRL is no certificate of the path
        └── MalformedOcspError       likewise
"""

import hashlib
from datetime import datetime
from typing import ClassVar, Protocol

from pki.errors import ValidationError


class Identified(Protocol):
    """What an error takes from a certificate: enough to find it, and no personal data."""

    @property
    def raw(self) -> bytes:
        """DER of the whole."""

    @property
    def serial(self) -> int:
        """serialNumber."""


class PathError(ValidationError):
    """The certificate at `depth` breaks the path; 0 is the leaf, None is outside of the path."""

    kind: ClassVar[str] = "path"
    """Stable, for machines. Never change one."""
    rule: ClassVar[str] = "RFC 5280 §6.1"
    """The clause that is broken."""

    def __init__(self, depth: int | None, detail: str) -> None:
        super().__init__(detail if depth is None else f"certificate {depth} of the path: {detail}")
        self.depth = depth
        self.detail = detail
        self.serial: int | None = None
        self.sha256: str | None = None

    def identify(self, certificate: Identified) -> None:
        """Notes which certificate is meant, unless that is known."""
        if self.sha256 is None:
            self.serial = certificate.serial
            self.sha256 = hashlib.sha256(certificate.raw).hexdigest()


class PathLengthExceededError(PathError):
    """The path is longer than the policy, or a CA's pathLenConstraint, admits."""

    kind = "path-too-long"
    rule = "RFC 5280 §6.1.4 (l)"


class SearchLimitError(PathError):
    """The certificates at hand can be put together in too many ways; none tried so far holds."""

    kind = "search-limit"


class MalformedCertificateError(PathError):
    """It, or an extension of it, can't be read."""

    kind = "malformed-certificate"
    rule = "RFC 5280 §4.1"


class ProfileError(PathError):
    """It departs from what RFC 5280 asks of those who issue certificates."""

    kind = "profile"
    rule = "RFC 5280 §4"


class UntrustedIssuerError(PathError):
    """No anchor issued it, nor any certificate that leads to one."""

    kind = "untrusted-issuer"
    rule = "RFC 5280 §6.1 (b)"


class NameChainingError(PathError):
    """Its issuer is not the subject of the next certificate."""

    kind = "name-chaining"
    rule = "RFC 5280 §6.1.3 (a)(4)"


class BadSignatureError(PathError):
    """It is not signed by the key of its issuer."""

    kind = "bad-signature"
    rule = "RFC 5280 §6.1.3 (a)(1)"


class UnsupportedAlgorithmError(BadSignatureError):
    """The key or the signature algorithm is unknown here, or too weak."""

    kind = "unsupported-algorithm"


class WeakKeyError(UnsupportedAlgorithmError):
    """Its key is smaller than the policy wants, or on another curve."""

    kind = "weak-key"


class NotYetValidError(PathError):
    """Its notBefore is later than the moment of validation."""

    kind = "not-yet-valid"
    rule = "RFC 5280 §6.1.3 (a)(2)"

    def __init__(self, depth: int, not_before: datetime) -> None:
        super().__init__(depth, f"is not valid before {not_before.isoformat()}")
        self.not_before = not_before


class ExpiredError(PathError):
    """Its notAfter is earlier than the moment of validation."""

    kind = "expired"
    rule = "RFC 5280 §6.1.3 (a)(2)"

    def __init__(self, depth: int, not_after: datetime) -> None:
        super().__init__(depth, f"expired after {not_after.isoformat()}")
        self.not_after = not_after


class NotACaError(PathError):
    """It issued a certificate and isn't a CA."""

    kind = "not-a-ca"
    rule = "RFC 5280 §6.1.4 (k)"


class KeyUsageError(PathError):
    """Its keyUsage lacks a bit that is needed."""

    kind = "key-usage"
    rule = "RFC 5280 §6.1.4 (n)"

    def __init__(self, depth: int, wanted: str) -> None:
        super().__init__(depth, f"keyUsage does not allow {wanted}")
        self.wanted = wanted


class ExtendedKeyUsageError(PathError):
    """Its extKeyUsage lacks the purpose that is needed."""

    kind = "extended-key-usage"
    rule = "RFC 5280 §4.2.1.12"

    def __init__(self, depth: int, wanted: str) -> None:
        super().__init__(depth, f"extKeyUsage does not grant {wanted}")
        self.wanted = wanted


class PolicyError(PathError):
    """An explicit policy is required and none is valid for the path."""

    kind = "policy"
    rule = "RFC 5280 §6.1.3 (f)"


class PolicyMappingError(PathError):
    """A mapping has anyPolicy on one of its sides."""

    kind = "policy-mapping"
    rule = "RFC 5280 §6.1.4 (a)"


class NameConstraintError(PathError):
    """A name of it lies outside of what a CA above it may certify."""

    kind = "name-constraints"
    rule = "RFC 5280 §6.1.3 (b), (c)"

    def __init__(self, depth: int, form: str, detail: str) -> None:
        super().__init__(depth, f"a name of form {form} {detail}")
        self.form = form


class NameConstraintLimitError(NameConstraintError):
    """Names times constraints come to more than one path may cost."""

    kind = "name-constraints-limit"


class UnknownCriticalExtensionError(PathError):
    """It holds a critical extension that this code can't judge."""

    kind = "unknown-critical-extension"
    rule = "RFC 5280 §6.1.4 (o), §6.1.5 (f)"

    def __init__(self, depth: int | None, oid: str) -> None:
        super().__init__(depth, f"critical extension {oid} is not understood")
        self.oid = oid


class StatusError(PathError):
    """Its status forbids it, or isn't known."""

    kind = "status"
    rule = "RFC 5280 §6.1.3 (a)(3)"


class RevokedError(StatusError):
    """It is revoked or on hold."""

    kind = "revoked"

    def __init__(self, depth: int, reason: str, since: datetime) -> None:
        super().__init__(depth, f"is revoked since {since.isoformat()} ({reason})")
        self.reason = reason
        self.since = since


class StatusUnknownError(StatusError):
    """Status is required, and nothing at hand says it. `causes`: why each source was not taken."""

    kind = "status-unknown"

    def __init__(self, depth: int | None, causes: tuple[str, ...], *, disowned: bool = False) -> None:
        told = "; ".join(dict.fromkeys(causes)) or "no source covers it"
        super().__init__(depth, f"its status can't be determined: {told}")
        self.causes = causes
        self.disowned = disowned
        """A responder that may answer says that it doesn't know the certificate (RFC 6960 §2.2)."""


class StaleStatusError(StatusUnknownError):
    """A source covers it, but not at the moment of validation."""

    kind = "status-stale"


class MalformedCrlError(StatusError):
    """A CRL can't be read."""

    kind = "malformed-crl"
    rule = "RFC 5280 §5"

    def __init__(self, detail: str) -> None:
        super().__init__(None, f"a CRL can't be read: {detail}")


class MalformedOcspError(StatusError):
    """An OCSP answer can't be read."""

    kind = "malformed-ocsp"
    rule = "RFC 6960 §4.2"

    def __init__(self, detail: str, reported: int | None = None) -> None:
        super().__init__(None, f"an OCSP answer can't be read: {detail}")
        self.reported = reported
        """The responder's own error: an OCSPResponseStatus (RFC 6960 §4.2.1) other than successful."""
