"""Which edition of a CRL is served, and when the next one is made (`pki.status.crl.making` makes it)."""

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from pki.authority.issuers import Issuers
from pki.clock import Clock, utc_now
from pki.errors import ClockSetBackError, CrlUnavailableError, PkiError, UnknownCrlError
from pki.profiles.extensions import PublicAddresses
from pki.status.crl import policy, record
from pki.status.crl.folder import CrlFolder, FileFacts, Leftover
from pki.status.crl.locks import PublicationLocks
from pki.status.crl.making import CrlMaker
from pki.status.crl.memory import Memory
from pki.status.crl.record import reading_sessions
from pki.status.crl.rows import any_changed
from pki.status.crl.scope import CrlScope, CrlTarget, parse_target
from pki.status.signingclock import Monotonic
from pki.store.models import CrlRow

ACTOR = "pki"
_LOG = logging.getLogger(__name__)
RETRY_SECONDS = 5.0
"""After a CRL could not be made, before a reader's question tries again."""
_SCHEDULE_LOCK = "schedule"


@dataclass(frozen=True)
class PublishedCrl:
    """A CRL as it is served: what it is, and where its file lies."""

    name: str
    issuer: str
    number: int
    base: int | None
    """A delta's BaseCRLNumber."""
    this_update: datetime
    next_update: datetime
    entries: int
    size: int
    """Bytes of DER."""
    sha256: bytes = field(repr=False)
    path: Path

    def open(self) -> BinaryIO:
        """Its DER, for reading in pieces. Raises OSError."""
        return self.path.open("rb")

    def read(self) -> bytes:
        """Its DER at once. Raises OSError."""
        return self.path.read_bytes()


