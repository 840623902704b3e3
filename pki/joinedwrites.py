"""One write, so one packet and one system call, for a response's head and the beginning of its body."""

import asyncio

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_STATUS_LINE = b"HTTP/"


class JoinedWrites(asyncio.Transport):
    """A transport under an HTTP/1.1 server that writes each response's head whole and first.

    The head waits for the next write; `release` sends one that no body followed.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__()
        self._transport = transport
        self._head = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Holds a head back, sends anything else behind the head that waits."""
        data = bytes(data)  # no copy of what is bytes already
        if self._head:
            self._transport.write(self._head + data)
            self._head = b""
        elif data.startswith(_STATUS_LINE) and data != _CONTINUE:
            self._head = data
        else:
            self._transport.write(data)

    def release(self) -> None:
        """Sends a head that still waits."""
        if self._head:
            self._transport.write(self._head)
            self._head = b""

    def close(self) -> None:
        """Closes it after what was written."""
        self.release()
        self._transport.close()

    def abort(self) -> None:
        """Closes it at once."""
        self._transport.abort()

    def is_closing(self) -> bool:  # noqa: D102 - as the base class says, here and below
        return self._transport.is_closing()

    def pause_reading(self) -> None:  # noqa: D102
        self._transport.pause_reading()

    def resume_reading(self) -> None:  # noqa: D102
        self._transport.resume_reading()

    def get_extra_info(self, name: str, default: object = None) -> object:  # noqa: D102
        return self._transport.get_extra_info(name, default)

    def get_write_buffer_size(self) -> int:  # noqa: D102
        return self._transport.get_write_buffer_size()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:  # noqa: D102
        self._transport.set_protocol(protocol)
