"""`hoviat verifier serve`: the verifier alone, in several worker processes and one that records for them.

Whoever computes doesn't wait for a thread that talks to the database, and what all workers have for it goes
in one transaction.
"""

import secrets
import signal
import socket
import threading
from dataclasses import dataclass, field
from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import Mount

from pki.bootstrap import open_pki
from pki.home import Home, load
from pki.httpprotocol import answering_at_once
from pki.workers import Work, begin_child, begin_worker, settle, supervise, worker_server
from verifier.app import create_app
from verifier.bootstrap import open_records, open_verifier
from verifier.logins.records import ClockBehindError, ReceiptsUnsignedError, RecordsAwayError
from verifier.logins.shortway import ShortWay
from verifier.recording.client import RecorderClient
from verifier.recording.frames import SECRET_BYTES
from verifier.recording.hanging import ending_when_hung
from verifier.recording.recorder import Recorder, listen
from verifier.watch import watching

PREFIX = "/verifier"
_TOLD = (RecordsAwayError, ReceiptsUnsignedError, ClockBehindError)
"""What the recorder tells workers by its kind."""


@dataclass(frozen=True)
class Serving:
    """What is served, and by how many."""

    home: Home
    listener: socket.socket = field(repr=False)
    workers: int


def check(home: Home) -> None:
    """Opens everything once, so that what is wrong is said here.

    Raises HomeError, PkiError, SQLAlchemyError.
    """
    pki = open_pki(home)
    try:
        verifier = open_verifier(home, pki)
        try:
            verifier.check_health()
        finally:
            verifier.close()
    finally:
        pki.close()


def run(serving: Serving) -> None:
    """Serves until SIGTERM or SIGINT. Raises ServiceStoppedError when workers can't stay up."""
    root = str(serving.home.root)
    with listen() as records:
        secret = secrets.token_bytes(SECRET_BYTES)
        arguments = (root, serving.listener, records.getsockname(), secret)
        supervise(
            [
                Work("verifier-record", run_recorder, (root, records, secret)),
                *(
                    Work(f"verifier-{number}", serve_worker, arguments)
                    for number in range(1, serving.workers + 1)
                ),
            ]
        )


def serve_worker(root: str, listener: socket.socket, records: str, secret: bytes) -> None:
    """One worker process."""
    begin_worker()
    home = load(Path(root))
    pki = open_pki(home)
    verifier = open_verifier(home, pki, recording=RecorderClient(records, secret))
    settle()
    try:
        app = Starlette(routes=[Mount(PREFIX, create_app(verifier))])
        short = ShortWay(verifier.api, PREFIX)
        with watching(verifier.watch):
            worker_server(app, answering_at_once(lambda _target, _headers: None, short.soon)).run([listener])
    finally:
        verifier.close()
        pki.close()


def run_recorder(root: str, listener: socket.socket, secret: bytes) -> None:
    """The process that records; it ends after those who have something for it."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    begin_child()
    home = load(Path(root))
    pki = open_pki(home)
    records, database = open_records(home, pki)
    settle()
    try:
        Recorder(listener, secret, ending_when_hung(records.work), _TOLD).serve(stop)
    finally:
        database.close()
        pki.close()
