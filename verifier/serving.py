"""`hoviat verifier serve`: the verifier alone, in several worker processes."""

import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import Mount

from pki.bootstrap import open_pki
from pki.home import Home, load
from pki.httpprotocol import answering_at_once
from pki.workers import Work, begin_worker, settle, supervise, worker_server
from verifier.app import create_app
from verifier.bootstrap import open_verifier
from verifier.logins.shortway import ShortWay

PREFIX = "/verifier"
_SWITCH_SECONDS = 0.0005
"""Threads that come back from the database wait so long for the event loop's thread, not ten times that."""


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
    arguments = (str(serving.home.root), serving.listener)
    supervise(
        Work(f"verifier-worker-{number}", serve_worker, arguments) for number in range(1, serving.workers + 1)
    )


def serve_worker(root: str, listener: socket.socket) -> None:
    """One worker process."""
    begin_worker()
    sys.setswitchinterval(_SWITCH_SECONDS)
    home = load(Path(root))
    pki = open_pki(home)
    verifier = open_verifier(home, pki)
    settle()
    try:
        app = Starlette(routes=[Mount(PREFIX, create_app(verifier))])
        short = ShortWay(verifier.api, PREFIX)
        worker_server(app, answering_at_once(lambda _target, _headers: None, short.soon)).run([listener])
    finally:
        verifier.close()
        pki.close()
