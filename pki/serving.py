"""`hoviat pki serve`: the status service alone, in several worker processes beside one that refreshes.

The parent holds the listening socket and nothing else: a worker that dies is replaced while its siblings
answer on, and connections wait in the socket's queue. SIGTERM and SIGINT let answers under way end.
"""

import gc
import logging
import multiprocessing
import multiprocessing.connection
import os
import resource
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.context import SpawnProcess
from pathlib import Path

import lmdb
import uvicorn
from sqlalchemy.exc import SQLAlchemyError

from pki.app import create_app
from pki.bootstrap import open_pki
from pki.errors import ClockSetBackError, PkiError, ProfileError
from pki.home import Home, load
from pki.housekeeping import housekeeping
from pki.httpprotocol import BoundedProtocol, answering_at_once
from pki.status.ocsp.preparing import Preparer

PREFIX = "/pki"
_BACKLOG = 2048
_STEP_SECONDS = 1.0
_RENEWAL_SECONDS = 60.0
_GRACE_SECONDS = 8
_RESTART_PAUSE = 1.0
_OPEN_FILES = 8_192
_LOG = logging.getLogger(__name__)


class ServiceStoppedError(Exception):
    """Workers end as soon as they begin."""


@dataclass(frozen=True)
class Serving:
    """What is served, and by how many."""

    home: Home
    listener: socket.socket = field(repr=False)
    workers: int


@dataclass
class _Child:
    name: str
    work: Callable[..., None]
    arguments: tuple[object, ...]
    process: SpawnProcess
    began: float


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises OSError."""
    return socket.create_server((host, port), backlog=_BACKLOG)


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
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    root = str(serving.home.root)
    children = [
        _start(f"worker {number}", serve_worker, (root, serving.listener))
        for number in range(1, serving.workers + 1)
    ]
    children.append(_start("refresher", run_refresher, (root,)))
    try:
        while not stop.is_set():
            multiprocessing.connection.wait([child.process.sentinel for child in children], timeout=0.5)
            children = [child if child.process.is_alive() else _restart(child, stop) for child in children]
    finally:
        _end(children)


def serve_worker(root: str, listener: socket.socket) -> None:
    """One worker process."""
    _leave_the_terminal()
    end_with_parent()
    _allow_open_files()
    pki = open_pki(load(Path(root)))
    gc.freeze()  # what is there now stays; looking through it again and again would cost answers
    try:
        app = create_app(pki, PREFIX)
        worker_server(app, answering_at_once(app.at_once, app.soon)).run([listener])
    finally:
        pki.close()


def worker_server(
    app: object,
    protocol: type[BoundedProtocol] = BoundedProtocol,
    *,
    lifespan: bool = True,
    log_level: str = "warning",
) -> uvicorn.Server:
    """The server of one worker; access logs stay off, as paths name certificates.

    Without proxy headers: a client must not choose the address that it is throttled by.
    """
    return uvicorn.Server(
        uvicorn.Config(
            app,  # type: ignore[arg-type]
            http=protocol,
            loop="uvloop",
            lifespan="on" if lifespan else "off",
            ws="none",
            log_level=log_level,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=15,
            timeout_graceful_shutdown=_GRACE_SECONDS // 2,
        )
    )


def run_refresher(root: str) -> None:
    """The process that makes stored answers anew, responders ahead of their time, CRLs and checkpoints.

    Answers and changed CRLs don't need it: without it they are made when they are asked for.
    """
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    _leave_the_terminal()
    end_with_parent()
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


def _start(name: str, work: Callable[..., None], arguments: tuple[object, ...]) -> _Child:
    process = multiprocessing.get_context("spawn").Process(
        target=work, args=arguments, name=f"hoviat-pki-{name}", daemon=True
    )
    process.start()
    return _Child(name, work, arguments, process, time.monotonic())


def _restart(child: _Child, stop: threading.Event) -> _Child:
    if time.monotonic() - child.began < _RESTART_PAUSE:
        raise ServiceStoppedError(f"{child.name} ended at once, with {child.process.exitcode}")
    _LOG.warning("%s ended with %s; another begins", child.name, child.process.exitcode)
    stop.wait(_RESTART_PAUSE)
    return _start(child.name, child.work, child.arguments)


def _end(children: list[_Child]) -> None:
    for child in children:
        child.process.terminate()
    deadline = time.monotonic() + _GRACE_SECONDS
    for child in children:
        child.process.join(max(0.0, deadline - time.monotonic()))
        if child.process.is_alive():
            child.process.kill()
            child.process.join()


def _leave_the_terminal() -> None:
    """Ctrl-C reaches every process of a terminal's group; here the parent alone says when to end."""
    os.setpgid(0, 0)


def end_with_parent() -> None:
    """A parent that is killed can't end its children; so they see to it."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        multiprocessing.connection.wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


def _allow_open_files() -> None:
    """More connections than a shell's usual limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
