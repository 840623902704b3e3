"""Logins from challenge to receipt, many at a time: one wait for the database serves all of them."""

import logging
import secrets
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import cast

from pki.auditchain import Event, append_many
from pki.auditchain.table import queue_writers
from pki.clock import Clock
from verifier.audit import AuditEntry
from verifier.authentication.errors import (
    ChallengeError,
    ChallengeUsedError,
    LoginRefusedError,
    PolicyUnavailableError,
)
from verifier.authentication.identity import Identity
from verifier.authentication.status import StatusLookup, check_status, refusal_of
from verifier.authentication.token import WebEidToken
from verifier.authentication.verification import CheckedToken, TokenVerifier
from verifier.challenges import repository as challenges
from verifier.challenges.repository import Challenge
from verifier.receipts import service as receipts
from verifier.receipts.advice import ACCEPTED
from verifier.receipts.keys import ReceiptKeys
from verifier.receipts.ring import ReceiptKeyRing
from verifier.receipts.service import Receipt, Summary
from verifier.services.apikeys import ApiKey, RandomBytes
from verifier.services.errors import ApiKeyInvalidError, OriginForeignError
from verifier.services.registry import RelyingSite, recognise
from verifier.status.lookup import AsyncStatusLookup
from verifier.store.sessions import Database, ReadSession, WriteSession

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
        super().__init__(f"logins under {policy} ask other authorities: use ask_others")
        self.policy = policy


class StatusNotAskedError(Exception):
    """Logins under `policy` would be accepted whatever their certificates' status."""

    def __init__(self, policy: str) -> None:
        super().__init__(f"nobody is asked for the status under {policy}")
        self.policy = policy


@dataclass(frozen=True)
class ChallengeRequest:
    """A site asks for a nonce."""

    key: ApiKey
    origin: object | None = None
    """What the site says its origin is, if it does: nothing but its registered one will do."""


@dataclass(frozen=True)
class Presented:
    """A site presents the nonce that a token is to answer."""

    key: ApiKey
    nonce: str = field(repr=False)


@dataclass(frozen=True)
class Found:
    """Whose nonce it is, and whether it may be used."""

    site: RelyingSite
    nonce: str = field(repr=False)
    at: datetime
    challenge: Challenge | ChallengeError


@dataclass(frozen=True)
class Attempt:
    """A login before its last step and its record: the token was verified, or the attempt was refused."""

    found: Found
    outcome: CheckedToken | Identity | LoginRefusedError
    """An identity where the status was asked for already."""
    certificate_sha256: str | None = None
    """Of a refused attempt, as far as its certificate could be read."""


Issued = Challenge | ApiKeyInvalidError | OriginForeignError
"""What comes of a request for a challenge."""
Ended = AcceptedLogin | LoginAttemptRefusedError
"""What comes of an attempt."""


