"""Verifying the tokens that answer challenges: all that a login needs besides its records."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from verifier.authentication.errors import ChallengeError, LoginRefusedError, PolicyUnavailableError
from verifier.authentication.identity import Identity
from verifier.authentication.status import StatusLookup, check_status
from verifier.authentication.verification import CheckedToken, TokenVerifier
from verifier.challenges.sealing import Challenge
from verifier.logins.records import LoginRecords
from verifier.logins.values import (
    AcceptedLogin,
    Ending,
    Found,
    LoginAttemptRefusedError,
    Proven,
    Question,
    ReadToken,
    Recorded,
    Refusal,
)
from verifier.receipts.service import Receipt
from verifier.services.apikeys import ApiKey
from verifier.services.registry import RelyingSite
from verifier.status.lookup import AsyncStatusLookup

NOBODY: Mapping[str, AsyncStatusLookup] = MappingProxyType({})


class ForeignPolicyError(Exception):
    """A status that others must be asked for can't be had here; `policy` wants one."""

    def __init__(self, policy: str) -> None:
        super().__init__(f"logins under {policy} ask other authorities: use ask_others")
        self.policy = policy


class StatusNotAskedError(Exception):
    """Logins under `policy` would be accepted whatever their certificates' status."""

    def __init__(self, policy: str) -> None:
        super().__init__(f"nobody is asked for the status under {policy}")
        self.policy = policy


@dataclass(frozen=True)
class Attempt:
    """A login before its record: the token was verified, or the attempt was refused."""

    found: Found
    outcome: CheckedToken | Identity | LoginRefusedError
    """An identity where the status was asked for already."""
    certificate_sha256: str | None = None
    """Of a refused attempt, as far as its certificate could be read."""

    def ending(self, key: ApiKey | None = None) -> Ending:
        """What is to be recorded; `key` is looked at again then."""
        found = self.found
        usable = isinstance(found.challenge, Challenge)
        return Ending(found.site, found.nonce, found.at, usable, self._outcome(), key)

    def _outcome(self) -> Question | Proven | Refusal:
        outcome = self.outcome
        if isinstance(outcome, LoginRefusedError):
            return Refusal.of(outcome, self.certificate_sha256)
        if isinstance(outcome, Identity):
            return Proven(outcome.certificate_sha256)
        certificate = outcome.certificate
        return Question(_der(outcome.issuer), certificate.serial, certificate.sha256)

    def result(self, recorded: Recorded) -> AcceptedLogin:
        """The login, once it is on record. Raises LoginAttemptRefusedError."""
        outcome = recorded.refused or self.outcome
        if isinstance(outcome, LoginRefusedError):
            raise LoginAttemptRefusedError(outcome, recorded.receipt) from outcome
        identity = outcome if isinstance(outcome, Identity) else outcome.identity()
        return AcceptedLogin(identity, recorded.receipt)


class LoginService:
    """Verifies the tokens that answer challenges.

    A login is a challenge found, then `verify`, then `ask_others`, then its ending recorded (LoginRecords).
    Only `verify` costs time of its own, and it touches no database.
    """

    def __init__(
        self,
        records: LoginRecords,
        verifiers: Mapping[str, TokenVerifier],
        foreign: Mapping[str, AsyncStatusLookup] = NOBODY,
    ) -> None:
        """`verifiers` are by the name of their policy.

        `foreign`: who is asked for the status, step 8, under policies whose verifier leaves it out. Raises
        StatusNotAskedError for one of these that is not named there.
        """
        self._records = records
        self._verifiers = dict(verifiers)
        self._foreign = dict(foreign)
        for name, verifier in verifiers.items():
            if verifier.status is None and name not in foreign:
                raise StatusNotAskedError(name)

    def verify(self, found: Found, read_token: ReadToken) -> Attempt:
        """Steps 1 to 7, of a token that answers a usable challenge. No input or output."""
        if isinstance(found.challenge, ChallengeError):
            return Attempt(found, found.challenge)
        try:
            verifier = self._verifier_of(found.site)
            checked = verifier.check(read_token(), found.challenge.origin, found.challenge.nonce, found.at)
        except LoginRefusedError as error:
            return Attempt(found, error, error.certificate_sha256)
        return Attempt(found, checked)

    async def ask_others(self, attempt: Attempt) -> Attempt:
        """Step 8 where another authority must be asked; the rest is asked when the login is recorded.

        It is awaited in no thread: however slow that authority is, it keeps nothing that another login needs.
        """
        found, checked = attempt.found, attempt.outcome
        foreign = self._foreign.get(found.site.policy)
        if foreign is None or not isinstance(checked, CheckedToken):
            return attempt
        try:
            check_status(await foreign.ask_path(checked.path, found.at))
        except LoginRefusedError as error:
            return Attempt(found, error, checked.certificate.sha256)
        return Attempt(found, checked.identity())

    def issue_challenge(self, site: RelyingSite) -> Challenge:
        """A fresh nonce for one attempt at this site."""
        return self._records.issue(site)

    def authenticate(self, site: RelyingSite, nonce: str, read_token: ReadToken) -> AcceptedLogin:
        """One login by itself; raises LoginAttemptRefusedError with its receipt.

        Raises ForeignPolicyError where others must be asked for the status, which takes an event loop.
        """
        if site.policy in self._foreign:
            raise ForeignPolicyError(site.policy)
        attempt = self.verify(self._records.find(site, nonce), read_token)
        return attempt.result(self._records.end(attempt.ending()))

    def receipt(self, site: RelyingSite, code: str) -> Receipt:
        """A receipt of this site's; raises ReceiptMissingError or ReceiptCodeError."""
        return self._records.receipt(site, code)

    def _verifier_of(self, site: RelyingSite) -> TokenVerifier:
        verifier = self._verifiers.get(site.policy)
        if verifier is None:
            raise PolicyUnavailableError(site.policy)
        return verifier


def own_status(verifiers: Mapping[str, TokenVerifier]) -> dict[str, StatusLookup]:
    """Who is asked for the status when logins are recorded, by the name of the policy."""
    return {name: verifier.status for name, verifier in verifiers.items() if verifier.status is not None}


@lru_cache(maxsize=64)
def _der(issuer: x509.Certificate) -> bytes:
    """One of our authorities: there are few."""
    return issuer.public_bytes(Encoding.DER)
