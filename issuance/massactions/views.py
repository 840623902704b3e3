"""Mass actions as others see them: what was decided, how far it is, what came of it."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from issuance.errors import NotFoundError
from issuance.massactions.models import MassAction, MassItem, MassPart
from issuance.massactions.states import AT_WORK, ActionState, ItemState, Phase
from pki.auditchain import Json

_STREAMED = 2_000


@dataclass(frozen=True)
class ActionView:
    """What is on record of an action."""

    id: str
    state: ActionState
    selection: dict[str, Json]
    preview: dict[str, Json]
    tolerance: int
    reason: str
    proposed_by: str
    proposed_at: datetime
    confirmed_by: str | None
    confirmed_at: datetime | None
    lift_reason: str | None
    lift_proposed_by: str | None
    lift_proposed_at: datetime | None
    lift_confirmed_by: str | None
    lift_confirmed_at: datetime | None
    keys: int
    closed_at: datetime | None


@dataclass(frozen=True)
class MassProgress:
    """How far an action is. Counts are of keys that the authority decided about, over all rounds."""

    id: str
    state: ActionState
    keys: int
    parts: int
    held: int
    """By all parts so far; those that were made anew since are among them."""
    released: int
    skipped: int
    moved_at: datetime | None

    @property
    def at_work(self) -> bool:
        """Whether keys are being held or released."""
        return self.state in AT_WORK


@dataclass(frozen=True)
class Report:
    """What came of an action so far."""

    action: ActionView
    progress: MassProgress
    states: dict[str, int]
    """Keys by state."""
    failures: dict[str, int]
    """Keys that were left as they were, by reason."""


@dataclass(frozen=True)
class ReportLine:
    """One key of the report."""

    serial: str
    issuer: str
    card_number: str
    slot: str
    state: ItemState
    why: str | None


def get_action(session: Session, action_id: str, *, lock: bool = False) -> MassAction:
    """The action; `lock` keeps it from others until the transaction's end. Raises NotFoundError."""
    found = session.get(MassAction, action_id, with_for_update=lock or None, populate_existing=lock)
    if found is None:
        raise NotFoundError("mass action")
    return found


def view_of(row: MassAction) -> ActionView:
    """The row as a value."""
    return ActionView(
        id=row.id,
        state=ActionState(row.state),
        selection=json.loads(row.selection),
        preview=json.loads(row.preview),
        tolerance=row.tolerance,
        reason=row.reason,
        proposed_by=row.proposed_by,
        proposed_at=row.proposed_at,
        confirmed_by=row.confirmed_by,
        confirmed_at=row.confirmed_at,
        lift_reason=row.lift_reason,
        lift_proposed_by=row.lift_proposed_by,
        lift_proposed_at=row.lift_proposed_at,
        lift_confirmed_by=row.lift_confirmed_by,
        lift_confirmed_at=row.lift_confirmed_at,
        keys=row.keys,
        closed_at=row.closed_at,
    )


def latest(session: Session, limit: int = 50) -> list[ActionView]:
    """The newest actions."""
    query = select(MassAction).order_by(MassAction.proposed_at.desc(), MassAction.id).limit(limit)
    return [view_of(row) for row in session.scalars(query)]


def progress_of(session: Session, row: MassAction) -> MassProgress:
    """What its finished parts add up to."""
    part = MassPart
    sums = select(part.phase, func.count(), func.sum(part.changed), func.sum(part.skipped))
    found = session.execute(sums.where(part.action_id == row.id).group_by(part.phase)).all()
    parts, changed, skipped = 0, Counter[str](), 0
    for phase, count, moved, left in found:
        parts += count
        changed[phase] += int(moved)
        skipped += int(left)
    held, released = changed[Phase.HOLD.value], changed[Phase.LIFT.value]
    state = ActionState(row.state)
    return MassProgress(row.id, state, row.keys, parts, held, released, skipped, row.moved_at)


def report_of(session: Session, row: MassAction) -> Report:
    """Counts by state, and failures by reason."""
    item = MassItem
    counted = select(item.state, item.why, func.count()).where(item.action_id == row.id)
    states, failures = Counter[str](), Counter[str]()
    for state, why, count in session.execute(counted.group_by(item.state, item.why)):
        states[state] += count
        if why is not None:
            failures[why] += count
    return Report(view_of(row), progress_of(session, row), dict(states), dict(failures))


def lines_of(session: Session, action_id: str) -> Iterator[ReportLine]:
    """Each key of the action, in the order of CAs, partitions and serials; streamed."""
    item = MassItem
    columns = (item.serial, item.issuer, item.card_number, item.slot, item.state, item.why)
    query = select(*columns).where(item.action_id == action_id).order_by(item.issuer, item.shard, item.serial)
    for row in session.execute(query, execution_options={"yield_per": _STREAMED}):
        place = (row.issuer, row.card_number, row.slot)
        yield ReportLine(f"{row.serial:x}", *place, ItemState(row.state), row.why)
