"""What an authority does by the clock while something serves: CRLs, checkpoints, deleting old keys.

Several replicas may do so at once: publishers take turns, and a checkpoint over what one has covered already
is the one that is there.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from pki.bootstrap import Pki
from pki.errors import PkiError
from pki.status.ocsp.retiring import retire_keys

CRL_PAUSE_SECONDS = 30.0
CHECKPOINT_PAUSE_SECONDS = 300.0
"""Between two checkpoints, where anything was added: how much of the record could be changed unseen.

A hundred thousand in a year at the most, some 300 bytes each; to verify them all takes seconds."""
RETIREMENT_PAUSE_SECONDS = 3600.0
_STOP_SECONDS = 30.0
_LOG = logging.getLogger(__name__)


@contextmanager
def housekeeping(pki: Pki) -> Iterator[None]:
    """Keeps house while the context is open. A status change publishes when somebody asks, not here.

    Where CRLs are large, run `hoviat pki crl --due` from a timer beside it: it finds the work done, or does
    it in a process of its own.
    """
    publish = repeating("CRLs", lambda: pki.crls.publish_due(changes=False), CRL_PAUSE_SECONDS)
    checkpoint = repeating("checkpoints", pki.checkpointer.make, CHECKPOINT_PAUSE_SECONDS)
    retire = repeating("old keys", lambda: _retire(pki), RETIREMENT_PAUSE_SECONDS)
    with publish, checkpoint, retire:
        yield


def _retire(pki: Pki) -> None:
    retire_keys(pki.engine, pki.keys, pki.issuers, pki.signing_clock.checked())


@contextmanager
def repeating(name: str, chore: Callable[[], object], pause: float) -> Iterator[None]:
    """Does a chore on a thread of its own, now and after each `pause` of seconds, while the context is open.

    A PkiError, an OSError or a failing database is logged, and the chore is tried again after the pause.
    """
    stop = threading.Event()

    def run() -> None:
        while not stop.is_set():
            try:
                chore()
            except (PkiError, OSError, SQLAlchemyError) as error:
                # Only the kind is logged: the words could name hosts and queries.
                _LOG.error("%s failed, will be tried again: %s", name, type(error).__name__)
            stop.wait(pause)

    thread = threading.Thread(target=run, name=f"hoviat-{name}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(_STOP_SECONDS)
