"""No PIN, key, object or decrypted secret gets into a trace."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from cardio.transport.base import CardConnection, TransmitError
from cardio.transport.tracing import TracingConnection

SECRET = "C0FFEE00C0FFEE00"


def _trace(scripted: Callable[..., Any], *steps: tuple[str, str]) -> str:
    lines: list[str] = []
    connection = TracingConnection(scripted(*steps), lines.append)
    for command, _ in steps:
        connection.transmit(bytes.fromhex(command))
    return "\n".join(lines).replace(" ", "").upper()


@pytest.mark.parametrize(
    "ins", ["20", "24", "2C", "FF", "87", "D8", "DB", "FE", "50", "82", "88", "E2", "00"]
)
@pytest.mark.parametrize("cla", ["00", "10", "80", "84"])
def test_secret_data_is_never_traced(scripted: Callable[..., Any], ins: str, cla: str) -> None:
    trace = _trace(scripted, (f"{cla}{ins}008008{SECRET}", f"{SECRET}9000"))
    assert SECRET not in trace
    assert f"->{cla}{ins}0080[8BYTES]" in trace
    assert "<-9000[8BYTES]" in trace


def test_the_rest_of_a_secret_answer_is_secret_too(scripted: Callable[..., Any]) -> None:
    trace = _trace(scripted, (f"0087119D08{SECRET}00", f"{SECRET}6108"), ("00C0000008", f"{SECRET}9000"))
    assert SECRET not in trace


def test_objects_are_personal(scripted: Callable[..., Any]) -> None:
    trace = _trace(scripted, ("00CB3FFF055C035FC10900", f"{SECRET}9000"))
    assert "5C035FC109" in trace
    assert SECRET not in trace


def test_bytes_that_are_no_apdu_are_not_shown(scripted: Callable[..., Any]) -> None:
    # A VERIFY with a wrong Lc must not slip through because it can't be read.
    trace = _trace(scripted, (f"0020008009{SECRET}", SECRET[:2]))
    assert SECRET not in trace
    assert SECRET[:2] not in trace
    assert "13BYTES" in trace


def test_the_answer_to_what_is_no_apdu_is_not_shown(scripted: Callable[..., Any]) -> None:
    trace = _trace(scripted, ("00A4040005A000000308", "9000"), ("0087119D09AA", f"{SECRET}9000"))
    assert SECRET not in trace


def test_requests_to_the_reader_and_its_answers_are_lengths(scripted: Callable[..., Any]) -> None:
    class Controllable(Shared):
        def control(self, _code: int, request: bytes) -> bytes:
            return request[:2]

    lines = list[str]()
    TracingConnection(Controllable(scripted()), lines.append).control(0x42000006, bytes.fromhex(SECRET))
    assert lines == ["-- reader request 42000006 [8 bytes]", "-- reader answer [2 bytes]"]


def test_harmless_commands_are_shown(scripted: Callable[..., Any]) -> None:
    trace = _trace(scripted, ("00A4040005A000000308", "61009000"))
    assert "->00A40400A000000308" in trace
    assert "<-90006100" in trace


@pytest.mark.parametrize("ins", ["A4", "CB", "47", "FD", "CA", "F2", "E4"])
@pytest.mark.parametrize("cla", ["04", "0C", "14", "84", "60"])
def test_secure_messaging_shows_headers_and_lengths(scripted: Callable[..., Any], ins: str, cla: str) -> None:
    """At the level C-MAC data are in clear; who asked for a secure channel has reasons not to show them."""
    trace = _trace(
        scripted, (f"{cla}{ins}040008{SECRET}00", f"{SECRET}6108"), ("00C0000008", f"{SECRET}9000")
    )
    assert SECRET not in trace
    assert f"->{cla}{ins}0400[8BYTES]LE=256" in trace
    assert trace.count("[8BYTES]") == 3


def test_globalplatform_in_clear(scripted: Callable[..., Any]) -> None:
    steps = [
        ("80F24002024F0000", f"{SECRET}9000"),
        ("80CA9F7F00", f"{SECRET}9000"),
        ("80E4000003D20130", "9000"),
    ]
    trace = _trace(scripted, *steps)
    assert SECRET not in trace  # serial numbers name a card, and so its holder
    assert "->80F240024F00LE=256" in trace
    assert "->80E40000D20130" in trace


def test_what_only_a_shared_connection_has(scripted: Callable[..., Any]) -> None:
    connection = TracingConnection(scripted())
    with pytest.raises(TransmitError):
        connection.reconnect()
    with pytest.raises(TransmitError), connection.transaction():
        pytest.fail("the work began")


def test_a_shared_session_is_traced(scripted: Callable[..., Any]) -> None:
    inner, lines = Shared(scripted()), list[str]()
    connection = TracingConnection(inner, lines.append)
    with connection.transaction():
        connection.reconnect()
    assert (inner.calls, lines) == (["begin", "reconnect", "end"], ["-- reconnect"])


class Shared:
    """A connection with what a shared one has."""

    def __init__(self, inner: CardConnection) -> None:
        self.name, self.atr = inner.name, inner.atr
        self.transmit, self.reset, self.close = inner.transmit, inner.reset, inner.close
        self.calls: list[str] = []

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self.calls.append("begin")
        yield
        self.calls.append("end")

    def reconnect(self) -> None:
        self.calls.append("reconnect")


def test_the_connection_underneath_is_used(
    scripted: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    inner = scripted(("0020008008" + SECRET, "63C2"))
    connection = TracingConnection(inner)
    with caplog.at_level(logging.DEBUG, logger="cardio.apdu"):
        assert connection.transmit(bytes.fromhex("0020008008" + SECRET)) == b"\x63\xc2"
    connection.reset()
    connection.close()
    assert (connection.name, connection.atr, inner.resets) == (inner.name, inner.atr, 1)
    assert SECRET not in caplog.text.replace(" ", "").upper()
    assert "63C2" in caplog.text
