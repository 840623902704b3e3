"""What goes between workers and their recorder: pickled values behind their length.

Pickle runs what it reads, so both ends are sure of each other first: the same user's processes.
"""

import pickle
import socket
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

MAXIMUM_BYTES = 1 << 24
SECRET_BYTES = 32
"""What a worker shows first: who only has the user's id, and not the parent's secret, is not read on."""
_LENGTH = struct.Struct("!I")
_CREDENTIALS = struct.Struct("3i")  # struct ucred: pid, uid, gid (unix(7), SO_PEERCRED)


class Told(NamedTuple):
    """An error between processes: exceptions' own pickling calls constructors with what they made of it."""

    kind: type[Exception]
    arguments: tuple[object, ...]
    attributes: dict[str, object]

    @classmethod
    def of(cls, error: Exception) -> "Told":
        """What there is to tell."""
        return cls(type(error), error.args, vars(error))

    def error(self) -> Exception:
        """The same error, without its causes."""
        made = self.kind.__new__(self.kind, *self.arguments)
        made.args = self.arguments
        vars(made).update(self.attributes)
        return made


class FrameError(Exception):
    """What came is none of ours: too long, or not a numbered batch."""


def frame(number: int, items: list[Any]) -> bytes:
    """A numbered batch as it is sent."""
    data = pickle.dumps((number, items), pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(data)) + data


class Frames:
    """Takes octets in any pieces, gives batches and their numbers."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[int, list[Any]]]:
        """Those that are whole now. Raises FrameError."""
        self._buffer += data
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            end = _LENGTH.size + length
            if length > MAXIMUM_BYTES:
                raise FrameError
            if len(self._buffer) < end:
                return
            data = bytes(self._buffer[_LENGTH.size : end])
            del self._buffer[:end]
            yield _batch(data)


def _batch(data: bytes) -> tuple[int, list[Any]]:
    try:
        value = pickle.loads(data)  # noqa: S301 - of our own user's process, see user_of
    except Exception as error:
        raise FrameError from error
    match value:
        case (int(number), list(items)):
            return number, items
    raise FrameError


def user_of(connection: socket.socket) -> int:
    """The numeric id of the user who is at the other end."""
    data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, user, _ = _CREDENTIALS.unpack(data)
    return int(user)
