"""What can be said of a certificate's status, and why."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, unique


@unique
class Status(Enum):
    """RFC 6960 §2.2 without `unknown`: that is the absence of any state here."""

    GOOD = "good"
    ON_HOLD = "on_hold"
    REVOKED = "revoked"


@unique
class Hold(Enum):
    """Whose hold it is. A stronger one is not lifted by those who may set a weaker one."""

    DELIVERY = "delivery"
    """Since issue, until the card is in its holder's hands."""
    REGISTRY = "registry"
    """A clerk, or the holder's own call."""
    OFFICER = "officer"
    """A PKI officer, or a mass action."""


@unique
class RevocationReason(Enum):
    """CRLReason, RFC 5280 §5.3.1; the values are the standard's names."""

    UNSPECIFIED = "unspecified"
    KEY_COMPROMISE = "keyCompromise"
    CA_COMPROMISE = "cACompromise"
    AFFILIATION_CHANGED = "affiliationChanged"
    SUPERSEDED = "superseded"
    CESSATION_OF_OPERATION = "cessationOfOperation"
    CERTIFICATE_HOLD = "certificateHold"
    REMOVE_FROM_CRL = "removeFromCRL"
    PRIVILEGE_WITHDRAWN = "privilegeWithdrawn"
    AA_COMPROMISE = "aACompromise"

    @property
    def code(self) -> int:
        """The number the standard gives it; 7 is not used."""
        return _CODES[self]


_CODES = {
    RevocationReason.UNSPECIFIED: 0,
    RevocationReason.KEY_COMPROMISE: 1,
    RevocationReason.CA_COMPROMISE: 2,
    RevocationReason.AFFILIATION_CHANGED: 3,
    RevocationReason.SUPERSEDED: 4,
    RevocationReason.CESSATION_OF_OPERATION: 5,
    RevocationReason.CERTIFICATE_HOLD: 6,
    RevocationReason.REMOVE_FROM_CRL: 8,
    RevocationReason.PRIVILEGE_WITHDRAWN: 9,
    RevocationReason.AA_COMPROMISE: 10,
}

FINAL_REASONS = frozenset(RevocationReason) - {
    RevocationReason.CERTIFICATE_HOLD,
    RevocationReason.REMOVE_FROM_CRL,
}
"""Reasons for which a certificate is revoked for good."""


@dataclass(frozen=True)
class CertificateState:
    """A certificate's status, why, and since when (UTC). A good one has no reason."""

    status: Status
    reason: RevocationReason | None
    since: datetime

    @property
    def is_good(self) -> bool:
        """Neither on hold nor revoked."""
        return self.status is Status.GOOD
