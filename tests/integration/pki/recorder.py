"""A process that writes to a record, for tests that kill it: `URL KEY-FILE kill|live append|checkpoint|both`.

`kill`: for each step of the work, a child does it and ends itself by SIGKILL at that step; the first that
survives is the last. A line of JSON each tells how the child ended and what the record then was.
"""

import json
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from pki.auditchain import checkpoints
from pki.auditchain.checkpoints import Checkpointer
from pki.auditchain.note import CheckpointKey
from pki.auditchain.verification import Expectations, snapshot, verify_record
from pki.keys.files import FileSigner
from pki.store.database import create_database_engine
from tests.unit.pki.auditchain.service import ORIGIN, RECORD, fill

BACKLOG = 257
BATCH = 100
STEPS = 60
"""More than there are statements and commits in any of the works."""


def kill_at(engine: Engine, step: int) -> None:
    """Ends this process before its n-th statement or commit, or when all is done: counted together."""
    left = step

    def count(*_: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    for name in ("before_cursor_execute", "commit", "engine_disposed"):
        event.listen(engine, name, count)


def work(engine: Engine, private: ec.EllipticCurvePrivateKey, what: str) -> None:
    checkpoints._STEP = 256  # several transactions even for a small backlog
    checkpointer = Checkpointer(engine, RECORD, ORIGIN, FileSigner(private), lambda: datetime.now(UTC))
    if what == "checkpoint":
        checkpointer.make()
    elif what == "append":
        for _ in range(2):
            fill(engine, BATCH)
    else:
        for _ in range(8):
            fill(engine, 60)
            checkpointer.make()


def kill_step_by_step(url: str, private: ec.EllipticCurvePrivateKey, what: str) -> None:
    key = CheckpointKey(ORIGIN, private.public_key())
    for step in range(1, STEPS):
        if what == "checkpoint":
            engine = create_database_engine(url)
            fill(engine, BACKLOG)
            engine.dispose()
        status = in_child(url, private, what, step)
        engine = create_database_engine(url)
        with Session(snapshot(engine)) as session:
            verified = verify_record(session, RECORD, Expectations(keys=(key,)))
        engine.dispose()
        told = {"status": status, "entries": verified.head.sequence, "covered": verified.covered}
        sys.stdout.write(json.dumps(told) + "\n")
        if status == 0:
            return


def in_child(url: str, private: ec.EllipticCurvePrivateKey, what: str, step: int) -> int:
    """Its exit code, or minus the signal that ended it."""
    child = os.fork()
    if child == 0:
        engine = create_database_engine(url)
        kill_at(engine, step)
        work(engine, private, what)
        engine.dispose()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(url: str, key_file: str, how: str, what: str) -> None:
    private = load_pem_private_key(Path(key_file).read_bytes(), None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    if how == "kill":
        kill_step_by_step(url, private, what)
        return
    engine = create_database_engine(url)
    work(engine, private, what)
    engine.dispose()
    sys.stdout.write("done\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
