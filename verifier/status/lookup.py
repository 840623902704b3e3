"""The status of other authorities' certificates, each with sources, threads and bounds of its own."""

import asyncio
import hashlib
import logging
import secrets
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Protocol

from pki.der import DerError
from pki.errors import ValidationError
from pki.validation import ValidatedPath
from pki.validation.certificate import Certificate, read_certificate
from pki.validation.certificate import Source as AnyCertificate
from pki.validation.extensions import subject_key_identifier
from verifier.authentication.status import StatusAnswer
from verifier.authentication.statuserrors import (
    SourceFault,
    StatusSourceUnknownError,
    StatusUnavailableError,
    StatusUntrustedAnswerError,
)
from verifier.authentication.trust import issuer_above
from verifier.status.authorities import Authorities
from verifier.status.breaker import Breaker, Monotonic
from verifier.status.crlclient import CrlClient
from verifier.status.fetching import Fetcher, Reach
from verifier.status.gate import Gate
from verifier.status.ocspclient import OcspClient
from verifier.status.resolving import Resolve, ThreadResolver
from verifier.status.settings import Mode, SourceSettings
from verifier.status.sources import Source, Sources
from verifier.status.sourcesfile import LOOK_SECONDS, SourcesFile

_LOG = logging.getLogger(__name__)
_METRIC = "hoviat_verifier_status"


class AsyncStatusLookup(Protocol):
    """Asks whoever must be asked over the network, on the event loop."""

    async def ask_path(self, path: ValidatedPath, at: datetime) -> StatusAnswer:
        """What is said of the leaf, once every authority between it and the anchor is known to be good.

        Raises AuthorityNotGoodError, and StatusUnavailableError when there is no trustworthy answer now.
        """
        ...


