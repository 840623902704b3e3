"""An address at which nothing answers: a port that is bound and never listened at refuses connections."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

LOOPBACK = "127.0.0.1"


@contextmanager
def closed_url() -> Iterator[str]:
    """`http://127.0.0.1:PORT`; nobody else can take the port while the context lasts.

    For certificates that strangers' programs read: some of them fetch from the addresses that stand in
    them, and what another program serves at a fixed port would decide the test.
    """
    with socket.socket() as holder:
        holder.bind((LOOPBACK, 0))
        yield f"http://{LOOPBACK}:{holder.getsockname()[1]}"