class LoginService:
    """Issues challenges and verifies the tokens that answer them.

    A login is `find_many`, then `verify`, then `record_many`. Only `verify` costs time of its own and it
    touches no database; the others each take one transaction for all that they are given.
    """

    def __init__(
        self,
        database: Database,
        verifiers: Mapping[str, TokenVerifier],
        receipt_keys: ReceiptKeys | ReceiptKeyRing,
        clock: Clock,
        random_bytes: RandomBytes = secrets.token_bytes,
        foreign: Mapping[str, AsyncStatusLookup] = NOBODY,
        watch: Callable[[], None] = lambda: None,
    ) -> None:
        """`verifiers` are by the name of their policy; `receipt_keys` sign every receipt.

        `foreign`: who is asked for the status, step 8, under policies whose verifier leaves it out. Raises
        StatusNotAskedError for one of these that is not named there. `watch` is called before each batch;
        what it raises, such as ClockSetBackError, is raised to all of the batch.
        """
        self._database = database
        self._verifiers = dict(verifiers)
        self._foreign = dict(foreign)
        self._status: dict[str, StatusLookup] = {}
        for name, verifier in verifiers.items():
            if verifier.status is not None:
                self._status[name] = verifier.status
            elif name not in foreign:
                raise StatusNotAskedError(name)
        self._receipt_keys = receipt_keys
        self._clock = clock
        self._watch = watch
        self._random_bytes = random_bytes

    def find_many(self, presented: Sequence[Presented]) -> list[Found | ApiKeyInvalidError]:
        """The challenge behind each nonce; not burned yet."""
        self._watch()
        with self._database.read() as session:
            sites = recognise(session, [one.key for one in presented])
            known = [
                (site, one.nonce)
                for site, one in zip(sites, presented, strict=True)
                if isinstance(site, RelyingSite)
            ]
            found = iter(self._find(session, known))
        return [next(found) if isinstance(site, RelyingSite) else site for site in sites]

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
        """Step 8 where another authority must be asked; the rest stays for `record_many`.

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

    def record_many(self, works: Sequence[ChallengeRequest | Attempt]) -> list[Issued | Ended]:
        """Issues challenges, and ends attempts for good; a result for each, in their order.

        Step 8 comes first. Then challenges are burned, receipts written and the audit chain continued in one
        transaction. No lock was held while tokens were verified, and whoever burns a challenge first has it
        alone.
        """
        self._watch()
        requests = [work for work in works if isinstance(work, ChallengeRequest)]
        checked = self._check_status([work for work in works if isinstance(work, Attempt)])
        with self._database.write() as session:
            if checked:
                queue_writers(session, AuditEntry)  # first, so that two batches never wait for each other
            issued = iter(self._issue(session, requests))
            ended = iter(self._end(session, checked))
        return [next(issued if isinstance(work, ChallengeRequest) else ended) for work in works]

    def issue_challenge(self, site: RelyingSite) -> Challenge:
        """A fresh nonce for one attempt at this site."""
        self._watch()
        with self._database.write() as session:
            [challenge] = challenges.issue_many(session, [site], self._clock(), self._random_bytes)
        return challenge

    def authenticate(self, site: RelyingSite, nonce: str, read_token: ReadToken) -> AcceptedLogin:
        """One login by itself; raises LoginAttemptRefusedError with its receipt.

        Raises ForeignPolicyError where others must be asked for the status, which takes an event loop.
        """
        if site.policy in self._foreign:
            raise ForeignPolicyError(site.policy)
        self._watch()
        with self._database.read() as session:
            [found] = self._find(session, [(site, nonce)])
        [result] = self.record_many([self.verify(found, read_token)])
        if isinstance(result, LoginAttemptRefusedError):
            raise result from result.error
        return cast("AcceptedLogin", result)

    def receipt(self, site: RelyingSite, code: str) -> Receipt:
        """A receipt of this site's; raises ReceiptMissingError or ReceiptCodeError."""
        with self._database.read() as session:
            return receipts.find(session, site.site_id, code)

    def _verifier_of(self, site: RelyingSite) -> TokenVerifier:
        verifier = self._verifiers.get(site.policy)
        if verifier is None:
            raise PolicyUnavailableError(site.policy)
        return verifier

    def _find(self, session: ReadSession, wanted: Sequence[tuple[RelyingSite, str]]) -> list[Found]:
        now = self._clock()
        found = challenges.find_many(session, [(site.site_id, nonce) for site, nonce in wanted], now)
        return [
            Found(site, nonce, now, challenge) for (site, nonce), challenge in zip(wanted, found, strict=True)
        ]

    def _issue(self, session: WriteSession, requests: Sequence[ChallengeRequest]) -> list[Issued]:
        """A fresh nonce for each request of a known site for its own origin."""
        if not requests:
            return []
        known = recognise(session, [request.key for request in requests])
        sites = [_require_own_origin(*pair) for pair in zip(known, requests, strict=True)]
        admitted = [site for site in sites if isinstance(site, RelyingSite)]
        made = iter(challenges.issue_many(session, admitted, self._clock(), self._random_bytes))
        return [next(made) if isinstance(site, RelyingSite) else site for site in sites]

    def _end(self, session: WriteSession, checked: Sequence["_Checked"]) -> list[Ended]:
        """Burns, keeps a receipt and an audit entry of each."""
        if not checked:
            return []
        outcomes = _burn(session, checked, self._clock())
        summaries = [_summary(*outcome) for outcome in outcomes]
        kept = receipts.store_many(session, self._random_bytes, self._receipt_keys.current, summaries)
        append_many(session, AuditEntry, map(_event, kept, (found for found, *_ in outcomes)))
        return [
            _result(found, outcome, receipt)
            for (found, outcome, _), receipt in zip(outcomes, kept, strict=True)
        ]

    def _check_status(self, attempts: Sequence[Attempt]) -> list["_Checked"]:
        """Step 8. Asked as late as can be: what was revoked before the login is recorded, counts."""
        checked: dict[int, _Checked] = {}
        proven: defaultdict[str, list[tuple[int, CheckedToken]]] = defaultdict(list)
        for place, attempt in enumerate(attempts):
            if isinstance(attempt.outcome, CheckedToken):
                proven[attempt.found.site.policy].append((place, attempt.outcome))
            else:
                checked[place] = (attempt.found, attempt.outcome, attempt.certificate_sha256)
        for policy, group in proven.items():
            answers = self._status[policy]([token.question for _, token in group])
            for (place, token), answer in zip(group, answers, strict=True):
                found, refusal = attempts[place].found, refusal_of(answer)
                if refusal is None:
                    checked[place] = (found, token.identity(), None)
                else:
                    checked[place] = (found, refusal, token.certificate.sha256)
        return [checked[place] for place in range(len(attempts))]