class ForeignStatus:
    """An `AsyncStatusLookup` over configured sources. For one event loop at a time, and no other thread."""

    def __init__(
        self,
        sources: Sources,
        resolve: Resolve | None = None,
        clock: Monotonic = time.monotonic,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        """`resolve`: instead of the system's resolver."""
        self._make: Callable[[Source], _Asker] = lambda source: _Asker(source, resolve, clock, random_bytes)
        self._clock = clock
        self._file: SourcesFile | None = None
        self._looked = 0.0
        self._sources = Sources({})
        self._askers: dict[str, _Asker] = {}
        self._retired: list[_Asker] = []
        self._authorities = Authorities(self.ask)
        self._use(sources)

    @classmethod
    def of_file(cls, file: SourcesFile, clock: Monotonic = time.monotonic) -> "ForeignStatus":
        """Over the settings as they stand at each moment."""
        made = cls(file.current(), clock=clock)
        made._file = file
        return made

    async def ask_path(self, path: ValidatedPath, at: datetime) -> StatusAnswer:
        """See `AsyncStatusLookup`: the authorities first, so nobody is asked on the word of a revoked one."""
        await self._look()
        await self._authorities.require_good(path, at)
        return await self.ask(issuer_above(path), path.certificates[0], at)

    async def ask(self, issuer: AnyCertificate, certificate: AnyCertificate, at: datetime) -> StatusAnswer:
        """Raises StatusSourceUnknownError for an issuer without a source, else StatusUnavailableError."""
        try:
            above, below = read_certificate(issuer, None), read_certificate(certificate, None)
            source = self._sources.find(above)
        except (ValidationError, DerError) as error:
            raise StatusUntrustedAnswerError((str(error),)) from error
        if source is None:
            _LOG.warning("whom to ask about certificates of %s is not configured", _named(above))
            raise StatusSourceUnknownError(SourceFault.NOT_CONFIGURED)
        return await self._askers[source.settings.label].ask(below, above, at)

    async def _look(self) -> None:
        """Takes new settings over. One login waits for that, the others go on by what was before."""
        if self._file is None or self._clock() - self._looked < LOOK_SECONDS:
            return
        self._looked = self._clock()
        sources = await asyncio.to_thread(self._file.current)
        if sources is not self._sources:
            self._use(sources)

    def _use(self, sources: Sources) -> None:
        """Sources that stay as they were keep their breakers, counts and CRLs."""
        before = self._askers
        kept = {
            source.settings.label: before[source.settings.label]
            for source in sources.all
            if source.settings.label in before and before[source.settings.label].source == source
        }
        self._askers = {
            source.settings.label: kept.get(source.settings.label) or self._make(source)
            for source in sources.all
        }
        self._sources = sources
        self._authorities.forget()
        self._retired += [asker for label, asker in before.items() if label not in kept]
        for asker in [asker for asker in self._retired if not asker.is_asking]:
            asker.close()
            self._retired.remove(asker)

    def report(self) -> Iterator[str]:
        """Lines for Prometheus; the only names in them are those that the settings give. For any thread."""
        askers = self._askers  # the event loop may put another in its place
        gates = [gate for label in sorted(askers) for gate in askers[label].gates(label)]
        yield f"# HELP {_METRIC}_answers_total Status questions by how they ended."
        yield f"# TYPE {_METRIC}_answers_total counter"
        for labels, gate in gates:
            for outcome, count in sorted(gate.outcomes.items()):
                yield f'{_METRIC}_answers_total{{{labels},outcome="{outcome}"}} {count}'
        yield f"# HELP {_METRIC}_breaker_state 0 closed, 1 half open, 2 open."
        yield f"# TYPE {_METRIC}_breaker_state gauge"
        for labels, gate in gates:
            yield f"{_METRIC}_breaker_state{{{labels}}} {gate.breaker.state.value}"
        yield f"# HELP {_METRIC}_asking Status questions under way."
        yield f"# TYPE {_METRIC}_asking gauge"
        for labels, gate in gates:
            yield f"{_METRIC}_asking{{{labels}}} {gate.taken}"

    def close(self) -> None:
        """Stops what is under way; nobody may ask any more."""
        self._authorities.close()
        for asker in (*self._askers.values(), *self._retired):
            asker.close()


class _Asker:
    """One source: its clients by its mode."""

    def __init__(
        self,
        source: Source,
        resolve: Resolve | None,
        clock: Monotonic,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self.source = source
        settings = source.settings
        self._mode = settings.mode
        self._threads = ThreadResolver()
        fetcher = Fetcher(Reach(settings.hosts, settings.networks), resolve or self._threads)
        self._ocsp_gate, self._crl_gate = _gate(settings, clock), _gate(settings, clock)
        self._ocsp = OcspClient(source, fetcher, self._ocsp_gate, random_bytes)
        self._crl = CrlClient(settings, fetcher, self._crl_gate, clock)

    async def ask(self, certificate: Certificate, issuer: Certificate, at: datetime) -> StatusAnswer:
        """Raises StatusUnavailableError."""
        if self._mode is Mode.CRL:
            return await self._crl.ask(certificate, issuer, at)
        try:
            return await self._ocsp.ask(certificate, issuer, at)
        except StatusUnavailableError as error:
            if self._mode is Mode.OCSP:
                raise
            return await self._ask_crl_instead(certificate, issuer, at, error)

    async def _ask_crl_instead(
        self, certificate: Certificate, issuer: Certificate, at: datetime, before: StatusUnavailableError
    ) -> StatusAnswer:
        """Where there is no CRL to be had at all, what went wrong with OCSP is what tells."""
        try:
            return await self._crl.ask(certificate, issuer, at)
        except StatusSourceUnknownError:
            raise before from None

    @property
    def is_asking(self) -> bool:
        """Whether a login waits for it."""
        return bool(self._ocsp_gate.taken or self._crl_gate.taken)

    def gates(self, label: str) -> Iterator[tuple[str, Gate]]:
        """With the labels of their metrics."""
        if self._mode is not Mode.CRL:
            yield f'source="{label}",protocol="ocsp"', self._ocsp_gate
        if self._mode is not Mode.OCSP:
            yield f'source="{label}",protocol="crl"', self._crl_gate

    def close(self) -> None:
        self._crl.close()
        self._threads.close()


def _named(authority: Certificate) -> str:
    """As a table of `verifier.toml` could call it. A CA's name is in its own alphabet: not for a log."""
    key = subject_key_identifier(authority)
    if key is None:
        return f"the authority with SHA-256 {hashlib.sha256(authority.raw).hexdigest()}"
    return f'[status."{key.hex()}"]'


def _gate(settings: SourceSettings, clock: Monotonic) -> Gate:
    return Gate(Breaker(settings.failures, settings.pause, clock), settings.places)
