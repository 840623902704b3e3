"""The civil register over real HTTP: what it says, and each way in which a real one fails."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from issuance.errors import CivilRegisterAnswerError, CivilRegisterUnavailableError
from issuance.registry.httpregister import HttpCivilRegister
from simulators.faults.register import RegisterEffect, RegisterFaults
from simulators.installation.server import running
from simulators.population.lives import EVENTFUL
from simulators.population.people import People
from simulators.population.register import SyntheticCivilRegister, record_of
from simulators.population.registerserver import PATH, RegisterServer

PEOPLE = People(seed=1)
CODE = PEOPLE.national_code(0)
PATIENT, HASTY = 60.0, 0.3
NO_FAULTS = RegisterFaults()
UNREADABLE = {
    RegisterEffect.MALFORMED,
    RegisterEffect.INCOMPLETE,
    RegisterEffect.CONTRADICTORY,
    RegisterEffect.ENDLESS,
}
SLOW = {RegisterEffect.SILENT, RegisterEffect.TRICKLE}


class Ticks:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def served(faults: RegisterFaults = NO_FAULTS, seconds: float = PATIENT) -> Iterator[HttpCivilRegister]:
    server = RegisterServer(SyntheticCivilRegister(PEOPLE), faults)
    with running(server.app()) as address:
        register = HttpCivilRegister(address + PATH, seconds=seconds)
        try:
            yield register
        finally:
            register.close()


def test_everybody_is_answered_as_the_register_itself_does() -> None:
    own = SyntheticCivilRegister(PEOPLE, EVENTFUL)
    with running(RegisterServer(own).app()) as address:
        register = HttpCivilRegister(address + PATH)
        for number in range(60):
            assert register.find(PEOPLE.national_code(number)) == own.find(PEOPLE.national_code(number))
        assert register.find("0013542419") is None
        register.close()


@pytest.mark.parametrize("effect", RegisterEffect)
def test_each_failure_is_told_and_the_next_question_is_answered(effect: RegisterEffect) -> None:
    faults = RegisterFaults(((1, effect),))
    with served(faults, HASTY if effect in SLOW else PATIENT) as register:
        expected = CivilRegisterAnswerError if effect in UNREADABLE else CivilRegisterUnavailableError
        with pytest.raises(expected) as refused:
            register.find(CODE)
        assert CODE not in str(refused.value)
        patient = HttpCivilRegister(register._url)
        assert patient.find(CODE) == record_of(PEOPLE.person(0))
        patient.close()


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    register = HttpCivilRegister(f"http://127.0.0.1:{port}{PATH}")
    with pytest.raises(CivilRegisterUnavailableError):
        register.find(CODE)
    register.close()


def test_an_outage_opens_the_breaker_and_one_good_answer_closes_it() -> None:
    clock, asked = Ticks(), []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(503 if len(asked) <= 6 else 404, stream=httpx.ByteStream(b""))

    register = HttpCivilRegister("http://register", transport=httpx.MockTransport(answer), clock=clock)
    for _ in range(5):
        with pytest.raises(CivilRegisterUnavailableError, match="503"):
            register.find(CODE)
    with pytest.raises(CivilRegisterUnavailableError, match="is down"):
        register.find(CODE)
    assert len(asked) == 5
    clock.now += 15
    with pytest.raises(CivilRegisterUnavailableError, match="503"):  # one tries, and it is not over
        register.find(CODE)
    with pytest.raises(CivilRegisterUnavailableError, match="is down"):
        register.find(CODE)
    clock.now += 15
    assert register.find(CODE) is None
    assert register.find(CODE) is None
    assert len(asked) == 8
    register.close()


def test_the_code_is_in_no_url_and_the_token_is_sent() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(404, stream=httpx.ByteStream(b""))

    transport = httpx.MockTransport(answer)
    register = HttpCivilRegister("http://register/persons", "a secret of ours", transport=transport)
    assert register.find(CODE) is None
    assert CODE not in str(seen[0].url)
    assert seen[0].headers["authorization"] == "Bearer a secret of ours"
    register.close()


@pytest.mark.parametrize(
    "change",
    [
        {"sex": "X"},
        {"birth_date": "1990-13-01"},
        {"birth_date": 12},
        {"revision": 0},
        {"revision": "1"},
        {"surname": ""},
        {"surname": "x" * 500},
        {"deceased_on": "yesterday"},
        {"birth_precision": "century"},
        {"given_name": None},
    ],
)
def test_records_that_no_register_may_give(change: dict[str, object]) -> None:
    record = record_of(PEOPLE.person(0)).as_data() | change

    def answer(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=httpx.ByteStream(json.dumps(record).encode()))

    register = HttpCivilRegister("http://register", transport=httpx.MockTransport(answer))
    with pytest.raises(CivilRegisterAnswerError) as refused:
        register.find(CODE)
    assert next(iter(change)) in str(refused.value)
    register.close()
