"""A process that writes to a record, for tests that kill it: `URL FOLDER kill|live append|checkpoint|both`.

The folder holds `checkpoint.pem`, the key, and the kept note.

`kill`: for each step of the work, a child does it and ends itself by SIGKILL at that step; the first that
survives is the last. A line of JSON each tells how the child ended and what the record then was.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from pki.auditchain import checkpoints
from pki.auditchain.checkpoints import Checkpointer, own_key
from pki.auditchain.keeping import KeptNote
from pki.auditchain.verification import Expectations, snapshot, verify_record
from pki.keys.files import FileSigner
from pki.store.database import create_database_engine
from tests.integration.pki.crashing import FILE_CALLS
from tests.unit.pki.auditchain.service import ORIGIN, RECORD, fill

BACKLOG = 257
BATCH = 100
STEPS = 60
"""More than there are statements and commits in any of the works."""


def kill_at(engine: Engine, step: int) -> None:
    """Ends this process before its n-th statement, commit or call that writes a file, or when all is done."""
    left = step

    def count(*_: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    for name in ("before_cursor_execute", "commit", "engine_disposed"):
        event.listen(engine, name, count)
    for name in FILE_CALLS:
        setattr(os, name, counted(getattr(os, name), count))


def counted(plain: Callable[..., object], count: Callable[[], None]) -> Callable[..., object]:
    def call(*arguments: object, **words: object) -> object:
        count()
        return plain(*arguments, **words)

    return call


def signer_in(folder: Path) -> FileSigner:
    private = load_pem_private_key((folder / "checkpoint.pem").read_bytes(), None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    return FileSigner(private)


def kept_in(folder: Path) -> KeptNote:
    return KeptNote(folder / "audit" / "checkpoint")


def work(engine: Engine, folder: Path, what: str) -> None:
    checkpoints._STEP = 256  # several transactions even for a small backlog
    kept, signer = kept_in(folder), signer_in(folder)
    checkpointer = Checkpointer(engine, RECORD, ORIGIN, signer, lambda: datetime.now(UTC), kept=kept)
    if what == "checkpoint":
        checkpointer.make()
    elif what == "append":
        for _ in range(2):
            fill(engine, BATCH)
    else:
        for _ in range(8):
            fill(engine, 60)
            checkpointer.make()


def kill_step_by_step(url: str, folder: Path, what: str) -> None:
    for step in range(1, STEPS):
        if what == "checkpoint":
            engine = create_database_engine(url)
            fill(engine, BACKLOG)
            engine.dispose()
        status = in_child(url, folder, what, step)
        sys.stdout.write(json.dumps({"status": status, **found(url, folder)}) + "\n")
        if status == 0:
            return


def found(url: str, folder: Path) -> dict[str, int]:
    """The record, verified by key and kept note: entries, and how many a checkpoint and the note cover."""
    noted = kept_in(folder).read()
    key = own_key(ORIGIN, signer_in(folder))
    known = Expectations(checkpoints=() if noted is None else (noted,), keys=(key,))
    engine = create_database_engine(url)
    with Session(snapshot(engine)) as session:
        verified = verify_record(session, RECORD, known)
    engine.dispose()
    noted_size = 0 if noted is None else noted.size
    return {"entries": verified.head.sequence, "covered": verified.covered, "noted": noted_size}


def in_child(url: str, folder: Path, what: str, step: int) -> int:
    """Its exit code, or minus the signal that ended it."""
    child = os.fork()
    if child == 0:
        engine = create_database_engine(url)
        kill_at(engine, step)
        work(engine, folder, what)
        engine.dispose()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(url: str, place: str, how: str, what: str) -> None:
    folder = Path(place)
    if how == "kill":
        kill_step_by_step(url, folder, what)
        return
    engine = create_database_engine(url)
    work(engine, folder, what)
    engine.dispose()
    sys.stdout.write("done\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
