"""What a login is made of on its way from challenge to receipt. Plain values: they go between processes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from verifier.authentication.errors import ChallengeError, LoginRefusedError
from verifier.authentication.identity import Identity
from verifier.authentication.steps import Step
from verifier.authentication.token import WebEidToken
from verifier.challenges.sealing import Challenge
from verifier.receipts.service import Receipt
from verifier.services.apikeys import ApiKey
from verifier.services.registry import RelyingSite

ReadToken = Callable[[], WebEidToken]
"""Step 1, postponed until the challenge is known: raises TokenParseError."""


@dataclass(frozen=True)
class SiteQuestion:
    """Whose key is this?"""

    key: ApiKey


@dataclass(frozen=True)
class SecretQuestion:
    """The key that seals the challenges of a day, see `challenges.sealing`."""

    day: int


@dataclass(frozen=True)
class Secret:
    """Its answer; None where there is no key for that day."""

    value: bytes | None = field(repr=False)


@dataclass(frozen=True)
class Ping:
    """Whether there is anybody; comes back as it went."""


@dataclass(frozen=True)
class Found:
    """Whose nonce it is, and whether it may be used, unless it was used already."""

    site: RelyingSite
    nonce: str = field(repr=False)
    at: datetime
    challenge: Challenge | ChallengeError


@dataclass(frozen=True)
class Question:
    """All steps but the status are passed: a certificate of our own whose status is to be asked for."""

    issuer: bytes = field(repr=False)
    """The authority's certificate, DER."""
    serial: int
    certificate_sha256: str


@dataclass(frozen=True)
class Proven:
    """All steps are passed, the status too."""

    certificate_sha256: str


@dataclass(frozen=True)
class Refusal:
    """A step was not passed."""

    step: Step
    kind: str
    detail: str
    certificate_sha256: str | None
    """As far as the certificate could be read."""

    @classmethod
    def of(cls, error: LoginRefusedError, certificate_sha256: str | None) -> "Refusal":
        """What is kept of an error."""
        return cls(error.step, error.kind, error.detail, certificate_sha256)


@dataclass(frozen=True)
class Ending:
    """An attempt before its record."""

    site: RelyingSite
    nonce: str = field(repr=False)
    at: datetime
    usable: bool
    """Whether the challenge was one of ours and in its time: then it is burned."""
    outcome: Question | Proven | Refusal
    key: ApiKey | None = None
    """By which the site was known; it is looked at again, for it may have ended since."""


@dataclass(frozen=True)
class Recorded:
    """What became of an attempt."""

    receipt: Receipt
    refused: LoginRefusedError | None = None
    """Why it was refused at the last moment: for its status, or because its challenge was used meanwhile."""


@dataclass(frozen=True)
class AcceptedLogin:
    """The person who logged in, and the receipt of it."""

    identity: Identity
    receipt: Receipt


class LoginAttemptRefusedError(Exception):
    """A login was refused: `error` says why, `receipt` is what was kept of it."""

    def __init__(self, error: LoginRefusedError, receipt: Receipt) -> None:
        super().__init__(str(error))
        self.error = error
        self.receipt = receipt