_Checked = tuple[Found, Identity | LoginRefusedError, str | None]
"""An attempt, what all steps but the burning of its challenge say, a refused certificate's fingerprint."""


def _require_own_origin(
    site: RelyingSite | ApiKeyInvalidError, request: ChallengeRequest
) -> RelyingSite | ApiKeyInvalidError | OriginForeignError:
    if isinstance(site, RelyingSite) and request.origin not in (None, site.origin):
        return OriginForeignError()
    return site


def _burn(session: WriteSession, checked: Sequence[_Checked], now: datetime) -> list[_Checked]:
    """Burns the challenges of all attempts that found theirs usable; who comes second is refused."""
    usable = [found.nonce for found, *_ in checked if isinstance(found.challenge, Challenge)]
    burned = challenges.burn_many(session, usable, now)
    outcomes: list[_Checked] = []
    for found, outcome, fingerprint in checked:
        if isinstance(found.challenge, Challenge):
            if found.nonce not in burned and isinstance(outcome, Identity):
                # Another request used the challenge while this one was verified: it is the login, not this.
                outcomes.append((found, ChallengeUsedError(), outcome.certificate_sha256))
                continue
            burned.discard(found.nonce)
        outcomes.append((found, outcome, fingerprint))
    return outcomes


def _summary(found: Found, outcome: Identity | LoginRefusedError, fingerprint: str | None) -> Summary:
    site, challenge = found.site, challenges.digest_of(found.nonce)
    if isinstance(outcome, LoginRefusedError):
        failure = (outcome.step, outcome.kind)
        return Summary(site.site_id, found.at, site.policy, failure, fingerprint, challenge, outcome.detail)
    fingerprint = outcome.certificate_sha256
    return Summary(site.site_id, found.at, site.policy, None, fingerprint, challenge, None)


def _event(receipt: Receipt, found: Found) -> Event:
    accepted = receipt.outcome == ACCEPTED
    action = "login.accept" if accepted else "login.refuse"
    details = {"outcome": receipt.outcome, "policy": receipt.policy}
    return Event(receipt.time, found.site.site_id, action, receipt.code, details)


def _result(
    found: Found, outcome: Identity | LoginRefusedError, receipt: Receipt
) -> AcceptedLogin | LoginAttemptRefusedError:
    if isinstance(outcome, Identity):
        return AcceptedLogin(outcome, receipt)
    _LOG.info("login refused: site %s, receipt %s, %s", found.site.site_id, receipt.code, receipt.outcome)
    return LoginAttemptRefusedError(outcome, receipt)
