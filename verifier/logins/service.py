"""One login from challenge to receipt."""

import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from starlette.concurrency import run_in_threadpool

from pki.auditchain import append
from pki.clock import Clock
from verifier.audit import AuditEntry
from verifier.authentication.errors import ChallengeUsedError, LoginRefusedError, PolicyUnavailableError
from verifier.authentication.identity import Identity
from verifier.authentication.status import check_status
from verifier.authentication.token import WebEidToken
from verifier.authentication.verification import CheckedToken, TokenVerifier
from verifier.challenges import repository as challenges
from verifier.challenges.repository import Challenge
from verifier.receipts import service as receipts
from verifier.receipts.advice import ACCEPTED
from verifier.receipts.service import Receipt
from verifier.services.apikeys import RandomBytes
from verifier.services.registry import RelyingSite
from verifier.status.lookup import AsyncStatusLookup
from verifier.store.sessions import Database, WriteSession

_LOG = logging.getLogger(__name__)

NOBODY: Mapping[str, AsyncStatusLookup] = MappingProxyType({})
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


class ForeignPolicyError(Exception):
    """A status that others must be asked for can't be had here; `policy` wants one."""

    def __init__(self, policy: str) -> None:
        super().__init__(f"logins under {policy} ask other authorities: use log_in")
        self.policy = policy


class StatusNotAskedError(Exception):
    """Logins under `policy` would be accepted whatever their certificates' status."""

    def __init__(self, policy: str) -> None:
        super().__init__(f"nobody is asked for the status under {policy}")
        self.policy = policy


class LoginService:
    """Issues challenges and verifies the tokens that answer them."""

    def __init__(
        self,
        database: Database,
        verifiers: Mapping[str, TokenVerifier],
        clock: Clock,
        random_bytes: RandomBytes = secrets.token_bytes,
        foreign: Mapping[str, AsyncStatusLookup] = NOBODY,
    ) -> None:
        """`verifiers` are by the name of their policy.

        `foreign`: who is asked for the status, step 8, under policies whose verifier leaves it out. Raises
        StatusNotAskedError for one of these that is not named there.
        """
        for name, verifier in verifiers.items():
            if verifier.status is None and name not in foreign:
                raise StatusNotAskedError(name)
        self._database = database
        self._verifiers = dict(verifiers)
        self._clock = clock
        self._random_bytes = random_bytes
        self._foreign = dict(foreign)

    def issue_challenge(self, site: RelyingSite) -> Challenge:
        """A fresh nonce for one attempt at this site."""
        with self._database.write() as session:
            return challenges.issue(session, site.site_id, site.origin, self._clock(), self._random_bytes)

    async def log_in(self, site: RelyingSite, nonce: str, read_token: ReadToken) -> AcceptedLogin:
        """As `authenticate`, for an event loop: what computes and writes runs in a thread.

        The status of a foreign certificate is awaited between, in no thread: however slow its authority is,
        it keeps nothing that another login needs.
        """
        foreign = self._foreign.get(site.policy)
        if foreign is None:
            return await run_in_threadpool(self.authenticate, site, nonce, read_token)
        now = self._clock()
        try:
            checked = await run_in_threadpool(self._check, site, nonce, read_token, now)
            check_status(await foreign.ask(checked.issuer, checked.certificate.certificate, now))
        except LoginRefusedError as error:
            receipt = await run_in_threadpool(self._refuse, site, nonce, now, error)
            raise LoginAttemptRefusedError(error, receipt) from error
        identity = checked.identity()
        return AcceptedLogin(identity, await run_in_threadpool(self._accept, site, nonce, now, identity))

    def authenticate(self, site: RelyingSite, nonce: str, read_token: ReadToken) -> AcceptedLogin:
        """Verifies the token that answers `nonce`; raises LoginAttemptRefusedError with its receipt.

        Not for policies whose status is asked of others: these log in by `log_in` alone.

        The challenge is burned, the receipt written and the audit chain continued in one transaction, after
        the token was verified: no lock is held meanwhile, and whoever burns the challenge first has it alone.
        """
        if site.policy in self._foreign:
            raise ForeignPolicyError(site.policy)
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
        origin = self._origin_of(site, nonce, now)
        return self._verifier_of(site).verify(read_token(), origin, nonce, now)

    def _check(self, site: RelyingSite, nonce: str, read_token: ReadToken, now: datetime) -> CheckedToken:
        origin = self._origin_of(site, nonce, now)
        return self._verifier_of(site).check(read_token(), origin, nonce, now)

    def _origin_of(self, site: RelyingSite, nonce: str, now: datetime) -> str:
        with self._database.read() as session:
            return challenges.find(session, site.site_id, nonce, now).origin

    def _verifier_of(self, site: RelyingSite) -> TokenVerifier:
        verifier = self._verifiers.get(site.policy)
        if verifier is None:
            raise PolicyUnavailableError(site.policy)
        return verifier

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
