"""Locks that a fork leaves usable."""

import os
import threading


def fork_safe_lock() -> threading.Lock:
    """A lock that `os.fork` takes first: no child inherits it held, nor what it guards half-done."""
    lock = threading.Lock()
    os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)
    return lock
