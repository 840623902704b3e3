"""Mass actions as text and as JSON."""

import json
from datetime import datetime

from pki.massactions.values import MassAction, Progress


def action_data(action: MassAction) -> dict[str, object]:
    """All that is on record of it; keys in words."""
    terms = action.terms
    return {
        "number": action.number,
        "state": action.state.value,
        "kind": terms.kind.value,
        "reason": terms.reason.value if terms.reason else None,
        "invalidity_date": _text(terms.invalidity_date),
        "note": terms.note,
        "selection": json.loads(action.selection),
        "preview": json.loads(action.preview),
        "digest": action.digest,
        "proposed_by": action.proposed_by,
        "proposed": _text(action.proposed),
        "approved_by": action.approved_by,
        "approved": _text(action.approved),
        "closed": _text(action.closed),
    }


def action_text(action: MassAction) -> str:
    """The same for people, over several lines."""
    data = action_data(action)
    preview = json.loads(action.preview)
    lines = [
        f"mass action {action.number}: {action.terms.kind.value}, {action.state.value}",
        f"  note       {action.terms.note}",
        f"  reason     {data['reason'] or '-'}, invalid since {data['invalidity_date'] or '-'}",
        f"  selection  {action.selection}",
        f"  proposed   by {action.proposed_by}, {data['proposed']}",
        f"  approved   by {action.approved_by or '-'}, {data['approved'] or '-'}",
        *(f"  {name:<10} {_counts(value)}" for name, value in preview.items() if value is not None),
        f"  digest     {action.digest}",
    ]
    return "\n".join(lines)


def _counts(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {count:,}" for name, count in value.items()) or "none"
    return f"{value:,}" if isinstance(value, int) else str(value)


def progress_data(progress: Progress) -> dict[str, object]:
    """Counts so far."""
    return {
        "number": progress.number,
        "state": progress.state.value,
        "total": progress.total,
        "done": progress.done,
        "parts": progress.parts,
        "moved": progress.moved,
        "reheld": progress.reheld,
        "skipped": dict(progress.skipped),
    }


def progress_text(progress: Progress) -> str:
    """The same on a line."""
    skipped = _counts(dict(progress.skipped))
    return (
        f"{progress.state.value}: {progress.done:,} of {progress.total:,} in {progress.parts} parts; "
        f"changed {progress.moved:,}, under another hold {progress.reheld:,}, skipped: {skipped}"
    )


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")
