"""Whether the issuer stands by a certificate (step 8), asked through whatever the caller injects."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, unique
from typing import Protocol

from cryptography import x509

from verifier.authentication.errors import (
    CertificateRevokedError,
    CertificateSuspendedError,
    CertificateUnknownError,
)


@unique
class CertificateStatus(Enum):
    """What an issuer can say of a certificate."""

    GOOD = "good"
    ON_HOLD = "on_hold"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class StatusAnswer:
    """The issuer's answer; `since` and `reason` (RFC 5280 spelling) as far as it gives them."""

    status: CertificateStatus
    since: datetime | None = None
    reason: str | None = None


class StatusLookup(Protocol):
    """Asks about the certificate with this serial under this issuing authority."""

    def __call__(self, issuer: x509.Certificate, serial: int) -> StatusAnswer:
        """Raises StatusUnavailableError when there is no trustworthy answer now."""
        ...


def check_status(answer: StatusAnswer) -> None:
    """Step 8: raises StatusError for everything but good."""
    match answer.status:
        case CertificateStatus.GOOD:
            return
        case CertificateStatus.ON_HOLD:
            raise CertificateSuspendedError(answer.since)
        case CertificateStatus.REVOKED:
            raise CertificateRevokedError(answer.since, answer.reason)
        case CertificateStatus.UNKNOWN:
            raise CertificateUnknownError
