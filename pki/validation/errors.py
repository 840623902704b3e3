"""Why a certificate path is refused, one class for each reason.

ValidationError                  (pki.errors)
└── PathError                    carries the depth: 0 is the leaf
    ├── PathLengthExceededError  more certificates than the policy or a pathLenConstraint admits
    ├── MalformedCertificateError
    ├── UntrustedIssuerError     no anchor issued the last certificate
    ├── NameChainingError        the issuer's name is not the next certificate's subject
    ├── BadSignatureError        not signed by the next certificate's key
    ├── NotYetValidError
    ├── ExpiredError
    ├── NotACaError              basicConstraints doesn't make the issuer a CA
    ├── KeyUsageError            the key may not be used so (wanted)
    ├── ExtendedKeyUsageError    the purpose is not granted (wanted)
    ├── PolicyError              none of the wanted policies
    └── UnknownCriticalExtensionError  (oid)
"""

from datetime import datetime

from pki.errors import ValidationError


class PathError(ValidationError):
    """The certificate at `depth` breaks the path; 0 is the leaf."""

    def __init__(self, depth: int, detail: str) -> None:
        super().__init__(f"certificate {depth} of the path: {detail}")
        self.depth = depth
        self.detail = detail


class PathLengthExceededError(PathError):
    """The path is longer than the policy, or a CA's pathLenConstraint, admits."""


class MalformedCertificateError(PathError):
    """An extension can't be read."""


class UntrustedIssuerError(PathError):
    """No anchor issued it."""


class NameChainingError(PathError):
    """Its issuer is not the subject of the next certificate."""


class BadSignatureError(PathError):
    """It is not signed by the key of its issuer."""


class NotYetValidError(PathError):
    """Its notBefore is later than the moment of validation."""

    def __init__(self, depth: int, not_before: datetime) -> None:
        super().__init__(depth, f"is not valid before {not_before.isoformat()}")
        self.not_before = not_before


class ExpiredError(PathError):
    """Its notAfter is earlier than the moment of validation."""

    def __init__(self, depth: int, not_after: datetime) -> None:
        super().__init__(depth, f"expired after {not_after.isoformat()}")
        self.not_after = not_after


class NotACaError(PathError):
    """It issued a certificate and isn't a CA."""


class KeyUsageError(PathError):
    """Its keyUsage lacks a bit that is needed."""

    def __init__(self, depth: int, wanted: str) -> None:
        super().__init__(depth, f"keyUsage does not allow {wanted}")
        self.wanted = wanted


class ExtendedKeyUsageError(PathError):
    """Its extKeyUsage lacks the purpose that is needed."""

    def __init__(self, depth: int, wanted: str) -> None:
        super().__init__(depth, f"extKeyUsage does not grant {wanted}")
        self.wanted = wanted


class PolicyError(PathError):
    """It was issued under none of the wanted policies."""


class UnknownCriticalExtensionError(PathError):
    """It holds a critical extension that this code can't judge."""

    def __init__(self, depth: int, oid: str) -> None:
        super().__init__(depth, f"critical extension {oid} is not understood")
        self.oid = oid
