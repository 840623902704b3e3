"""What the sources of status share: the inputs, the guards against circles, and how a source is set aside."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from pki.der import DerError
from pki.validation.certificate import Certificate
from pki.validation.crl import Crl
from pki.validation.errors import StaleStatusError, StatusUnknownError
from pki.validation.evidence import Evidence
from pki.validation.policy import PathPolicy
from pki.validation.search import Bag, Budget
from pki.validation.signatures import SignatureError, VerifyingKey, verify


class Cause(NamedTuple):
    """Why a source was not taken."""

    text: str
    stale: bool = False
    disowned: bool = False
    """A responder that may answer doesn't know the certificate."""


class NotUsableError(Exception):
    """One source can't be used for one certificate; there may be others."""

    def __init__(self, text: str, *, stale: bool = False) -> None:
        super().__init__(text)
        self.cause = Cause(text, stale)


class Issuer(NamedTuple):
    """Who issued the certificate in question: its certificate, and its key with parameters."""

    certificate: Certificate
    key: VerifyingKey


@dataclass
class StatusContext:
    """All that judging the statuses of one path needs. Signatures and searches are taken from one budget."""

    at: datetime
    policy: PathPolicy
    evidence: Evidence
    bag: Bag
    anchor: Certificate
    validate_signer: Callable[[Certificate, "StatusContext"], None]
    """Validates a signer's certificate below the same anchor. Raises PathError, DerError."""
    budget: Budget = field(default_factory=Budget)
    pending: list[Certificate] = field(default_factory=list)
    """Those whose status is being asked for, the last one last: none may rest on itself."""
    vouching: list[tuple[Crl, Certificate]] = field(default_factory=list)
    """CRLs whose signer's path is being validated."""
    good: set[Certificate] = field(default_factory=set)

    def verify(self, algorithm: bytes, key: VerifyingKey, signature: bytes, message: bytes) -> bool:
        """Whether a CRL or an answer is signed by this key."""
        try:
            self.budget.signature(0)
            verify(algorithm, key, signature, message, sha1=self.policy.sha1)
        except (SignatureError, DerError):
            return False
        return True

    def vouches_for_itself(self, crl: Crl, signer: Certificate) -> bool:
        """Whether the status asked for is that of the CRL's own signer, just met as such.

        A CA may name a CRL issuer that lists its own certificate too (RFC 5280 §6.3.3 doesn't forbid it,
        PKITS 4.14.30 wants it). Any longer circle is refused.
        """
        return bool(self.vouching) and self.vouching[-1] == (crl, signer) and self.pending[-1] == signer

    def check_begun(self, this_update: datetime, what: str) -> None:
        """thisUpdate may be ahead by the clocks' difference. Raises NotUsableError."""
        if this_update - self.at > self.policy.clock_skew:
            raise NotUsableError(f"{what} begins only at {this_update.isoformat()}", stale=True)


def unknown(depth: int, causes: list[Cause]) -> StatusUnknownError:
    """The error for a status that no source tells."""
    kind = StaleStatusError if any(cause.stale for cause in causes) else StatusUnknownError
    disowned = any(cause.disowned for cause in causes)
    return kind(depth, tuple(cause.text for cause in causes), disowned=disowned)
