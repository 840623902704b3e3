"""What `hoviat pki audit` prints."""

import json
from datetime import datetime

import click

from pki.auditchain.checkpoints import StoredCheckpoint
from pki.auditchain.note import Checkpoint
from pki.auditchain.verification import Verified


def show_verified(verified: Verified, compared: int | None, kept: Checkpoint | None, as_json: bool) -> None:
    """What a whole record is; `compared` certificates were held against it, None where none should be."""
    end, time = verified.head, verified.checkpoint_time
    uncovered = end.sequence - max(verified.covered, 0 if kept is None else kept.size)
    data = {
        "entries": end.sequence,
        "hash": end.hash,
        "root": verified.root.hex(),
        "checkpoints": verified.checkpoints,
        "covered": verified.covered,
        "checkpoint_time": None if time is None else time.isoformat(),
        "uncovered": uncovered,
        "kept": None if kept is None else kept.size,
        "certificates": compared,
    }
    text = (
        f"{end.sequence} entries hold together; the end is {end.sequence}:{end.hash}\n"
        f"{verified.checkpoints} checkpoints hold; {_newest(verified.covered, time)}\n"
        + ("no checkpoint is kept in this home" if kept is None else f"the one kept here covers {kept.size}")
    )
    if uncovered:
        text += f"\n{uncovered} entries are newer than every checkpoint: nobody vouches for them yet"
    if compared is not None:
        text += f"\nthe tables say of {compared} certificates what the log says"
    click.echo(json.dumps(data) if as_json else text)


def _newest(covered: int, time: datetime | None) -> str:
    return "there is none" if time is None else f"the newest, of {time:%F %T} UTC, covers {covered} entries"


def show_checkpoint(made: StoredCheckpoint, as_json: bool) -> None:
    """A checkpoint as it is handed on."""
    item = made.checkpoint
    data = {
        "origin": item.origin,
        "size": item.size,
        "root": item.root.hex(),
        "time": made.time.isoformat(),
        "note": item.note,
    }
    click.echo(json.dumps(data) if as_json else item.note, nl=as_json)
