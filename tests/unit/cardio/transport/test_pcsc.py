"""The door to PC/SC: exact names, what each result code means, transactions; with readers made up here."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from smartcard import scard

from cardio.errors import CardError
from cardio.transport import pcsc
from cardio.transport.base import (
    CardConnection,
    CardRemovedError,
    CardResetError,
    NoCardError,
    ReaderBusyError,
    ReaderUnavailableError,
    TransmitError,
    TransportError,
)
from cardio.transport.pcsc import registry

Failing = Callable[[], None]


class FakeConnection:
    """A pyscard-style connection whose calls fail as ordered."""

    def __init__(self, failures: dict[str, Exception]) -> None:
        self.failures = failures
        self.calls: list[str] = []

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if name in self.failures:
            raise self.failures[name]

    def connect(self, *, disposition: int) -> None:
        self._call(f"connect {disposition}")
        self._call("connect")

    def reconnect(self, *, disposition: int) -> None:
        self._call(f"reconnect {disposition}")
        self._call("reconnect")

    def disconnect(self) -> None:
        self._call("disconnect")

    def release(self) -> None:
        self._call("release")

    def getATR(self) -> list[int]:  # noqa: N802
        return [0x3B, 0x00]

    def control(self, code: int, command: list[int]) -> list[int]:
        raise AssertionError(code, command)

    def transmit(self, command: list[int]) -> tuple[list[int], int, int]:
        self._call("transmit")
        return command, 0x90, 0x00

    def lock(self) -> None:
        self._call("lock")

    def unlock(self, disposition: int) -> None:
        self._call(f"unlock {disposition}")


class FakeReader:
    """A registered reader with one connection to give."""

    def __init__(self, name: str, failures: dict[str, Exception]) -> None:
        self.name = name
        self.connection = FakeConnection(failures)

    def createConnection(self) -> FakeConnection:  # noqa: N802
        return self.connection

    def presence(self) -> pcsc.ReaderState:
        raise AssertionError


@contextmanager
def _reader(**failures: Exception) -> Iterator[FakeReader]:
    reader = FakeReader(f"Fake Reader {uuid4()}", failures)
    pcsc.register_reader(reader)
    try:
        yield reader
    finally:
        pcsc.unregister_reader(reader.name)


def _failure(hresult: int) -> Exception:
    failure: Exception = pcsc.CardConnectionException("no", hresult=hresult)
    return failure


def test_a_connection_resets_the_card_when_it_ends() -> None:
    with _reader() as reader:
        connection: CardConnection = pcsc.connect(reader.name)
        assert (connection.name, connection.atr) == (reader.name, b"\x3b\x00")
        assert connection.transmit(b"\x00\xa4") == b"\x00\xa4\x90\x00"
        connection.close()
        connection.close()
    assert reader.connection.calls == ["connect 1", "connect", "transmit", "disconnect", "release"]


@pytest.mark.parametrize(
    ("hresult", "error"),
    [
        (0x8010000B, ReaderBusyError),
        (0x8010000C, NoCardError),
        (0x80100069, NoCardError),
        (0x80100066, NoCardError),
        (0x80100067, NoCardError),
        (0x80100009, ReaderUnavailableError),
        (0x80100017, ReaderUnavailableError),
        (0x8010001D, ReaderUnavailableError),
        (0x8010001E, ReaderUnavailableError),
        (0x8010001D - 0x1_0000_0000, ReaderUnavailableError),  # as a signed number
        (0x80100001, ReaderUnavailableError),
    ],
)
def test_what_a_refused_connection_means(hresult: int, error: type[TransportError]) -> None:
    with _reader(connect=_failure(hresult)) as reader:
        with pytest.raises(error) as refused:
            pcsc.connect(reader.name)
        assert type(refused.value) is error
        assert refused.value.reader == reader.name


@pytest.mark.parametrize("call", ["transmit", "reconnect"])
@pytest.mark.parametrize(
    ("hresult", "error"),
    [
        (0, CardRemovedError),  # a card lost in the middle of an APDU
        (0x80100068, CardResetError),
        (0x80100069, CardRemovedError),
        (0x8010000C, CardRemovedError),
        (0x80100003, CardRemovedError),
        (-1, CardRemovedError),  # a handle lost in a reset that failed
        (0x80100016, TransmitError),
        (0x8010002F, TransmitError),
        (0x8010001D, ReaderUnavailableError),
        (0x80100017, ReaderUnavailableError),
        (0x8010000B, ReaderBusyError),
    ],
)
def test_what_a_failure_with_the_card_in_means(call: str, hresult: int, error: type[TransportError]) -> None:
    with _reader(**{call: _failure(hresult)}) as reader:
        connection = pcsc.connect(reader.name)
        with pytest.raises(error) as failed:
            connection.transmit(b"\x00") if call == "transmit" else connection.reset()
        assert type(failed.value) is error
        assert isinstance(failed.value, CardError)


def test_the_message_without_service_says_what_to_start() -> None:
    failing = _reader(connect=_failure(0x8010001D))
    with failing as reader, pytest.raises(ReaderUnavailableError, match="start it"):
        pcsc.connect(reader.name)


def test_closing_never_fails() -> None:
    with _reader(disconnect=_failure(0x80100069), release=_failure(0x8010001D)) as reader:
        connection = pcsc.connect(reader.name)
        connection.close()
        assert reader.connection.calls[-2:] == ["disconnect", "release"]


@pytest.mark.parametrize(
    "use",
    [
        lambda it: it.transmit(b"\x00"),
        lambda it: it.reset(),
        lambda it: it.reconnect(),
        lambda it: it.transaction().__enter__(),
    ],
    ids=["transmit", "reset", "reconnect", "transaction"],
)
def test_a_closed_connection_is_not_used(use: Callable[[pcsc.PcscConnection], object]) -> None:
    with _reader() as reader:
        connection = pcsc.connect(reader.name)
        connection.close()
        with pytest.raises(CardRemovedError):
            use(connection)


def test_an_exclusive_transaction_ends_with_a_reset_also_after_an_error() -> None:
    with _reader() as reader, pcsc.connect(reader.name) as connection:
        with pytest.raises(RuntimeError), connection.exclusive():
            raise RuntimeError
        assert reader.connection.calls[-2:] == ["lock", "unlock 1"]


def test_a_transaction_ends_also_after_an_error() -> None:
    with _reader() as reader, pcsc.connect(reader.name) as connection:
        with pytest.raises(RuntimeError), connection.transaction():
            raise RuntimeError
        assert reader.connection.calls[-2:] == ["lock", "unlock 0"]


def test_a_transaction_that_cannot_begin() -> None:
    with _reader(lock=_failure(0x80100068)) as reader, pcsc.connect(reader.name) as connection:
        with pytest.raises(CardRemovedError), connection.transaction():
            pytest.fail("the work began")
        assert "unlock" not in reader.connection.calls


def test_a_card_is_taken_up_again_without_a_reset() -> None:
    with _reader() as reader, pcsc.connect(reader.name) as connection:
        connection.reconnect()
        assert reader.connection.calls[-2:] == ["reconnect 0", "reconnect"]


def test_a_handle_that_a_failure_took_is_replaced() -> None:
    with _reader(reconnect=_failure(-1)) as reader, pcsc.connect(reader.name) as connection:
        connection.reconnect()
        assert reader.connection.calls[-2:] == ["connect 1", "connect"]


def test_nobody_is_there_to_take_up_again() -> None:
    with _reader(reconnect=_failure(0x80100069)) as reader, pcsc.connect(reader.name) as connection:
        reader.connection.failures["connect"] = _failure(0x8010000C)
        with pytest.raises(CardRemovedError):
            connection.reconnect()


def test_names_are_registered_once() -> None:
    with _reader() as reader:
        assert pcsc.list_readers().count(reader.name) == 1
        with pytest.raises(ValueError, match="already"):
            pcsc.register_reader(reader)
    pcsc.unregister_reader(reader.name)


def test_absent_and_ambiguous_names_are_explained() -> None:
    with _reader() as reader:
        for prefix in (reader.name[:-1], "Fake Reader"):
            with pytest.raises(ReaderUnavailableError, match="full name") as ambiguous:
                pcsc.connect(prefix)
            assert reader.name in str(ambiguous.value)
        for absent in ("No Such Reader", "", reader.name + " "):
            with pytest.raises(ReaderUnavailableError, match="no such reader") as unknown:
                pcsc.connect(absent)
            assert reader.name in str(unknown.value)
        with pytest.raises(ReaderUnavailableError):
            pcsc.wait_for_card("No Such Reader", 0)


def test_no_service_and_no_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_service(_scope: int) -> tuple[int, int]:
        return 0x8010001D, 0

    monkeypatch.setattr("smartcard.scard.SCardEstablishContext", no_service)
    monkeypatch.setattr("cardio.transport.pcsc.registry._registered", {})
    assert not pcsc.service_answers()
    with pytest.raises(ReaderUnavailableError, match="start it"):
        pcsc.list_readers()
    with pytest.raises(ReaderUnavailableError, match="start it"):
        pcsc.connect("Any Reader")
    with _reader() as reader:
        assert pcsc.list_readers() == [reader.name]
        pcsc.connect(reader.name).close()


def test_waiting_for_a_card_does_not_reset_it() -> None:
    with _reader() as reader:
        pcsc.wait_for_card(reader.name, 0)
        assert reader.connection.calls == ["connect 0", "connect", "disconnect"]


def test_waiting_in_vain() -> None:
    empty = _reader(connect=pcsc.NoCardException("empty", hresult=0x8010000C))
    with empty as reader, pytest.raises(NoCardError):
        pcsc.wait_for_card(reader.name, 0)


class TestReadersThatGoBetweenTwoQuestions:
    @pytest.fixture
    def answers(self, monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], int]]:
        """What the service lists, and how it answers when asked of their states; the last for ever."""
        left: list[tuple[list[str], int]] = []

        def states(_context: int, _timeout: int, asked: list[tuple[str, int]]) -> tuple[int, list[Any]]:
            result = left.pop(0)[1] if len(left) > 1 else left[0][1]
            return result, [(name, scard.SCARD_STATE_EMPTY, []) for name, _ in asked]

        monkeypatch.setattr(scard, "SCardEstablishContext", lambda _scope: (0, 1))
        monkeypatch.setattr(scard, "SCardReleaseContext", lambda _context: 0)
        monkeypatch.setattr(scard, "SCardListReaders", lambda _context, _groups: (0, left[0][0]))
        monkeypatch.setattr(scard, "SCardGetStatusChange", states)
        monkeypatch.setattr(registry, "_registered", {})
        return left

    def test_the_others_are_told(self, answers: list[tuple[list[str], int]]) -> None:
        answers += [(["One", "Two"], scard.SCARD_E_UNKNOWN_READER), (["Two"], 0)]
        assert pcsc.reader_states() == {"Two": pcsc.ReaderState(None, 0)}

    def test_a_service_that_never_knows_its_readers_is_not_asked_for_ever(
        self, answers: list[tuple[list[str], int]]
    ) -> None:
        answers.append((["One"], scard.SCARD_E_UNKNOWN_READER))
        with pytest.raises(ReaderUnavailableError):
            pcsc.reader_states()
