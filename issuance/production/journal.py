"""The journal of one run: what was begun, what was done, and what it yielded."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from issuance.database import Database
from issuance.errors import NotFoundError
from issuance.production.errors import RunOvertakenError
from issuance.production.models import DETAIL_LENGTH, JournalEntry, Production
from issuance.production.progress import Progress
from issuance.production.steps import ProductionState, Step, StepState
from pki.clock import Clock

LEASE = timedelta(seconds=60)
"""How long a run is its process's own after each step, unless the installation says otherwise: longer than
any step takes."""


@dataclass(frozen=True)
class Failure:
    """Why a run stopped, safe to show: no secret, no personal data."""

    kind: str
    detail: str


def get_production(session: Session, production_id: str) -> Production:
    """The run. Raises NotFoundError."""
    found = session.get(Production, production_id)
    if found is None:
        raise NotFoundError("production")
    return found


def production_of(session: Session, card_number: str) -> Production:
    """The run that made the card. Raises NotFoundError."""
    found = session.scalar(select(Production).where(Production.card_number == card_number))
    if found is None:
        raise NotFoundError("production")
    return found


class Journal:
    """Writes before and after each step; the end of one and the beginning of the next are one transaction.

    Whatever it writes raises RunOvertakenError once another process has resumed or voided the run.
    """

    def __init__(
        self,
        database: Database,
        progress: Progress,
        clock: Clock,
        production_id: str,
        lease: timedelta = LEASE,
    ) -> None:
        self._database = database
        self._progress = progress
        self._clock = clock
        self._lease = lease
        self.production_id = production_id
        with database.reading() as session:
            production = get_production(session, production_id)
            entries = list(production.journal)
            self.attempt = production.attempts
        self._number = len(entries)
        self._begun = {Step(entry.step) for entry in entries}
        self._results = {Step(e.step): dict(e.data) for e in entries if e.state == StepState.DONE}

    def was_begun(self, step: Step) -> bool:
        """Whether any attempt began it: then it may have happened, even if nobody heard of it."""
        return step in self._begun

    def result(self, step: Step) -> Mapping[str, str] | None:
        """What a finished step yielded, or None if it was never finished."""
        return self._results.get(step)

    def done_at(self, session: Session, step: Step) -> datetime:
        """When a step was done last; now, where that is not on record."""
        entry = JournalEntry
        query = select(func.max(entry.ended_at)).where(
            entry.production_id == self.production_id,
            entry.step == step.value,
            entry.state == StepState.DONE.value,
        )
        return session.scalar(query) or self._clock()

    def begin(self, step: Step) -> None:
        """Records that the step is about to happen, and renews the lease."""
        with self._database.writing() as session:
            self._enter(session, step)
        self._entered(step)

    def _enter(self, session: Session, step: Step) -> None:
        now = self._clock()
        self._held(session).lease_expires_at = now + self._lease
        session.add(
            JournalEntry(
                production_id=self.production_id,
                number=self._number + 1,
                attempt=self.attempt,
                step=step.value,
                state=StepState.BEGUN.value,
                begun_at=now,
            )
        )

    def _entered(self, step: Step) -> None:
        """Only once it is committed: what was rolled back was not begun."""
        self._number += 1
        self._begun.add(step)
        self._progress.changed()

    @contextmanager
    def done(
        self, step: Step, apdus: int, data: Mapping[str, str], following: Step | None
    ) -> Iterator[Session]:
        """Records that the step has happened, what it yielded, and which is about to happen.

        The caller adds to the transaction what belongs to the step's end.
        """
        with self._database.writing() as session:
            entry = self._close(session, StepState.DONE, apdus)
            entry.data = dict(data)
            yield session
            if following is not None:
                self._enter(session, following)
        self._results[step] = dict(data)
        if following is not None:
            self._entered(following)

    def failed(self, session: Session, failure: Failure, state: ProductionState, apdus: int) -> None:
        """Records, in the caller's transaction, the failure of the step at hand and the run's new state."""
        self._close(session, StepState.FAILED, apdus)
        production = self._held(session)
        production.state = state.value
        production.failure_kind, production.failure_detail = failure.kind, failure.detail[:DETAIL_LENGTH]

    def _close(self, session: Session, state: StepState, apdus: int) -> JournalEntry:
        entry = session.get_one(JournalEntry, (self.production_id, self._number))
        entry.state, entry.ended_at, entry.apdus = state.value, self._clock(), apdus
        self._held(session).apdus += apdus
        return entry

    def _held(self, session: Session) -> Production:
        """The run, kept from others, while it is this attempt's. Raises RunOvertakenError."""
        production = get_production(session, self.production_id)
        if production not in session.dirty:  # what this transaction changed is its own
            session.refresh(production, with_for_update=True)
        if production.state != ProductionState.RUNNING or production.attempts != self.attempt:
            raise RunOvertakenError(self.production_id)
        return production
