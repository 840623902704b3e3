"""The database's side of logins, many at a time: one transaction for all that wait.

Attempts are ended: their challenges burned, receipts signed and written, the audit chain continued.
"""

import logging
import secrets
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
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
from verifier.challenges import sealing
from verifier.challenges.sealing import Challenge
from verifier.logins.values import (
    Ending,
    Found,
    Ping,
    Question,
    Recorded,
    Refusal,
    Secret,
    SecretQuestion,
    SiteQuestion,
)
from verifier.receipts import service as receipts
from verifier.receipts.advice import ACCEPTED
from verifier.receipts.keys import ReceiptKeys
from verifier.receipts.ring import ReceiptKeyRing
from verifier.receipts.service import Receipt, Summary
from verifier.services.apikeys import RandomBytes
from verifier.services.errors import ApiKeyInvalidError
from verifier.services.registry import RelyingSite, recognise
from verifier.store.sessions import Database, WriteSession

_LOG = logging.getLogger(__name__)
_FORGETTING = timedelta(minutes=1)

Work = SiteQuestion | SecretQuestion | Ending | Ping
Result = RelyingSite | Secret | Recorded | ApiKeyInvalidError | Ping
"""What comes of each kind of work, in the order above; or why nothing does."""


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
        self._forget_at = datetime.min.replace(tzinfo=UTC)

    def work(self, works: Sequence[Work]) -> list[Result]:
        """A result for each, in their order.

        Raises RecordsAwayError, ReceiptsUnsignedError or ClockBehindError: then nothing was written.
        """
        try:
            if any(not isinstance(work, Ping) for work in works):
                self._watch()
            sites = iter(self._recognise([work for work in works if isinstance(work, SiteQuestion)]))
            ended = iter(self.record([work for work in works if isinstance(work, Ending)]))
            return [self._result(work, sites, ended) for work in works]
        except SQLAlchemyError as error:
            raise RecordsAwayError(type(error).__name__) from error
        except KeyStoreError as error:
            raise ReceiptsUnsignedError from error
        except ClockSetBackError as error:
            raise ClockBehindError(str(error)) from error

    def _result(self, work: Work, sites: Iterator[Result], ended: Iterator[Result]) -> Result:
        match work:
            case SiteQuestion():
                return next(sites)
            case Ending():
                return next(ended)
            case SecretQuestion():
                return Secret(self._secret(work.day))
            case Ping():
                return work

    def record(self, endings: Sequence[Ending]) -> list[Recorded | ApiKeyInvalidError]:
        """Ends attempts for good, all in one transaction; of those whose site's key has ended, none.

        No lock was held while tokens were verified, and whoever burns a challenge first has it alone.
        """
        if not endings:
            return []
        with self._database.write() as session:
            # First, so that two batches never wait for each other, and nobody waits once he has asked.
            queue_writers(session, AuditEntry)
            admitted = _still_admitted(session, endings)
            asked = self._ask_status(
                [ending for ending, known in zip(endings, admitted, strict=True) if known]
            )
            ended = iter(self._end(session, asked))
        return [next(ended) if known else ApiKeyInvalidError() for known in admitted]

    def end(self, ending: Ending) -> Recorded:
        """Ends one attempt of a known site."""
        [recorded] = self.record([ending])
        if isinstance(recorded, ApiKeyInvalidError):
            raise recorded
        return recorded

    def issue(self, site: RelyingSite) -> Challenge:
        """A fresh nonce for one attempt at this site."""
        self._watch()
        now = self._clock()
        secret = self._secret(sealing.day_of(now))
        if secret is None:
            raise ClockBehindError("the day changed twice")
        return sealing.seal(secret, site, now, self._random_bytes(sealing.RANDOM_BYTES))

    def find(self, site: RelyingSite, nonce: str) -> Found:
        """The challenge behind a nonce that a known site presents; whether it was used shows at its end."""
        self._watch()
        now = self._clock()
        sealed = sealing.take_apart(nonce, now)
        secret = None if sealed is None else self._secret(sealing.day_of(sealed.issued_at))
        return Found(site, nonce, now, sealing.opened(secret, site, nonce, sealed, now))

    def receipt(self, site: RelyingSite, code: str) -> Receipt:
        """A receipt of this site's; raises ReceiptMissingError or ReceiptCodeError."""
        with self._database.read() as session:
            return receipts.find(session, site.site_id, code)

    def _recognise(self, questions: Sequence[SiteQuestion]) -> list[RelyingSite | ApiKeyInvalidError]:
        if not questions:
            return []
        with self._database.read() as session:
            return recognise(session, [question.key for question in questions])

    def _secret(self, day: int) -> bytes | None:
        with self._database.read() as session:
            secret = challenges.find_secret(session, day)
        if secret is not None:
            return secret
        with self._database.write() as session:
            return challenges.make_secret(session, day, self._clock(), self._random_bytes)

    def _end(self, session: WriteSession, endings: Sequence["_Asked"]) -> list[Recorded]:
        """Burns, keeps a receipt and an audit entry of each."""
        if not endings:
            return []
        now = self._clock()
        if now >= self._forget_at:
            challenges.forget(session, now)
            self._forget_at = now + _FORGETTING
        ended = _burn(session, endings, now)
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


def _still_admitted(session: WriteSession, endings: Sequence[Ending]) -> list[bool]:
    """Whether each one's site is still known by the key that it came with."""
    with_keys = [ending for ending in endings if ending.key is not None]
    known = iter(recognise(session, [ending.key for ending in with_keys if ending.key is not None]))
    return [ending.key is None or next(known) == ending.site for ending in endings]


def _burn(session: WriteSession, endings: Sequence[_Asked], now: datetime) -> list[_Asked]:
    """Burns the challenges of all attempts that found theirs usable; who comes second is refused for that.

    Whatever else is wrong with a second attempt, step 0 comes before it.
    """
    nonces = [ending.nonce for ending, _ in endings if ending.usable]
    burned = challenges.burn_many(session, nonces, now)
    second = set(nonces) - burned
    times = challenges.used_at(session, second) if second else {}
    ended: list[_Asked] = []
    for ending, late in endings:
        if ending.usable and ending.nonce not in burned:
            ended.append((ending, ChallengeUsedError(times.get(ending.nonce, now))))
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
