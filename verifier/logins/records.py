"""The database's side of logins, many at a time: one transaction for all that wait.

Challenges are issued and found, attempts are ended: their challenges burned, receipts signed and written,
the audit chain continued.
"""

import logging
import secrets
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache

from cryptography import x509
from sqlalchemy.exc import SQLAlchemyError

from pki.auditchain import Event, append_many
from pki.auditchain.table import queue_writers
from pki.clock import Clock
from pki.errors import ClockSetBackError, KeyStoreError
from verifier.audit import AuditEntry
from verifier.authentication.errors import ChallengeUsedError, LoginRefusedError
from verifier.authentication.status import StatusLookup, refusal_of
from verifier.challenges import repository as challenges
from verifier.challenges.repository import Challenge
from verifier.logins.values import (
    ChallengeRequest,
    Ending,
    Found,
    Ping,
    Presented,
    Question,
    Recorded,
    Refusal,
)
from verifier.receipts import service as receipts
from verifier.receipts.advice import ACCEPTED
from verifier.receipts.keys import ReceiptKeys
from verifier.receipts.ring import ReceiptKeyRing
from verifier.receipts.service import Receipt, Summary
from verifier.services.apikeys import RandomBytes
from verifier.services.errors import ApiKeyInvalidError, OriginForeignError
from verifier.services.registry import RelyingSite, recognise
from verifier.store.sessions import Database, ReadSession, WriteSession

_LOG = logging.getLogger(__name__)

Work = Presented | ChallengeRequest | Ending | Ping
Result = Found | Challenge | Recorded | ApiKeyInvalidError | OriginForeignError | Ping
"""What comes of a presented nonce, a request for a challenge and an ending; or why nothing does."""


class RecordsAwayError(Exception):
    """Nothing can be read or written now, so nobody logs in; `cause` names the error."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class RecorderAwayError(RecordsAwayError):
    """Whoever records is gone or silent; what it was given may have been done."""

    def __init__(self) -> None:
        super().__init__("recorder")


class ReceiptsUnsignedError(Exception):
    """The key that signs receipts is away, so nothing was written."""


class ClockBehindError(Exception):
    """The clock is behind what is on record, so nothing was decided; the text says by what."""


class LoginRecords:
    """All that logins read and write."""

    def __init__(
        self,
        database: Database,
        status: Mapping[str, StatusLookup],
        receipt_keys: ReceiptKeys | ReceiptKeyRing,
        clock: Clock,
        random_bytes: RandomBytes = secrets.token_bytes,
        watch: Callable[[], None] = lambda: None,
    ) -> None:
        """`status` answers Questions, by the name of the site's policy; `receipt_keys` sign every receipt.

        `watch` is called before anything is done; what it raises, such as ClockSetBackError, is raised.
        """
        self._database = database
        self._status = dict(status)
        self._receipt_keys = receipt_keys
        self._clock = clock
        self._watch = watch
        self._random_bytes = random_bytes

    def work(self, works: Sequence[Work]) -> list[Result]:
        """A result for each, in their order.

        Raises RecordsAwayError, ReceiptsUnsignedError or ClockBehindError: then nothing was written.
        """
        presented = [work for work in works if isinstance(work, Presented)]
        others = [work for work in works if isinstance(work, ChallengeRequest | Ending)]
        try:
            if presented or others:
                self._watch()
            found = iter(self.find(presented) if presented else ())
            recorded = iter(self.record(others) if others else ())
        except SQLAlchemyError as error:
            raise RecordsAwayError(type(error).__name__) from error
        except KeyStoreError as error:
            raise ReceiptsUnsignedError from error
        except ClockSetBackError as error:
            raise ClockBehindError(str(error)) from error
        return [
            work if isinstance(work, Ping) else next(found if isinstance(work, Presented) else recorded)
            for work in works
        ]

    def find(self, presented: Sequence[Presented]) -> list[Found | ApiKeyInvalidError]:
        """The challenge behind each nonce; not burned yet."""
        with self._database.read() as session:
            sites = recognise(session, [one.key for one in presented])
            known = [
                (site, one.nonce)
                for site, one in zip(sites, presented, strict=True)
                if isinstance(site, RelyingSite)
            ]
            found = iter(self._find(session, known))
        return [next(found) if isinstance(site, RelyingSite) else site for site in sites]

    def find_own(self, site: RelyingSite, nonce: str) -> Found:
        """The challenge behind a nonce that a known site presents."""
        self._watch()
        with self._database.read() as session:
            [found] = self._find(session, [(site, nonce)])
        return found

    def record(self, works: Sequence[ChallengeRequest | Ending]) -> list[Result]:
        """Issues challenges, and ends attempts for good.

        Step 8 comes first. Then all is written in one transaction. No lock was held while tokens were
        verified, and whoever burns a challenge first has it alone.
        """
        requests = [work for work in works if isinstance(work, ChallengeRequest)]
        endings = [work for work in works if isinstance(work, Ending)]
        with self._database.write() as session:
            if endings:
                # First, so that two batches never wait for each other, and nobody waits once he has asked.
                queue_writers(session, AuditEntry)
            issued = iter(self._issue(session, requests))
            ended = iter(self._end(session, self._ask_status(endings)))
        return [next(issued if isinstance(work, ChallengeRequest) else ended) for work in works]

    def end(self, ending: Ending) -> Recorded:
        """Ends one attempt."""
        with self._database.write() as session:
            queue_writers(session, AuditEntry)
            [recorded] = self._end(session, self._ask_status([ending]))
        return recorded

    def issue(self, site: RelyingSite) -> Challenge:
        """A fresh nonce for one attempt at this site."""
        self._watch()
        with self._database.write() as session:
            [challenge] = challenges.issue_many(session, [site], self._clock(), self._random_bytes)
        return challenge

    def receipt(self, site: RelyingSite, code: str) -> Receipt:
        """A receipt of this site's; raises ReceiptMissingError or ReceiptCodeError."""
        with self._database.read() as session:
            return receipts.find(session, site.site_id, code)

    def _find(self, session: ReadSession, wanted: Sequence[tuple[RelyingSite, str]]) -> list[Found]:
        now = self._clock()
        found = challenges.find_many(session, [(site.site_id, nonce) for site, nonce in wanted], now)
        return [
            Found(site, nonce, now, challenge) for (site, nonce), challenge in zip(wanted, found, strict=True)
        ]

    def _issue(
        self, session: WriteSession, requests: Sequence[ChallengeRequest]
    ) -> list[Challenge | ApiKeyInvalidError | OriginForeignError]:
        """A fresh nonce for each request of a known site for its own origin."""
        if not requests:
            return []
        known = recognise(session, [request.key for request in requests])
        sites = [_require_own_origin(*pair) for pair in zip(known, requests, strict=True)]
        admitted = [site for site in sites if isinstance(site, RelyingSite)]
        made = iter(challenges.issue_many(session, admitted, self._clock(), self._random_bytes))
        return [next(made) if isinstance(site, RelyingSite) else site for site in sites]

    def _end(self, session: WriteSession, endings: Sequence["_Asked"]) -> list[Recorded]:
        """Burns, keeps a receipt and an audit entry of each."""
        if not endings:
            return []
        ended = _burn(session, endings, self._clock())
        summaries = [_summary(*one) for one in ended]
        kept = receipts.store_many(session, self._random_bytes, self._receipt_keys.current, summaries)
        append_many(session, AuditEntry, map(_event, kept))
        return [Recorded(receipt, late) for receipt, (_, late) in zip(kept, ended, strict=True)]

    def _ask_status(self, endings: Sequence[Ending]) -> list["_Asked"]:
        """Step 8. Asked as late as can be: what was revoked before the login is recorded, counts."""
        refused: dict[int, LoginRefusedError | None] = {}
        asked: defaultdict[str, list[tuple[int, Question]]] = defaultdict(list)
        for place, ending in enumerate(endings):
            if isinstance(ending.outcome, Question):
                asked[ending.site.policy].append((place, ending.outcome))
        for policy, group in asked.items():
            questions = [(_certificate(question.issuer), question.serial) for _, question in group]
            for (place, _), answer in zip(group, self._status[policy](questions), strict=True):
                refused[place] = refusal_of(answer)
        return [(ending, refused.get(place)) for place, ending in enumerate(endings)]


