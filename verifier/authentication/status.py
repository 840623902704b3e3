"""Whether the issuer stands by a certificate (step 8), asked through whatever the caller injects."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, unique
from typing import Protocol

from cryptography import x509

from verifier.authentication.statuserrors import (
    CertificateRevokedError,
    CertificateSuspendedError,
    CertificateUnknownError,
    StatusError,
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
    until: datetime | None = field(default=None, compare=False)
    """Until when it may be repeated to others who ask; None: it is for who asked alone."""


Asked = tuple[x509.Certificate, int]
"""The issuing authority's certificate, and the serial that is asked about."""


class StatusLookup(Protocol):
    """Asks about certificates, all at once."""

    def __call__(self, asked: Sequence[Asked]) -> Sequence[StatusAnswer | StatusError]:
        """For each, in their order, the answer, or StatusUnavailableError where none can be trusted now."""
        ...


def check_status(answer: StatusAnswer | StatusError) -> None:
    """Step 8: raises StatusError for everything but good."""
    refusal = refusal_of(answer)
    if refusal is not None:
        raise refusal


def refusal_of(answer: StatusAnswer | StatusError) -> StatusError | None:
    """Step 8: None for good, else why the certificate is refused."""
    if isinstance(answer, StatusError):
        return answer
    match answer.status:
        case CertificateStatus.GOOD:
            return None
        case CertificateStatus.ON_HOLD:
            return CertificateSuspendedError(answer.since)
        case CertificateStatus.REVOKED:
            return CertificateRevokedError(answer.since, answer.reason)
        case CertificateStatus.UNKNOWN:
            return CertificateUnknownError()
