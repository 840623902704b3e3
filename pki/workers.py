"""Several worker processes behind one listening socket, replaced when they die.

The parent holds the socket and nothing else: a worker that dies is replaced while its siblings answer on,
and connections wait in the socket's queue. SIGTERM and SIGINT let answers under way end.
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
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.context import SpawnProcess
from pathlib import Path

import uvicorn

from pki.httpprotocol import BoundedProtocol

_BACKLOG = 2048
_GRACE_SECONDS = 8
_RESTART_PAUSE = 1.0
_EARLY_SECONDS = 10.0
_EARLY_ENDS = 3
"""In a row, before they are not bad luck (a kill for want of memory) but a worker that can't run."""
_OPEN_FILES = 8_192
_NAME_LENGTH = 15
"""What the kernel keeps of it."""
_NEW_OBJECTS = 20_000
"""Before they are looked through: a batch of requests under way holds more than the interpreter's 700."""
_LOG = logging.getLogger(__name__)


class ServiceStoppedError(Exception):
    """Workers end as soon as they begin."""


@dataclass(frozen=True)
class Work:
    """What one process does until it is told to end by SIGTERM."""

    name: str
    run: Callable[..., None]
    arguments: tuple[object, ...]


@dataclass
class _Child:
    work: Work
    process: SpawnProcess
    began: float
    early_ends: int = 0
    """How many before it, in a row, ended soon after they began."""
    has_worked: bool = False
    """One before it stayed up for a while: what ends this one early passes, as a database that is away."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises OSError."""
    return socket.create_server((host, port), backlog=_BACKLOG)


def supervise(works: Iterable[Work]) -> None:
    """Keeps a process for each until SIGTERM or SIGINT. Raises ServiceStoppedError when one can't stay up."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    children = [_start(work) for work in works]
    try:
        while not stop.is_set():
            multiprocessing.connection.wait([child.process.sentinel for child in children], timeout=0.5)
            children = [child if child.process.is_alive() else _restart(child, stop) for child in children]
    finally:
        _end(children)


def begin_worker() -> None:
    """What a worker process does first."""
    begin_child()
    _allow_open_files()


def begin_child() -> None:
    """What every process does first: it shows its name, and ends when its parent does, and only then."""
    _show_name()
    _leave_the_terminal()
    _end_with_parent()


def settle() -> None:
    """What a worker does before it answers: what is there now stays, and isn't looked through for garbage."""
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS)


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


def _start(work: Work, early_ends: int = 0, *, has_worked: bool = False) -> _Child:
    process = multiprocessing.get_context("spawn").Process(
        target=work.run, args=work.arguments, name=work.name, daemon=True
    )
    process.start()
    return _Child(work, process, time.monotonic(), early_ends, has_worked)


def _restart(child: _Child, stop: threading.Event) -> _Child:
    early = time.monotonic() - child.began < _EARLY_SECONDS
    early_ends, has_worked = child.early_ends + 1 if early else 0, child.has_worked or not early
    if early_ends == _EARLY_ENDS and not has_worked:
        raise ServiceStoppedError(f"{child.work.name} can't stay up: it ends with {child.process.exitcode}")
    _LOG.warning("%s ended with %s; another begins", child.work.name, child.process.exitcode)
    stop.wait(_RESTART_PAUSE)
    return _start(child.work, early_ends, has_worked=has_worked)


def _end(children: list[_Child]) -> None:
    for child in children:
        child.process.terminate()
    deadline = time.monotonic() + _GRACE_SECONDS
    for child in children:
        child.process.join(max(0.0, deadline - time.monotonic()))
        if child.process.is_alive():
            child.process.kill()
            child.process.join()


def _show_name() -> None:
    """To `ps`, so that whoever looks knows what each process is for."""
    with suppress(OSError):
        Path("/proc/self/comm").write_text(multiprocessing.current_process().name[:_NAME_LENGTH])


def _leave_the_terminal() -> None:
    """Ctrl-C reaches every process of a terminal's group; here the parent alone says when to end."""
    os.setpgid(0, 0)


def _end_with_parent() -> None:
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
