"""The readers of this process; they stand beside those of pcscd and need no pcscd at all."""

import threading

from cardio.transport.pcsc.shapes import InProcessReaderLike, ReaderState

_registered: dict[str, InProcessReaderLike] = {}
_registry_lock = threading.Lock()


def register_reader(reader: InProcessReaderLike) -> None:
    """Adds a reader of this process to those that `list_readers` and `connect` see.

    :raises ValueError: a reader of that name is registered already
    """
    with _registry_lock:
        if reader.name in _registered:
            raise ValueError(f"a reader named {reader.name} is registered already")
        _registered[reader.name] = reader


def unregister_reader(name: str) -> None:
    """Takes a reader of this process away; an unknown name is no error."""
    with _registry_lock:
        _registered.pop(name, None)


def registered_reader(name: str) -> InProcessReaderLike | None:
    """The reader of this process that has this full name, if there is one."""
    with _registry_lock:
        return _registered.get(name)


def registered_names() -> list[str]:
    """The full names of all readers of this process."""
    with _registry_lock:
        return list(_registered)


def registered_states() -> dict[str, ReaderState]:
    """Their states, at once."""
    with _registry_lock:
        return {name: reader.presence() for name, reader in _registered.items()}
