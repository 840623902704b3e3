"""Starting, watching, pausing, resuming and cancelling batch runs."""

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from issuance.audit import Audit
from issuance.batchruns.errors import NoPlaceError
from issuance.batchruns.models import BatchReader, BatchRun
from issuance.batchruns.places import Places
from issuance.batchruns.states import BATCH_RUN, ENDED, BatchRunEvent, BatchRunState, ReaderState
from issuance.batchruns.worker import LOST_AFTER, Bench, ReaderWorker
from issuance.database import Database
from issuance.errors import InvalidInputError, NotFoundError
from issuance.identifiers import Randomness, new_identifier
from issuance.operators.service import Actor
from issuance.orders.service import PRODUCERS, Orders
from issuance.production.connection import Readers, names_at
from issuance.production.errors import ReaderInUseError
from issuance.production.service import STATIONS, ProductionLine
from pki.clock import Clock

_THREADS = 256
"""One for each reader of a run that goes on; of those, so many make cards as there are places."""
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class ReaderView:
    """One reader of a batch run as others see it."""

    reader: str
    state: ReaderState
    produced: int
    production_id: str | None
    failure_kind: str | None
    failure_detail: str | None


@dataclass(frozen=True)
class BatchRunView:
    """A batch run as others see it."""

    id: str
    office: str
    state: BatchRunState
    lost: bool
    """Its server has not been heard of: resuming it starts it here."""
    started_by: str
    started_at: datetime
    ended_at: datetime | None
    readers: tuple[ReaderView, ...]

    @property
    def produced(self) -> int:
        """Cards until now."""
        return sum(reader.produced for reader in self.readers)


