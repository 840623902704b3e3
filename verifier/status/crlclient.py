"""CRLs by their address: fetched ahead of logins where possible, indexed once, looked up at each login."""

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from pki.validation import Evidence, PathPolicy, RevocationMode, read_crl
from pki.validation.certificate import Certificate
from pki.validation.crl import Crl
from pki.validation.errors import MalformedCrlError
from verifier.authentication.status import StatusAnswer
from verifier.authentication.statuserrors import (
    StatusStaleError,
    StatusTimeoutError,
    StatusUntrustedAnswerError,
)
from verifier.status.breaker import Monotonic
from verifier.status.fetching import Bounds, Fetcher
from verifier.status.gate import ANSWERS, OUTAGES, Gate
from verifier.status.judging import judge
from verifier.status.locations import crl_of
from verifier.status.places import Place
from verifier.status.settings import SourceSettings

CRL_TYPE = "application/pkix-crl"  # RFC 2585 §4.2
_MAX_KEPT = 64
"""CRLs of one issuer: some cut theirs into parts."""
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Question:
    certificate: Certificate
    issuer: Certificate
    at: datetime


@dataclass
class _Kept:
    """What is known of one address."""

    crl: Crl | None = None
    evidence: Evidence | None = None
    fetched_at: float = 0.0
    fetching: asyncio.Task[None] | None = None

    def usable(self, at: datetime) -> bool:
        """Whether it tells a status at this moment."""
        return self.crl is not None and self.crl.next_update is not None and at <= self.crl.next_update


class CrlClient:
    """For the certificates of one issuer. Not for several threads."""

    def __init__(self, settings: SourceSettings, fetcher: Fetcher, gate: Gate, clock: Monotonic) -> None:
        self._settings = settings
        self._fetcher = fetcher
        self._gate = gate
        self._clock = clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._policy = PathPolicy(revocation=RevocationMode.CRL, clock_skew=timedelta(seconds=settings.skew))

    async def ask(self, certificate: Certificate, issuer: Certificate, at: datetime) -> StatusAnswer:
        """Raises StatusUnavailableError."""
        with self._gate.counting() as tally, self._gate.place():
            place = self._settings.crl or crl_of(certificate, self._settings.hosts)
            question = _Question(certificate, issuer, at)
            evidence = await self._current(place, question)
            tally.answer = self._judge(question, evidence)
            return tally.answer

    def _judge(self, question: _Question, evidence: Evidence) -> StatusAnswer:
        return judge(question.certificate, question.issuer, question.at, self._policy, evidence)

    async def _current(self, place: Place, question: _Question) -> Evidence:
        """What is kept, if it still counts; a login waits only where there is nothing else."""
        kept = self._shelf(place)
        usable = kept.usable(question.at)
        if not usable or self._clock() - kept.fetched_at >= self._settings.crl_refresh:
            self._begin_fetching(place, kept, question)
        if not usable:
            await self._fetched(kept)
        if kept.evidence is None or not kept.usable(question.at):
            raise StatusStaleError
        return kept.evidence

    def _shelf(self, place: Place) -> _Kept:
        kept = self._kept.setdefault(place.url, _Kept())
        self._kept.move_to_end(place.url)
        if len(self._kept) > _MAX_KEPT:
            self._kept.popitem(last=False)
        return kept

    def _begin_fetching(self, place: Place, kept: _Kept, question: _Question) -> None:
        """One at a time, as a task of its own: it outlasts the login that began it."""
        if kept.fetching is None or kept.fetching.done():
            kept.fetching = asyncio.create_task(self._fetch(place, kept, question))
            kept.fetching.add_done_callback(_tell_failure)

    async def _fetched(self, kept: _Kept) -> None:
        if kept.fetching is None:
            return
        try:
            async with asyncio.timeout(self._settings.budget):
                await asyncio.shield(kept.fetching)
        except TimeoutError as error:
            raise StatusTimeoutError from error

    async def _fetch(self, place: Place, kept: _Kept, question: _Question) -> None:
        settings = self._settings
        bounds = Bounds(settings.crl_budget, settings.crl_bytes)
        with self._gate.turn(OUTAGES + ANSWERS):  # a useless CRL costs a download: not with every login
            raw = await self._fetcher.get(place, CRL_TYPE, bounds)
            crl = await asyncio.to_thread(_read, raw)  # megabytes take seconds
            self._replace(kept, crl, question)

    def _replace(self, kept: _Kept, crl: Crl, question: _Question) -> None:
        """Only by one that counts and is no older: a replayed CRL lacks the newest revocations."""
        evidence = Evidence.of(crls=[crl])
        self._judge(question, evidence)
        kept.fetched_at = self._clock()
        if kept.crl is not None and crl.this_update < kept.crl.this_update:
            _LOG.warning("a CRL that is older than the one before is not taken")
            return
        kept.crl, kept.evidence = crl, evidence

    def close(self) -> None:
        """Stops what is under way."""
        for kept in self._kept.values():
            if kept.fetching is not None:
                kept.fetching.cancel()


def _read(raw: bytes) -> Crl:
    try:
        return read_crl(raw)
    except MalformedCrlError as error:
        raise StatusUntrustedAnswerError((error.detail,)) from error


def _tell_failure(task: asyncio.Task[None]) -> None:
    """Nobody may be waiting for it."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _LOG.warning("a CRL was not fetched: %s", error)
