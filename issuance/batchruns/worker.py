"""One reader's thread of a batch run: waits for a blank, takes the next order, makes the card, and again."""

import logging
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from threading import Event

from sqlalchemy.exc import SQLAlchemyError

from cardio.errors import CardError
from cardio.piv.session import PivSession
from cardio.transport.base import NoCardError, TransportError
from issuance.batchruns.errors import StarterGoneError
from issuance.batchruns.models import BatchReader, BatchRun
from issuance.batchruns.places import Places
from issuance.batchruns.states import BATCH_RUN, ENDED, BatchRunEvent, BatchRunState, ReaderState
from issuance.database import Database
from issuance.errors import IssuanceError
from issuance.operators.service import Actor, whole_account
from issuance.orders.service import Orders, Taken
from issuance.production.connection import Job, Readers, connect_for
from issuance.production.errors import failure_kind
from issuance.production.models import DETAIL_LENGTH, Production
from issuance.production.service import ProductionLine, ProductionView
from issuance.production.steps import ProductionState
from pki.clock import Clock
from pki.errors import PkiError

_LOG = logging.getLogger(__name__)
_POLL_SECONDS = 0.2
_SIGN_OF_LIFE = timedelta(seconds=30)
LOST_AFTER = _SIGN_OF_LIFE * 3
_EXPECTED = (IssuanceError, TransportError, CardError, PkiError)


@dataclass(frozen=True)
class Bench:
    """What all readers of this server's batch runs share."""

    database: Database
    orders: Orders
    line: ProductionLine
    readers: Readers
    clock: Clock
    closing: Event
    """Set when the server ends."""
    places: Places


class ReaderWorker:
    """Works at one reader until its batch run ends."""

    def __init__(self, bench: Bench, actor: Actor, batch_run_id: str, reader: str) -> None:
        self._bench = bench
        self._actor = actor
        self._key = (batch_run_id, reader)
        self._serial_there: int | None = None
        self._last_serial: int | None = None
        self._taken_over = False

    def work(self) -> None:
        """Returns when the run has ended, no order waits any more, or the server ends."""
        while not self._bench.closing.is_set():
            try:
                if not self._step():
                    return
            except SQLAlchemyError as error:  # its text would hold the statement's values
                _LOG.error("batch run %s: database: %s", self._key[0], type(error).__name__)
                self._wait()

    def _step(self) -> bool:
        """Does what there is to do now; False when this reader is done."""
        run, state = self._look()
        if not self._taken_over:
            self._last_serial, self._taken_over = self._made_here_last(), True
        if run in ENDED:
            self._set(ReaderState.DONE)
            return False
        if run is BatchRunState.PAUSED or state is ReaderState.STOPPED:
            self._bench.places.leave(self._key[1])
            self._wait()
            return True
        if not self._bench.places.take(self._actor.office, self._key[1]) or not self._has_new_body():
            self._wait()
            return True
        return self._take_and_produce()

    def _take_and_produce(self) -> bool:
        if not self._may_go_on():
            self._stop(StarterGoneError())
            return True
        taken = self._bench.orders.take(self._actor)
        if taken is not None:
            self._produce(taken)
        elif self._bench.orders.any_left(self._actor):
            self._wait()  # others hold what is left; if their cards fail, it is back
        else:
            self._set(ReaderState.DONE)
            return False
        return True

    def _look(self) -> tuple[BatchRunState, ReaderState]:
        with self._bench.database.reading() as session:
            run = session.get_one(BatchRun, self._key[0])
            reader = session.get_one(BatchReader, self._key)
            states = BatchRunState(run.state), ReaderState(reader.state)
            seen = reader.seen_at
        if self._bench.clock() - seen >= _SIGN_OF_LIFE:
            self._update(_unchanged)
        return states

    def _may_go_on(self) -> bool:
        """Whether the account is as it was when the run began: it may have been locked or moved since."""
        with self._bench.database.reading() as session:
            account = whole_account(session, self._actor.username)
        now = (account.is_active, account.role, account.office) if account else None
        return now == (True, self._actor.role, self._actor.office)

    def _has_new_body(self) -> bool:
        """Whether another card is in the reader than the last one."""
        try:
            serial = self._serial()
        except NoCardError:
            self._last_serial = None
            return False
        except TransportError as error:
            self._stop(error)
            return False
        self._serial_there = serial
        return serial is None or serial != self._last_serial

    def _made_here_last(self) -> int | None:
        """The finished card that may still be in the reader, whichever process made it."""
        with self._bench.database.reading() as session:
            reader = session.get_one(BatchReader, self._key)
            last = session.get(Production, reader.production_id) if reader.production_id else None
            if last is None or last.state != ProductionState.PRODUCED or last.card_number is None:
                return None
            return int(last.card_number)

    def _serial(self) -> int | None:
        """Of the card in the reader; None: it does not tell, and the run will say what it is."""
        job = Job(self._actor.username)
        with closing(connect_for(self._bench.readers, self._key[1], job)) as connection:
            try:
                return PivSession(connection).card_serial()
            except CardError:
                return None

    def _produce(self, taken: Taken) -> None:
        self._last_serial = self._serial_there
        self._set(ReaderState.WORKING)
        try:
            view = self._bench.line.produce(self._actor, taken.application_id, self._key[1], taken.holder)
        except _EXPECTED as error:
            self._bench.orders.put_back(taken)
            self._stop(error)
            return
        self._update(lambda reader: _note(reader, view))

    def _stop(self, error: Exception) -> None:
        kind, detail = failure_kind(error), str(error)[:DETAIL_LENGTH]

        def stopped(reader: BatchReader) -> None:
            reader.state = ReaderState.STOPPED.value
            reader.failure_kind, reader.failure_detail = kind, detail

        self._update(stopped)

    def _set(self, state: ReaderState) -> None:
        def changed(reader: BatchReader) -> None:
            reader.state = state.value

        self._update(changed)
        if state is ReaderState.DONE:
            finish_if_done(self._bench, self._key[0])

    def _update(self, change: Callable[[BatchReader], None]) -> None:
        with self._bench.database.writing() as session:
            reader = session.get_one(BatchReader, self._key)
            reader.seen_at = self._bench.clock()
            change(reader)
        self._bench.line.progress.changed()

    def _wait(self) -> None:
        self._bench.closing.wait(_POLL_SECONDS)


def finish_if_done(bench: Bench, batch_run_id: str) -> None:
    """Ends the run whose readers all are done."""
    with bench.database.writing() as session:
        run = session.get_one(BatchRun, batch_run_id, with_for_update=True)
        if run.state in ENDED or any(reader.state != ReaderState.DONE for reader in run.readers):
            return
        run.state = BATCH_RUN.after(BatchRunState(run.state), BatchRunEvent.FINISH).value
        run.ended_at = bench.clock()
    bench.line.progress.changed()


def _unchanged(_reader: BatchReader) -> None:
    """Only the sign of life."""


def _note(reader: BatchReader, view: ProductionView) -> None:
    produced = view.state is ProductionState.PRODUCED
    reader.production_id = view.id
    reader.produced += produced
    reader.state = (ReaderState.WAITING if produced else ReaderState.STOPPED).value
    reader.failure_kind, reader.failure_detail = view.failure_kind, view.failure_detail
