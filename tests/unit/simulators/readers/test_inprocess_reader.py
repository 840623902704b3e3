import threading
from collections.abc import Iterator

import pytest

from cardio.transport import pcsc
from cardio.transport.base import CardRemovedError, NoCardError, ReaderUnavailableError
from simulators.readers.inprocess import InProcessReader
from tests.unit.simulators.readers.fakes import ATR, DEADLY, EchoCard

NAME = "Test reader 00 00"
COMMAND = bytes.fromhex("00CB3FFF")


@pytest.fixture
def reader() -> Iterator[InProcessReader]:
    with InProcessReader(NAME) as reader:
        yield reader


@pytest.fixture
def card(reader: InProcessReader) -> EchoCard:
    card = EchoCard()
    reader.insert(card)
    return card


def test_it_is_listed_until_closed() -> None:
    reader = InProcessReader(NAME)
    assert NAME in pcsc.list_readers()
    with pytest.raises(ValueError, match="registered already"):
        InProcessReader(NAME)
    reader.close()
    reader.close()
    with pytest.raises(ReaderUnavailableError):
        pcsc.connect(NAME)


@pytest.mark.usefixtures("reader")
def test_an_empty_reader_has_no_card() -> None:
    with pytest.raises(NoCardError):
        pcsc.connect(NAME)
    with pytest.raises(NoCardError):
        pcsc.wait_for_card(NAME, 0)


def test_commands_go_through(card: EchoCard) -> None:
    with pcsc.connect(NAME) as connection:
        assert connection.name == NAME
        assert connection.atr == ATR
        assert connection.transmit(COMMAND) == COMMAND + b"\x90\x00"
    assert card.events == ["on", "reset"]


def test_a_pulled_card_is_gone_for_every_connection(reader: InProcessReader, card: EchoCard) -> None:
    first, second = pcsc.connect(NAME), pcsc.connect(NAME)
    reader.remove()
    for connection in (first, second):
        with pytest.raises(CardRemovedError):
            connection.transmit(COMMAND)
        connection.close()
    assert card.events == ["on", "off"]


def test_a_card_put_back_is_another_card_to_old_connections(reader: InProcessReader, card: EchoCard) -> None:
    connection = pcsc.connect(NAME)
    reader.insert(card)
    with pytest.raises(CardRemovedError):
        connection.transmit(COMMAND)
    connection.reset()
    assert connection.transmit(COMMAND) == COMMAND + b"\x90\x00"
    connection.close()


@pytest.mark.usefixtures("card")
def test_a_reset_is_told_to_the_others() -> None:
    first, second = pcsc.connect(NAME), pcsc.connect(NAME)
    first.reset()
    assert first.transmit(COMMAND)
    with pytest.raises(CardRemovedError):
        second.transmit(COMMAND)
    with pytest.raises(CardRemovedError), second.transaction():
        pass
    second.reset()
    assert second.transmit(COMMAND)
    for connection in (first, second):
        connection.close()


def test_closing_a_stale_connection_leaves_the_card_alone(card: EchoCard) -> None:
    first, second = pcsc.connect(NAME), pcsc.connect(NAME)
    first.reset()
    events = list(card.events)
    second.close()
    assert card.events == events
    assert first.transmit(COMMAND)
    first.close()


@pytest.mark.usefixtures("card")
def test_a_power_cut_in_the_middle_looks_like_a_pulled_card() -> None:
    with pcsc.connect(NAME) as connection:
        with pytest.raises(CardRemovedError):
            connection.transmit(DEADLY)
        with pytest.raises(NoCardError):
            pcsc.connect(NAME)


@pytest.mark.usefixtures("card")
def test_a_transaction_keeps_others_waiting() -> None:
    order: list[str] = []
    first, second = pcsc.connect(NAME), pcsc.connect(NAME)
    started = threading.Event()

    def other() -> None:
        started.set()
        second.transmit(COMMAND)
        order.append("other")

    thread = threading.Thread(target=other)
    with first.transaction(), first.transaction():
        thread.start()
        started.wait()
        first.transmit(COMMAND)
        order.append("owner")
    thread.join()
    assert order == ["owner", "other"]
    second.close()
    first.close()


def test_removal_frees_whoever_waits_for_a_transaction(reader: InProcessReader, card: EchoCard) -> None:
    first, second = pcsc.connect(NAME), pcsc.connect(NAME)
    failures: list[CardRemovedError] = []

    def other() -> None:
        try:
            second.transmit(COMMAND)
        except CardRemovedError as error:
            failures.append(error)

    thread = threading.Thread(target=other)
    with first.transaction():
        thread.start()
        reader.remove()
        thread.join()
    assert len(failures) == 1
    assert card.events[-1] == "off"
    second.close()
    first.close()


@pytest.mark.usefixtures("card")
def test_an_unconnected_connection_transmits_nothing(reader: InProcessReader) -> None:
    connection = reader.createConnection()
    with pytest.raises(pcsc.CardConnectionException):
        connection.transmit(list(COMMAND))
    connection.disconnect()
