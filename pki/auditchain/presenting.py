"""What `hoviat pki audit` prints."""

import json

import click

from pki.auditchain.checkpoints import StoredCheckpoint
from pki.auditchain.note import Checkpoint
from pki.auditchain.verification import Verified


def show_verified(verified: Verified, compared: int | None, kept: Checkpoint | None, as_json: bool) -> None:
    """What a whole record is; `compared` certificates were held against it, None where none should be."""
    end = verified.head
    data = {
        "entries": end.sequence,
        "hash": end.hash,
        "root": verified.root.hex(),
        "checkpoints": verified.checkpoints,
        "covered": verified.covered,
        "kept": None if kept is None else kept.size,
        "certificates": compared,
    }
    text = (
        f"{end.sequence} entries hold together; the end is {end.sequence}:{end.hash}\n"
        f"{verified.checkpoints} checkpoints hold; the newest covers {verified.covered} entries\n"
        + ("no checkpoint is kept in this home" if kept is None else f"the one kept here covers {kept.size}")
    )
    if compared is not None:
        text += f"\nthe tables say of {compared} certificates what the log says"
    click.echo(json.dumps(data) if as_json else text)


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
