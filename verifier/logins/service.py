"""One login from challenge to receipt."""

import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from pki.auditchain import append
from pki.clock import Clock
from verifier.audit import AuditEntry
from verifier.authentication.errors import ChallengeUsedError, LoginRefusedError, PolicyUnavailableError
from verifier.authentication.identity import Identity
from verifier.authentication.token import WebEidToken
from verifier.authentication.verification import TokenVerifier
from verifier.challenges import repository as challenges
from verifier.challenges.repository import Challenge
from verifier.receipts import service as receipts
from verifier.receipts.advice import ACCEPTED
from verifier.receipts.service import Receipt
from verifier.services.apikeys import RandomBytes
from verifier.services.registry import RelyingSite
from verifier.store.sessions import Database, WriteSession

_LOG = logging.getLogger(__name__)

ReadToken = Callable[[], WebEidToken]
"""Step 1, postponed until the challenge is known: raises TokenParseError."""


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


class LoginService:
    """Issues challenges and verifies the tokens that answer them."""

    def __init__(
        self,
        database: Database,
        verifiers: Mapping[str, TokenVerifier],
        clock: Clock,
        random_bytes: RandomBytes = secrets.token_bytes,
    ) -> None:
        """`verifiers` are by the name of their policy."""
        self._database = database
        self._verifiers = dict(verifiers)
        self._clock = clock
        self._random_bytes = random_bytes

    def issue_challenge(self, site: RelyingSite) -> Challenge:
        """A fresh nonce for one attempt at this site."""
        with self._database.write() as session:
            return challenges.issue(session, site.site_id, site.origin, self._clock(), self._random_bytes)

    def authenticate(self, site: RelyingSite, nonce: str, read_token: ReadToken) -> AcceptedLogin:
        """Verifies the token that answers `nonce`; raises LoginAttemptRefusedError with its receipt.

        The challenge is burned, the receipt written and the audit chain continued in one transaction, after
        the token was verified: no lock is held meanwhile, and whoever burns the challenge first has it alone.
        """
        now = self._clock()
        try:
            identity = self._verify(site, nonce, read_token, now)
        except LoginRefusedError as error:
            raise LoginAttemptRefusedError(error, self._refuse(site, nonce, now, error)) from error
        receipt = self._accept(site, nonce, now, identity)
        return AcceptedLogin(identity, receipt)

    def receipt(self, site: RelyingSite, code: str) -> Receipt:
        """A receipt of this site's; raises ReceiptMissingError or ReceiptCodeError."""
        with self._database.read() as session:
            return receipts.find(session, site.site_id, code)

    def _verify(self, site: RelyingSite, nonce: str, read_token: ReadToken, now: datetime) -> Identity:
        with self._database.read() as session:
            challenge = challenges.find(session, site.site_id, nonce, now)
        verifier = self._verifiers.get(site.policy)
        if verifier is None:
            raise PolicyUnavailableError(site.policy)
        return verifier.verify(read_token(), challenge.origin, nonce, now)

    def _accept(self, site: RelyingSite, nonce: str, now: datetime, identity: Identity) -> Receipt:
        with self._database.write() as session:
            if challenges.burn(session, site.site_id, nonce, now):
                return self._record(session, site, now, None, identity.certificate_sha256)
            # Another request used the challenge while this one was verified: it is the login, not this.
            error = ChallengeUsedError()
            receipt = self._record(session, site, now, error, None)
        raise LoginAttemptRefusedError(error, receipt)

    def _refuse(self, site: RelyingSite, nonce: str, now: datetime, error: LoginRefusedError) -> Receipt:
        with self._database.write() as session:
            challenges.burn(session, site.site_id, nonce, now)
            return self._record(session, site, now, error, None)

    def _record(
        self,
        session: WriteSession,
        site: RelyingSite,
        now: datetime,
        error: LoginRefusedError | None,
        certificate_sha256: str | None,
    ) -> Receipt:
        receipt = receipts.store(
            session,
            self._random_bytes,
            site_id=site.site_id,
            time=now,
            policy=site.policy,
            failure=None if error is None else (error.step, error.kind),
            certificate_sha256=certificate_sha256,
        )
        append(
            session,
            AuditEntry,
            time=now,
            actor=site.site_id,
            action="login.accept" if error is None else "login.refuse",
            subject=receipt.code,
            details={"outcome": receipt.outcome, "policy": site.policy},
        )
        if receipt.outcome != ACCEPTED:
            _LOG.info("login refused: site %s, receipt %s, %s", site.site_id, receipt.code, receipt.outcome)
        return receipt
