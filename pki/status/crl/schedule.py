"""The publisher in the background of a status service: looks again and again for CRLs whose time has come."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from pki.errors import PkiError
from pki.status.publication import CrlPublisher

_LOG = logging.getLogger(__name__)
_PAUSE_SECONDS = 30.0
_STOP_SECONDS = 30.0


@contextmanager
def publishing(publisher: CrlPublisher, pause: float = _PAUSE_SECONDS) -> Iterator[None]:
    """Publishes on schedule while the context is open. Changes are published when somebody asks.

    However many replicas do so, one of them works at a time. Where CRLs are large, run `hoviat pki crl --due`
    from a timer beside it: it finds the work done, or does it in a process of its own.
    """
    stop = threading.Event()
    thread = threading.Thread(target=_run, args=(publisher, stop, pause), name="hoviat-crls", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(_STOP_SECONDS)


def _run(publisher: CrlPublisher, stop: threading.Event, pause: float) -> None:
    while not stop.is_set():
        try:
            publisher.publish_due(changes=False)
        except (PkiError, OSError, SQLAlchemyError) as error:
            # Only the kind is logged: the words could name hosts and queries.
            _LOG.error("publishing CRLs failed, will be tried again: %s", type(error).__name__)
        stop.wait(pause)
