"""A response's head leaves with its body; nothing is kept back for good, and nothing changes its order."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from pki.joinedwrites import JoinedWrites

_HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


class _Sink(asyncio.Transport):
    """Notes what reaches the socket."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closed
        self.written.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


def _pair() -> tuple[JoinedWrites, _Sink]:
    sink = _Sink()
    return JoinedWrites(sink), sink


def test_head_and_body_are_one_write() -> None:
    joined, sink = _pair()
    joined.write(_HEAD)
    assert sink.written == []
    joined.write(b"body")
    joined.write(b"more")
    assert sink.written == [_HEAD + b"body", b"more"]


def test_a_head_without_a_body_goes_when_the_response_ends() -> None:
    joined, sink = _pair()
    joined.write(_HEAD)
    joined.release()
    joined.release()
    assert sink.written == [_HEAD]


def test_closing_sends_what_waits_first() -> None:
    joined, sink = _pair()
    joined.write(_HEAD)
    joined.close()
    assert sink.written == [_HEAD]
    assert joined.is_closing()


def test_a_client_that_waits_for_100_continue_gets_it_at_once() -> None:
    joined, sink = _pair()
    joined.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert sink.written == [b"HTTP/1.1 100 Continue\r\n\r\n"]


@given(st.lists(st.one_of(st.just(_HEAD), st.just(b"HTTP/"), st.binary(max_size=8))))
def test_the_bytes_are_the_same_whatever_is_written(writes: list[bytes]) -> None:
    joined, sink = _pair()
    for index, data in enumerate(writes):
        joined.write(memoryview(data) if index % 2 else bytearray(data))
        if index % 3 == 0:
            joined.release()
    joined.close()
    assert b"".join(sink.written) == b"".join(writes)
    assert sink.closed
