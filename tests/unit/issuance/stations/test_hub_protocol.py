"""The hub's side of the protocol: against stations that keep the order, and against those that lie."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardio.station.errors import ProtocolError
from cardio.station.wire import (
    MAX_READERS,
    Accept,
    Answered,
    Failure,
    FailureKind,
    Hello,
    KeySlot,
    Open,
    Opened,
    Prove,
    Reader,
    ReadersChanged,
    Refused,
    Request,
    Reset,
    Send,
    Signed,
    StationMessage,
)
from issuance.stations.protocol import HubProtocol
from tests.unit.cardio.station.test_wire import from_stations

JOB, OTHER = "0" * 16, "1" * 16
READER = Reader(name="Reader", atr=b"\x3b\x80", movements=1)
OK = b"\x90\x00"
FAILURE = Failure(kind=FailureKind.CARD_REMOVED, detail="gone")
COMMAND = bytes.fromhex("00A4040000")


def greeted() -> HubProtocol:
    protocol = HubProtocol()
    assert protocol.receive(Hello(agent="test", readers=(READER,))) is None
    return protocol


def opening(job: str = JOB, card: str | None = None) -> Open:
    return Open(job=job, reader="Reader", operator="clerk-1", card=card)


def opened() -> HubProtocol:
    protocol = greeted()
    protocol.open(opening())
    assert protocol.receive(Opened(job=JOB, atr=b"", card="1")) is not None
    return protocol


def sending(commands: int = 2) -> Callable[[int], Request]:
    return lambda number: Send(job=JOB, number=number, commands=(COMMAND,) * commands)


def accepting(number: int) -> Request:
    return Accept(job=JOB, number=number, transport_pin="123456", challenge=bytes(32))


def proving(number: int) -> Request:
    return Prove(job=JOB, number=number, slot=KeySlot.SIGNATURE, content=b"x")


def answered(number: int, *answers: bytes, failure: Failure | None = None) -> Answered:
    return Answered(job=JOB, number=number, answers=answers, failure=failure)


def test_a_job_from_its_opening_to_its_end() -> None:
    protocol = opened()
    for number in (1, 2):
        assert protocol.ask(JOB, sending()).number == number
        assert protocol.receive(answered(number, OK, b"\x6a\x82")) == answered(number, OK, b"\x6a\x82")
    protocol.ask(JOB, lambda number: Reset(job=JOB, number=number))
    assert protocol.receive(answered(3)) is not None
    protocol.ask(JOB, accepting)
    assert protocol.receive(Signed(job=JOB, number=4, signature=b"s")) is not None
    protocol.ask(JOB, proving)
    assert protocol.receive(Signed(job=JOB, number=5, signature=b"s")) is not None
    assert protocol.close(JOB) is not None
    assert protocol.close(JOB) is None
    assert not protocol.jobs


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(answered(1), id="no answers"),
        pytest.param(answered(2, OK, OK), id="a later number"),
        pytest.param(answered(1, OK, OK, OK), id="more answers than commands"),
        pytest.param(answered(1, b"\x6a\x82", OK), id="an answer after a refusal"),
        pytest.param(answered(1, b"\x6a\x82", failure=FAILURE), id="a failure after a refusal"),
        pytest.param(Signed(job=JOB, number=1, signature=b"s"), id="a signature"),
        pytest.param(Opened(job=JOB, atr=b"", card=None), id="opened again"),
        pytest.param(Answered(job=OTHER, number=1, answers=(OK,), failure=None), id="of another job"),
        pytest.param(Hello(agent="", readers=()), id="hello again"),
    ],
)
def test_lies_after_a_question(reply: StationMessage) -> None:
    protocol = opened()
    protocol.ask(JOB, sending())
    with pytest.raises(ProtocolError):
        protocol.receive(reply)


def test_a_replayed_answer() -> None:
    protocol = opened()
    protocol.ask(JOB, sending())
    protocol.receive(answered(1, OK))
    with pytest.raises(ProtocolError):
        protocol.receive(answered(1, OK))


def test_yesterdays_answer_to_todays_question() -> None:
    protocol = opened()
    protocol.ask(JOB, sending())
    protocol.receive(answered(1, OK))
    protocol.ask(JOB, sending())
    with pytest.raises(ProtocolError):
        protocol.receive(answered(1, OK))


@pytest.mark.parametrize(
    "first",
    [ReadersChanged(readers=()), Opened(job=JOB, atr=b"", card=None), Refused(job=JOB, failure=FAILURE)],
    ids=["readers", "opened", "refused"],
)
def test_something_before_hello(first: StationMessage) -> None:
    with pytest.raises(ProtocolError):
        HubProtocol().receive(first)


@pytest.mark.parametrize("found", [None, "0000000002"])
def test_another_card_than_the_jobs(found: str | None) -> None:
    protocol = greeted()
    protocol.open(opening(card="0000000001"))
    with pytest.raises(ProtocolError):
        protocol.receive(Opened(job=JOB, atr=b"", card=found))


def test_a_reset_a_handover_and_a_proof_have_no_answers_of_the_card() -> None:
    for make in (accepting, proving, lambda number: Reset(job=JOB, number=number)):
        protocol = opened()
        protocol.ask(JOB, make)
        with pytest.raises(ProtocolError):
            protocol.receive(answered(1, OK))
    for make in (accepting, proving):
        protocol = opened()
        protocol.ask(JOB, make)
        with pytest.raises(ProtocolError):
            protocol.receive(answered(1))


def test_two_readers_of_one_name() -> None:
    with pytest.raises(ProtocolError):
        HubProtocol().receive(Hello(agent="", readers=(READER, READER)))


def test_the_late_answer_of_a_closed_job_is_nobodys_and_no_lie() -> None:
    protocol = opened()
    protocol.ask(JOB, sending())
    protocol.close(JOB)
    with pytest.raises(ProtocolError):
        protocol.open(opening())
    assert protocol.receive(answered(1, OK)) is None
    with pytest.raises(ProtocolError):
        protocol.receive(answered(1, OK))


def test_a_refused_job_is_over() -> None:
    protocol = greeted()
    protocol.open(opening())
    assert protocol.receive(Refused(job=JOB, failure=FAILURE)) is not None
    with pytest.raises(ProtocolError):
        protocol.ask(JOB, sending())
    with pytest.raises(ProtocolError):
        protocol.receive(Refused(job=JOB, failure=FAILURE))


def test_jobs_that_never_answer_are_bounded() -> None:
    protocol = greeted()
    for number in range(MAX_READERS):
        protocol.open(opening(f"{number:016d}"))
        protocol.close(f"{number:016d}")
    with pytest.raises(ProtocolError):
        protocol.open(opening("X" * 16))


@given(st.lists(from_stations, max_size=30))
def test_a_lying_station_gets_no_other_error(messages: list[StationMessage]) -> None:
    protocol = opened()
    protocol.ask(JOB, sending())
    for message in messages:
        try:
            reply = protocol.receive(message)
        except ProtocolError:
            continue
        assert reply is None or reply.job == JOB


@given(st.data())
def test_only_true_answers_come_back(data: st.DataObject) -> None:
    """Of any reply about this job, none but one to the question asked is given to whoever waits."""
    protocol = opened()
    protocol.ask(JOB, sending())
    swap = data.draw(from_stations)
    message = swap.model_copy(update={"job": JOB}) if hasattr(swap, "job") else swap
    try:
        reply = protocol.receive(message)
    except ProtocolError:
        return
    if isinstance(reply, Answered):
        assert reply.number == 1
        assert len(reply.answers) <= 2
    else:
        assert reply is None or isinstance(reply, Refused)
