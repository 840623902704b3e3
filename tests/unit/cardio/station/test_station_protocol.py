"""A station's side of the protocol: against hubs that keep the order, and against those that don't."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from cardio.station.errors import ProtocolError
from cardio.station.protocol import StationProtocol
from cardio.station.wire import MAX_READERS, Close, Open, Reset
from tests.unit.cardio.station.test_wire import from_hubs

JOBS = [f"{number:016d}" for number in range(4)]


def opening(job: str) -> Open:
    return Open(job=job, reader="Reader", operator="clerk-1", card=None)


def test_a_job_from_its_opening_to_its_end() -> None:
    protocol = StationProtocol()
    protocol.receive(opening(JOBS[0]))
    protocol.answered(JOBS[0])
    for number in (1, 2, 3):
        protocol.receive(Reset(job=JOBS[0], number=number))
        protocol.answered(JOBS[0])
    protocol.receive(Close(job=JOBS[0]))
    assert not protocol.jobs


@pytest.mark.parametrize("number", [1, 3])
def test_a_request_out_of_its_turn(number: int) -> None:
    protocol = StationProtocol()
    protocol.receive(opening(JOBS[0]))
    protocol.answered(JOBS[0])
    protocol.receive(Reset(job=JOBS[0], number=1))
    protocol.answered(JOBS[0])
    with pytest.raises(ProtocolError):
        protocol.receive(Reset(job=JOBS[0], number=number))


def test_requests_that_nobody_may_make() -> None:
    protocol = StationProtocol()
    with pytest.raises(ProtocolError):
        protocol.receive(Reset(job=JOBS[0], number=1))
    protocol.receive(opening(JOBS[0]))
    with pytest.raises(ProtocolError):
        protocol.receive(Reset(job=JOBS[0], number=1))  # not opened yet
    with pytest.raises(ProtocolError):
        protocol.receive(opening(JOBS[0]))


def test_no_more_jobs_than_readers() -> None:
    protocol = StationProtocol()
    for number in range(MAX_READERS):
        protocol.receive(opening(f"{number:016d}"))
    with pytest.raises(ProtocolError):
        protocol.receive(opening("X" * 16))


@given(st.lists(from_hubs, max_size=30))
def test_a_lying_hub_gets_no_other_error(messages: list[object]) -> None:
    protocol = StationProtocol()
    for message in messages:
        try:
            protocol.receive(message)  # type: ignore[arg-type]
        except ProtocolError:
            continue
        assert len(protocol.jobs) <= MAX_READERS


class OrderlyHub(RuleBasedStateMachine):
    """Whatever an orderly hub and a working station do, nothing is refused."""

    def __init__(self) -> None:
        super().__init__()
        self.protocol = StationProtocol()
        self.numbers: dict[str, int] = {}
        self.busy: set[str] = set()

    @rule(job=st.sampled_from(JOBS))
    def open(self, job: str) -> None:
        if job not in self.numbers:
            self.protocol.receive(opening(job))
            self.numbers[job] = 1
            self.busy.add(job)

    @precondition(lambda self: self.busy)
    @rule(data=st.data(), opens=st.booleans())
    def answer(self, data: st.DataObject, opens: bool) -> None:
        job = data.draw(st.sampled_from(sorted(self.busy)))
        self.busy.discard(job)
        if opens or self.numbers[job] > 1:
            self.protocol.answered(job)
        else:
            self.protocol.refused(job)
            del self.numbers[job]

    @precondition(lambda self: self.numbers.keys() - self.busy)
    @rule(data=st.data())
    def ask(self, data: st.DataObject) -> None:
        job = data.draw(st.sampled_from(sorted(self.numbers.keys() - self.busy)))
        self.protocol.receive(Reset(job=job, number=self.numbers[job]))
        self.numbers[job] += 1
        self.busy.add(job)

    @precondition(lambda self: self.numbers)
    @rule(data=st.data())
    def close(self, data: st.DataObject) -> None:
        job = data.draw(st.sampled_from(sorted(self.numbers)))
        self.protocol.receive(Close(job=job))
        del self.numbers[job]
        self.busy.discard(job)

    @invariant()
    def both_know_the_same_jobs(self) -> None:
        assert self.protocol.jobs == self.numbers.keys()


TestOrderlyHub = OrderlyHub.TestCase
