"""`hoviat pki serve`: the status service alone, in several worker processes beside one that refreshes."""

import logging
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import lmdb
from sqlalchemy.exc import SQLAlchemyError

from pki.app import create_app
from pki.bootstrap import open_pki
from pki.errors import ClockSetBackError, PkiError, ProfileError
from pki.home import Home, load
from pki.housekeeping import housekeeping
from pki.httpprotocol import answering_at_once
from pki.status.ocsp.preparing import Preparer
from pki.workers import (
    Work,
    begin_child,
    begin_worker,
    settle,
    supervise,
    worker_server,
)

PREFIX = "/pki"
_STEP_SECONDS = 1.0
_RENEWAL_SECONDS = 60.0
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Serving:
    """What is served, and by how many."""

    home: Home
    listener: socket.socket = field(repr=False)
    workers: int


def check(home: Home) -> None:
    """Opens everything once, so that what is wrong is said here. Raises HomeError, PkiError.

    A profile that can't be used stops nothing but its own use; `create_app` warns of it. A clock that is
    behind stops no service: what is there is served, and health tells.
    """
    pki = open_pki(home)
    try:
        with suppress(ProfileError):
            Preparer(pki).renew_responders()
    except ClockSetBackError as error:
        _LOG.error("nothing is signed: %s", error)
    finally:
        pki.close()


def run(serving: Serving) -> None:
    """Serves until SIGTERM or SIGINT. Raises ServiceStoppedError when workers can't stay up."""
    root = str(serving.home.root)
    supervise(
        [
            *(
                Work(f"pki-worker-{number}", serve_worker, (root, serving.listener))
                for number in range(1, serving.workers + 1)
            ),
            Work("pki-refresher", run_refresher, (root,)),
        ]
    )


def serve_worker(root: str, listener: socket.socket) -> None:
    """One worker process."""
    begin_worker()
    pki = open_pki(load(Path(root)))
    settle()
    try:
        app = create_app(pki, PREFIX)
        worker_server(app, answering_at_once(app.at_once, app.soon)).run([listener])
    finally:
        pki.close()


def run_refresher(root: str) -> None:
    """The process that makes stored answers anew, responders ahead of their time, CRLs and checkpoints.

    Answers and changed CRLs don't need it: without it they are made when they are asked for.
    """
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    begin_child()
    pki = open_pki(load(Path(root)))
    try:
        with housekeeping(pki):
            _prepare_answers(Preparer(pki), stop)
    finally:
        pki.close()


def _prepare_answers(preparer: Preparer, stop: threading.Event) -> None:
    renewed = -_RENEWAL_SECONDS
    while not stop.wait(_STEP_SECONDS):
        if time.monotonic() - renewed >= _RENEWAL_SECONDS:
            renewed = time.monotonic()
            _attempt(preparer.renew_responders)
        _attempt(lambda: preparer.step(_STEP_SECONDS))


def _attempt(work: Callable[[], object]) -> None:
    """What fails now is tried again next time."""
    try:
        work()
    except (PkiError, SQLAlchemyError, lmdb.Error) as error:
        _LOG.warning("OCSP answers can't be refreshed: %s", type(error).__name__)