class BatchRuns:
    """The batch runs of one server, and a view on those of others that share its database."""

    def __init__(
        self,
        database: Database,
        audit: Audit,
        orders: Orders,
        line: ProductionLine,
        readers: Readers,
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self._bench = Bench(database, orders, line, readers, clock, threading.Event(), Places())
        self._audit = audit
        self._randomness = randomness
        self._pool = ThreadPoolExecutor(_THREADS, "batch")
        self._lock = threading.Lock()
        self._at_work: set[str] = set()  # readers

    def start(self, actor: Actor, readers: Sequence[str]) -> str:
        """Lets these readers work through the queue of the actor's office; returns the run's identifier.

        Raises InvalidInputError, ReaderInUseError, NoPlaceError, a TransportError, or NotFoundError for an
        unknown reader.
        """
        actor.require(*PRODUCERS)
        chosen = sorted(set(readers))
        if not 1 <= len(chosen) <= STATIONS:
            raise InvalidInputError(f"1 to {STATIONS} readers")
        if not set(chosen) <= set(names_at(self._bench.readers, actor.office)):
            raise NotFoundError("reader")
        run = BatchRun(
            id=new_identifier(self._randomness),
            office=actor.office,
            state=BatchRunState.RUNNING.value,
            started_by=actor.username,
            started_at=self._bench.clock(),
        )
        self._occupy(chosen)
        try:
            self._bench.places.take_all(actor.office, chosen)
            with self._bench.database.writing() as session:
                run.readers = [self._reader(name) for name in chosen]
                session.add(run)
                self._record(session, actor, run, "started")
        except BaseException:
            self._leave(chosen)
            raise
        self._launch(actor, run.id, chosen)
        return run.id

    def pause(self, actor: Actor, batch_run_id: str) -> None:
        """The cards at hand are finished, and no other begun.

        Raises NotFoundError or ForbiddenTransitionError.
        """
        self._tell(actor, batch_run_id, BatchRunEvent.PAUSE)

    def cancel(self, actor: Actor, batch_run_id: str) -> None:
        """The same, for good."""
        self._tell(actor, batch_run_id, BatchRunEvent.CANCEL)

    def resume(self, actor: Actor, batch_run_id: str) -> None:
        """Goes on, with the readers that stopped; a run whose server is lost goes on at this one.

        Raises ReaderInUseError, and what `pause` raises.
        """
        actor.require(*PRODUCERS)
        lost = self.view(actor, batch_run_id).lost
        readers = self._tell(actor, batch_run_id, BatchRunEvent.RESUME)
        if lost:
            self._occupy(readers)
            self._launch(actor, batch_run_id, readers)

    def view(self, actor: Actor, batch_run_id: str) -> BatchRunView:
        """The run as it stands. Raises NotFoundError."""
        with self._bench.database.reading() as session:
            return self._view(_own(session, actor, batch_run_id))

    def latest(self, actor: Actor, limit: int = 20) -> list[BatchRunView]:
        """The newest runs of the actor's office."""
        query = select(BatchRun).where(BatchRun.office == actor.office)
        with self._bench.database.reading() as session:
            found = session.scalars(query.order_by(BatchRun.started_at.desc()).limit(limit))
            return [self._view(run) for run in found]

    def close(self) -> None:
        """Lets the cards at hand be finished and ends the threads; the runs can be resumed."""
        self._bench.closing.set()
        self._pool.shutdown(wait=True)

    def _tell(self, actor: Actor, batch_run_id: str, event: BatchRunEvent) -> list[str]:
        actor.require(*PRODUCERS)
        with self._bench.database.writing() as session:
            run = _own(session, actor, batch_run_id)
            run.state = BATCH_RUN.after(BatchRunState(run.state), event).value
            if event is BatchRunEvent.CANCEL:
                run.ended_at = self._bench.clock()
            going_on = [reader for reader in run.readers if reader.state != ReaderState.DONE]
            if event is BatchRunEvent.RESUME:
                for reader in going_on:
                    self._restart(reader)
            self._record(session, actor, run, event.value)
            names = [reader.reader for reader in going_on]
        self._bench.line.progress.changed()
        return names

    def _restart(self, reader: BatchReader) -> None:
        if reader.state == ReaderState.STOPPED:
            reader.state = ReaderState.WAITING.value
            reader.failure_kind = reader.failure_detail = None

    def _reader(self, name: str) -> BatchReader:
        return BatchReader(
            reader=name, state=ReaderState.WAITING.value, produced=0, seen_at=self._bench.clock()
        )

    def _occupy(self, readers: Sequence[str]) -> None:
        with self._lock:
            for reader in readers:
                if reader in self._at_work:
                    raise ReaderInUseError(reader)
            if len(self._at_work) + len(readers) > _THREADS:
                raise NoPlaceError(_THREADS - len(self._at_work))
            self._at_work.update(readers)

    def _leave(self, readers: Sequence[str]) -> None:
        for reader in readers:
            self._bench.places.leave(reader)
        with self._lock:
            self._at_work.difference_update(readers)

    def _launch(self, actor: Actor, batch_run_id: str, readers: Sequence[str]) -> None:
        for reader in readers:
            work = ReaderWorker(self._bench, actor, batch_run_id, reader).work
            self._pool.submit(work).add_done_callback(partial(self._ended, reader))

    def _ended(self, reader: str, done: "Future[None]") -> None:
        self._leave([reader])
        error = done.exception()
        if error is not None:
            _LOG.error("a batch run's reader broke off", exc_info=error)

    def _view(self, run: BatchRun) -> BatchRunView:
        heard = max(
            (reader.seen_at for reader in run.readers if reader.state != ReaderState.DONE), default=None
        )
        ended = run.state in ENDED
        return BatchRunView(
            id=run.id,
            office=run.office,
            state=BatchRunState(run.state),
            lost=not ended and heard is not None and self._bench.clock() - heard > LOST_AFTER,
            started_by=run.started_by,
            started_at=run.started_at,
            ended_at=run.ended_at,
            readers=tuple(_reader_view(reader) for reader in run.readers),
        )

    def _record(self, session: Session, actor: Actor, run: BatchRun, what: str) -> None:
        self._audit.record(session, actor.username, f"batch-run.{what}", f"batch-run:{run.id}")


def _own(session: Session, actor: Actor, batch_run_id: str) -> BatchRun:
    run = session.get(BatchRun, batch_run_id)
    if run is None or run.office != actor.office:
        raise NotFoundError("batch run")
    return run


def _reader_view(reader: BatchReader) -> ReaderView:
    return ReaderView(
        reader.reader,
        ReaderState(reader.state),
        reader.produced,
        reader.production_id,
        reader.failure_kind,
        reader.failure_detail,
    )
