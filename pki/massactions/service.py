"""Mass actions from proposal to report. One officer proposes, another approves what was previewed."""

import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from pki.auditchain import Json
from pki.auditchain.canonical import canonical_text
from pki.authority.record import queue_writers, record_events, refuse_clock_set_back
from pki.clock import Clock, utc_now
from pki.errors import (
    PreviewMismatchError,
    PreviewOutdatedError,
    SecondOfficerError,
    SelectionError,
    UnknownMassActionError,
)
from pki.massactions.effects import MOVED, REHELD, Effects
from pki.massactions.parts import carry_out, changed_digest, next_span, span_of
from pki.massactions.preview import effects_of, fix_targets, preview_of, standings_digest, targets_digest
from pki.massactions.rows import (
    event,
    locked,
    next_number,
    part_event,
    proposal_digest,
    queue_proposals,
    read_action,
    read_progress,
    read_terms,
    require_in_time,
    require_state,
)
from pki.massactions.selection import Selection
from pki.massactions.values import Kind, MassAction, Progress, State, Terms, officer_label
from pki.officers import same_officer
from pki.store.database import read_only
from pki.store.massactions import MassActionRow, MassPart

PART_SIZE = 50_000
"""Certificates in one transaction: about a second in which nothing else is issued or changed."""


class MassActions:
    """Everything raises MassActionError, or, for a release, ClockSetBackError.

    What is refused has changed nothing.
    """

    def __init__(self, engine: Engine, clock: Clock = utc_now, part_size: int = PART_SIZE) -> None:
        if part_size < 1:
            raise ValueError("a part has at least one certificate")
        self._engine = engine
        self._reading = read_only(engine)
        self._clock = clock
        self._part_size = part_size

    def propose(self, selection: Selection, terms: Terms, officer: str) -> MassAction:
        """Fixes which certificates are meant, and counts what would become of them. Changes none.

        Raises SelectionError, also where nothing is selected.
        """
        selection.check()
        with Session(self._engine) as session, session.begin():
            queue_proposals(session)
            now = self._now(session, terms.kind)
            terms.check(now)
            row = new_row(next_number(session), terms, selection.data(), officer_label(officer), now)
            fix_targets(session, row.number, selection)
            effects = Effects(terms.change(officer), now)
            preview = preview_of(session, row.number, selection, effects)
            if not preview["total"]:
                raise SelectionError("selection", "no certificate meets it")
            row.preview = canonical_text(preview)
            row.digest = proposal_digest(row)
            session.add(row)
            session.flush()
            record_events(
                session, [event(row, now, officer, "proposed", digest=row.digest.hex(), note=row.note)]
            )
            return read_action(row)

    def approve(self, number: int, officer: str, digest: str) -> MassAction:
        """A second officer's consent to what was previewed, named by its digest (hexadecimal).

        Raises SecondOfficerError, PreviewMismatchError, MassActionExpiredError, MassActionStateError.
        """
        officer_label(officer)
        with Session(self._engine) as session, session.begin():
            queue_proposals(session)
            row = locked(session, number)
            require_state(row, State.APPROVED, State.PROPOSED)
            if same_officer(officer, row.proposed_by):
                raise SecondOfficerError(number, officer)
            if not hmac.compare_digest(row.digest.hex().encode(), digest.strip().lower().encode()):
                raise PreviewMismatchError(number, "the digest is not the one of its preview")
            _require_targets(session, row)
            now = self._now(session, Kind(row.kind))
            require_in_time(row, now)
            row.state, row.approved_by, row.approved = State.APPROVED.value, officer, _whole(now)
            session.flush()
            record_events(session, [event(row, now, officer, "approved", digest=row.digest.hex())])
            return read_action(row)

    def run(self, number: int, officer: str) -> Iterator[Progress]:
        """Carries it out, or goes on with it; what was done so far after each part.

        A crash between or in parts costs nothing: call it again. Two that run at once share the parts.
        Ends early, in the state then, where someone pauses or cancels it.
        """
        officer_label(officer)
        progress = self._start(number, officer)
        while progress.state is State.RUNNING:
            progress = self._step(number, officer)
            yield progress

    def pause(self, number: int, officer: str) -> MassAction:
        """Stops it after the part that is under way; `run` goes on."""
        return self._decide(number, officer, State.PAUSED, State.RUNNING)

    def cancel(self, number: int, officer: str) -> MassAction:
        """Ends it for good. What it changed so far stays changed, and the report says what that is."""
        unfinished = (State.PROPOSED, State.APPROVED, State.RUNNING, State.PAUSED)
        return self._decide(number, officer, State.CANCELLED, *unfinished)

    def action(self, number: int) -> MassAction:
        """One, as it is on record."""
        with Session(self._reading) as session, session.begin():
            return read_action(_existing(session, number))

    def actions(self) -> list[MassAction]:
        """All, the oldest first."""
        with Session(self._reading) as session, session.begin():
            rows = session.scalars(select(MassActionRow).order_by(MassActionRow.number))
            return [read_action(row) for row in rows]

    def progress(self, number: int) -> Progress:
        """What has been done of one so far."""
        with Session(self._reading) as session, session.begin():
            return read_progress(session, _existing(session, number))

    def check(self, number: int) -> None:
        """Holds what is on record of an action against its digests. Raises PreviewMismatchError."""
        with Session(self._reading) as session, session.begin():
            row = _existing(session, number)
            if proposal_digest(row) != row.digest:
                raise PreviewMismatchError(number, "its record was changed after it was proposed")
            _require_targets(session, row)
            for part in session.scalars(select(MassPart).where(MassPart.action == number)):
                if changed_digest(session, span_of(part)) != part.serials:
                    raise PreviewMismatchError(number, f"the serials of part {part.part} were changed")

    def _start(self, number: int, officer: str) -> Progress:
        with Session(self._engine) as session, session.begin():
            queue_proposals(session)
            row = locked(session, number)
            if row.state != State.RUNNING.value:
                require_state(row, State.RUNNING, State.APPROVED, State.PAUSED)
            _require_targets(session, row)
            now = self._now(session, Kind(row.kind))
            if row.state == State.APPROVED.value or row.kind == Kind.RELEASE.value:
                require_in_time(row, now)
            _require_effects(session, row, Effects(read_terms(row).change(officer), now))
            if row.state != State.RUNNING.value:
                self._enter(session, row, State.RUNNING, officer)
            return read_progress(session, row)

    def _step(self, number: int, officer: str) -> Progress:
        """The next part, in one transaction; or the end."""
        with Session(self._engine) as session, session.begin():
            queue_proposals(session)
            queue_writers(session)
            row = locked(session, number)
            if row.state == State.RUNNING.value:
                span = next_span(session, number, self._part_size)
                if span is None:
                    self._enter(session, row, State.DONE, officer)
                else:
                    now = self._now(session, Kind(row.kind))
                    part = carry_out(session, span, Effects(read_terms(row).change(officer), now))
                    session.flush()
                    record_events(session, [part_event(row, part, now, officer)])
            return read_progress(session, row)

    def _decide(self, number: int, officer: str, wanted: State, *allowed: State) -> MassAction:
        officer_label(officer)
        with Session(self._engine) as session, session.begin():
            queue_proposals(session)
            row = locked(session, number)
            require_state(row, wanted, *allowed)
            self._enter(session, row, wanted, officer)
            return read_action(row)

    def _enter(self, session: Session, row: MassActionRow, state: State, officer: str) -> None:
        now = self._now(session, Kind(row.kind))
        row.state = state.value
        if state in {State.DONE, State.CANCELLED}:
            row.closed = _whole(now)
        session.flush()
        progress = read_progress(session, row)
        done: dict[str, Json] = {
            "parts": progress.parts,
            "moved": progress.moved,
            "reheld": progress.reheld,
            "skipped": progress.skipped,
        }
        record_events(session, [event(row, now, officer, state.value, **done)])

    def _now(self, session: Session, kind: Kind) -> datetime:
        """As with single certificates: whatever the clock says, what must be stopped is stopped."""
        now = self._clock()
        if kind is Kind.RELEASE:
            refuse_clock_set_back(session, now)
        return now