_Asked = tuple[Ending, LoginRefusedError | None]
"""An attempt, and why it is refused at the last moment."""


@lru_cache(maxsize=64)
def _certificate(der: bytes) -> x509.Certificate:
    """One of our authorities: there are few."""
    return x509.load_der_x509_certificate(der)


def _require_own_origin(
    site: RelyingSite | ApiKeyInvalidError, request: ChallengeRequest
) -> RelyingSite | ApiKeyInvalidError | OriginForeignError:
    if isinstance(site, RelyingSite) and request.origin not in (None, site.origin):
        return OriginForeignError()
    return site


def _burn(session: WriteSession, endings: Sequence[_Asked], now: datetime) -> list[_Asked]:
    """Burns the challenges of all attempts that found theirs usable; who comes second is refused."""
    burned = challenges.burn_many(session, [ending.nonce for ending, _ in endings if ending.usable], now)
    ended: list[_Asked] = []
    for ending, late in endings:
        refused = late is not None or isinstance(ending.outcome, Refusal)
        if ending.usable and ending.nonce not in burned and not refused:
            # Another request used the challenge while this one was verified: it is the login, not this.
            ended.append((ending, ChallengeUsedError()))
            continue
        burned.discard(ending.nonce)
        ended.append((ending, late))
    return ended


def _summary(ending: Ending, late: LoginRefusedError | None) -> Summary:
    site, challenge = ending.site, challenges.digest_of(ending.nonce)
    fingerprint = ending.outcome.certificate_sha256
    refusal = ending.outcome if late is None else Refusal.of(late, fingerprint)
    failure, detail = None, None
    if isinstance(refusal, Refusal):
        failure, detail = (refusal.step, refusal.kind), refusal.detail
    return Summary(site.site_id, ending.at, site.policy, failure, fingerprint, challenge, detail)


def _event(receipt: Receipt) -> Event:
    accepted = receipt.outcome == ACCEPTED
    if not accepted:
        _LOG.info("login refused: site %s, receipt %s, %s", receipt.site_id, receipt.code, receipt.outcome)
    action = "login.accept" if accepted else "login.refuse"
    details = {"outcome": receipt.outcome, "policy": receipt.policy}
    return Event(receipt.time, receipt.site_id, action, receipt.code, details)
