"""The checkpoints of a home's audit record, with the key that is there; for commands that open no more."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from pki.auditchain.checkpoints import Checkpointer
from pki.auditchain.errors import CheckpointError
from pki.auditchain.keeping import KeptNote
from pki.auditchain.verification import snapshot
from pki.authority.record import refuse_clock_set_back
from pki.bootstrap import CHECKPOINT_KEY, open_engine, open_key_store
from pki.clock import utc_now
from pki.home import Home
from pki.keys.signer import Signer
from pki.store.models import AUDIT, KeyRow


@contextmanager
def opened_signer(home: Home, engine: Engine) -> Iterator[Signer]:
    """The key of the checkpoints. Raises CheckpointError where there is none, HomeError, KeyStoreError."""
    keys = open_key_store(home)
    try:
        with Session(snapshot(engine)) as session:
            row = session.get(KeyRow, CHECKPOINT_KEY)
        if row is None:
            raise CheckpointError(None, "there is no key for checkpoints; run `hoviat init` in a new home")
        yield keys.open(row.uri)
    finally:
        keys.close()


def checkpointer_of(home: Home, engine: Engine, signer: Signer) -> Checkpointer:
    """It keeps the newest one in the home."""
    kept = KeptNote(home.audit_note)
    return Checkpointer(engine, AUDIT, home.audit_origin, signer, utc_now, refuse_clock_set_back, kept)


def make_in(home: Home) -> None:
    """Signs the record as it is. Raises PkiError, HomeError, SQLAlchemy's errors."""
    engine = open_engine(home)
    try:
        with opened_signer(home, engine) as signer:
            checkpointer_of(home, engine, signer).make()
    finally:
        engine.dispose()