def new_row(
    number: int, terms: Terms, selection: dict[str, Json], officer: str, now: datetime
) -> MassActionRow:
    """A proposal, without preview and digest yet."""
    return MassActionRow(
        number=number,
        kind=terms.kind.value,
        reason=terms.reason.value if terms.reason else None,
        invalidity_date=_whole(terms.invalidity_date),
        note=terms.note,
        selection=canonical_text(selection),
        proposed_by=officer,
        proposed=_whole(now),
        state=State.PROPOSED.value,
    )


def _whole(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC).replace(microsecond=0)


def _existing(session: Session, number: int) -> MassActionRow:
    row = session.get(MassActionRow, number)
    if row is None:
        raise UnknownMassActionError(number)
    return row


def _require_targets(session: Session, row: MassActionRow) -> None:
    """The certificates it means are those that were counted. Raises PreviewMismatchError."""
    preview = json.loads(row.preview)
    if targets_digest(session, row.number) != preview["serials"]:
        raise PreviewMismatchError(row.number, "the certificates it means are not those of its preview")
    if preview["holds"] is not None and standings_digest(session, row.number) != preview["holds"]:
        raise PreviewMismatchError(row.number, "the holds it means are not those of its preview")


def _require_effects(session: Session, row: MassActionRow, effects: Effects) -> None:
    """No more is done than was previewed, less what was done. Raises PreviewMismatchError.

    What others held or released meanwhile may be less to do; more of it nobody has approved.
    """
    seen, now, progress = (
        json.loads(row.preview),
        effects_of(session, row.number, effects),
        read_progress(session, row),
    )
    done = {MOVED: progress.moved, REHELD: progress.reheld}
    for effect, before in done.items():
        if now[effect] > seen[effect] - before:
            raise PreviewOutdatedError(
                row.number, "more would be changed than was previewed; propose it anew"
            )