class CrlPublisher:
    """Knows every CRL's newest edition and makes the next one when it is due.

    Editions follow each other strictly: one publisher at a time makes one, whatever the number of threads,
    processes and replicas; all of them share the database and the folder.
    """

    def __init__(
        self,
        engine: Engine,
        issuers: Issuers,
        addresses: PublicAddresses,
        folder: Path,
        clock: Clock = utc_now,
        monotonic: Monotonic = time.monotonic,
    ) -> None:
        self._reading = reading_sessions(engine)
        self._issuers = issuers
        self._folder = CrlFolder(folder)
        self._maker = CrlMaker(engine, issuers, addresses, self._folder, clock)
        self._locks = PublicationLocks(engine, folder)
        self._clock = clock
        self._memory = Memory(self._reading)
        self._monotonic = monotonic
        self._failed: dict[str, float] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Short names of the CAs: the names of their full CRLs."""
        return tuple(ca.name for ca in self._issuers)

    @property
    def signing(self) -> tuple[str, ...]:
        """Those whose next CRL this process can sign; a ceremony made that of the others."""
        return tuple(ca.name for ca in self._issuers if ca.key is not None)

    def whole(self, issuer: str) -> list[CrlTarget]:
        """The CRLs over all certificates of a CA: the full one, and the delta where there are deltas."""
        scope = CrlScope(issuer)
        return [scope.full, scope.delta] if scope.has_delta else [scope.full]

    def current(self, name: str) -> PublishedCrl:
        """The CRL to serve now; if it is due, a new one is made first (`pki.status.crl.policy`).

        When that fails, or while another publisher is at it, the last one is served on, even past its end:
        it still says who was revoked, and its own date tells relying parties what it is worth. Anybody may
        ask: what failed isn't tried again for a while, and a partition's delta is made only where it has
        something to tell that the full CRL has not; else that one is given, or the last delta.
        Where the key is off line, that is the last ceremony's. Raises UnknownCrlError; IssuerOfflineError
        before a ceremony made the first; the key's error, OSError or SQLAlchemyError when there is none.
        """
        target = self._target(name)
        if target.delta and target.scope.shard is not None and self._is_told_by_full(target):
            return self._instead_of(target)
        row = self._newest(target)
        if row is None:
            return self._publish_if_still_due(target, ACTOR, wait=True)
        return self._next_after(target, row)

    def _next_after(self, target: CrlTarget, row: CrlRow) -> PublishedCrl:
        """The next edition where it is due and can be made; else this one."""
        online = self._issuers[row.issuer].key is not None
        if not online or self._pauses(target.name) or not self._is_due(target, row):
            return self._published(row)
        try:
            self._maker.check_time()
            return self._publish_if_still_due(target, ACTOR, wait=self._must_wait(row))
        except ClockSetBackError:
            pass  # told by health; no key is asked, so the next question may ask again
        except (PkiError, OSError, SQLAlchemyError) as error:
            self._failed[target.name] = self._monotonic()
            _LOG.error("CRL %s can't be made anew: %s", target.name, type(error).__name__)
        return self._published(row)

    def _is_told_by_full(self, target: CrlTarget) -> bool:
        """Whether nothing in the scope has changed since its full CRL."""
        full = self._newest(target.scope.full)
        return full is None or not self._is_changed(target.scope.full, full)

    def _instead_of(self, target: CrlTarget) -> PublishedCrl:
        """The last delta while it is in force and the newer of the two, else the full CRL."""
        full, delta = self.current(target.scope.name), self._newest(target)
        fresh = delta is not None and delta.number > full.number and policy.in_force(delta, self._clock())
        return self._published(delta) if delta is not None and fresh else full

    def _pauses(self, name: str) -> bool:
        failed = self._failed.get(name)
        return failed is not None and self._monotonic() - failed < RETRY_SECONDS

    def publish(self, name: str, actor: str = ACTOR, *, next_update: datetime | None = None) -> PublishedCrl:
        """Makes and stores the next edition now.

        `next_update` is a ceremony's: its key signs no other one soon, or ever again.
        Raises UnknownCrlError, IssuerOfflineError, the key's error, OSError, SQLAlchemyError.
        """
        target = self._target(name)
        with self._locks.hold(target.scope.name):
            return self._published(self._maker.make(target, actor, next_update))

    def publish_due(self, actor: str = ACTOR, *, changes: bool = True) -> list[PublishedCrl]:
        """Every CRL whose time has come, and with `changes` those that a change calls for.

        Deltas of partitions are made when they are asked for. If another publisher is at it: nothing. One
        CRL that fails stops no other; the first error is raised at the end. Raises ClockSetBackError.
        """
        made: list[PublishedCrl] = []
        errors: list[Exception] = []
        with self._locks.hold(_SCHEDULE_LOCK, wait=False) as mine:
            if not mine:
                return []
            self.clean()
            self._maker.check_time()
            self._memory.check()
            for target in self._scheduled_targets():
                try:
                    made += self._publish_if_due(target, actor, changes=changes)
                except (PkiError, OSError, SQLAlchemyError) as error:
                    errors.append(error)
        if errors:
            raise errors[0]
        return made

    def published(self, name: str) -> PublishedCrl | None:
        """The newest edition, fresh or not; its file is not looked at. Raises UnknownCrlError."""
        target = self._target(name)
        with self._reading.begin() as session:
            row = record.newest(session, target.name)
        return None if row is None else self._published(row)

    def history(self, names: Sequence[str], limit: int) -> list[PublishedCrl]:
        """The newest `limit` editions of each name, newest first."""
        with self._reading.begin() as session:
            return [self._published(row) for row in record.history(session, names, limit)]

    def overdue(self) -> list[str]:
        """Names of the CAs' full CRLs that are past their end, or missing where the key is on line."""
        now = self._clock()
        found = [(name, self.published(name)) for name in self.names]
        signing = self.signing
        return [
            name
            for name, crl in found
            if (crl is None and name in signing) or (crl and crl.next_update <= now)
        ]

    def clean(self) -> int:
        """Removes what publications left that were cut off; returns how many files. Run it at each start."""
        removed = 0
        for leftover in self._folder.leftovers():
            with self._locks.hold(parse_target(leftover.name).scope.name, wait=False) as mine:
                if mine:  # else that publication is under way
                    self._remove(leftover)
                    removed += 1
        return removed

    def _remove(self, leftover: Leftover) -> None:
        with self._reading.begin() as session:
            recorded = record.is_recorded(session, leftover.name, leftover.number)
        if not recorded:
            self._folder.path(leftover.name, leftover.number).unlink(missing_ok=True)
        leftover.path.unlink(missing_ok=True)

    def _target(self, name: str) -> CrlTarget:
        target = parse_target(name)
        scope = target.scope
        if scope.issuer not in self._issuers or (target.delta and not scope.has_delta):
            raise UnknownCrlError(name)
        shards = self._issuers[scope.issuer].shards
        if scope.shard is not None and not (shards > 1 and scope.shard < shards):
            raise UnknownCrlError(name)
        return target

    def _scheduled_targets(self) -> Iterator[CrlTarget]:
        for name in self.signing:
            yield from self.whole(name)
            shards = self._issuers[name].shards
            yield from (CrlScope(name, shard).full for shard in (range(shards) if shards > 1 else ()))

    def _publish_if_due(self, target: CrlTarget, actor: str, *, changes: bool) -> list[PublishedCrl]:
        if not changes and self._memory.rests(target.name, self._clock()):
            return []
        row = self._newest(target)
        if row is not None and not self._calls_for_next(target, row, changes=changes):
            self._memory.rest(row)
            return []
        return [self._publish_if_still_due(target, actor, wait=True)]

    def _calls_for_next(self, target: CrlTarget, row: CrlRow, *, changes: bool) -> bool:
        if self._is_behind(row):
            return True
        return self._is_due(target, row) if changes else policy.scheduled(row, self._clock())

    def _is_behind(self, row: CrlRow) -> bool:
        """Whether a newer one was published that the database, come back from a copy, doesn't know."""
        return self._folder.highest(row.name) > row.number

    def _publish_if_still_due(self, target: CrlTarget, actor: str, *, wait: bool) -> PublishedCrl:
        """Or what another publisher made in the meantime; without waiting, what there is."""
        with self._locks.hold(target.scope.name, wait=wait) as mine:
            row = self._newest(target)
            if row is not None and not (mine and (self._is_due(target, row) or self._is_behind(row))):
                return self._published(row)
            if not mine:
                raise CrlUnavailableError(target.name)  # its file vanished just now
            return self._published(self._maker.make(target, actor))

    def _newest(self, target: CrlTarget) -> CrlRow | None:
        """The newest edition, if its file is there and unchanged."""
        with self._reading.begin() as session:
            row = record.newest(session, target.name)
        if row is None or self._folder.holds(row.name, row.number, FileFacts(row.size, row.sha256)):
            return row
        _LOG.error("the file of CRL %s %d is missing or was changed", row.name, row.number)
        return None

    def _is_due(self, target: CrlTarget, row: CrlRow) -> bool:
        now = self._clock()
        if policy.scheduled(row, now):
            return True
        return policy.follows_changes(row) and self._is_changed(target, row) and self._is_free(row, now)

    def _is_changed(self, target: CrlTarget, row: CrlRow) -> bool:
        """Whether a status in its scope has changed since."""
        with self._reading.begin() as session:
            connection = session.connection()
            version = record.status_version(connection, target.scope.issuer)
            if version == row.status_version:
                return False
            since = self._memory.unchanged_until(connection, row)
            if version != since:
                if any_changed(connection, target.scope, since):
                    return True
                self._memory.note_unchanged(connection, row, version)
        return False

    def _is_free(self, row: CrlRow, now: datetime) -> bool:
        with self._reading.begin() as session:
            recent = record.recent(session, row.name, now - policy.BURST_SPAN)
        return policy.spaced(row, recent, now)

    def _must_wait(self, row: CrlRow) -> bool:
        """Whether a reader waits for another publisher: else the last edition serves until it is done."""
        return row.entries <= policy.SMALL or not policy.in_force(row, self._clock())

    def _published(self, row: CrlRow) -> PublishedCrl:
        return PublishedCrl(
            name=row.name,
            issuer=row.issuer,
            number=row.number,
            base=row.base,
            this_update=row.this_update,
            next_update=row.next_update,
            entries=row.entries,
            size=row.size,
            sha256=row.sha256,
            path=self._folder.path(row.name, row.number),
        )
