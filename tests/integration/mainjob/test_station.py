"""A card for the clerks' pages: `sim blank`, `sim insert`, produced, then `station deliver`."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pki.home import load
from simulators.actors.issue import Staff, enrol_someone, produce, signed_in
from simulators.actors.operator import RefusedError, first_password
from simulators.population.people import People
from simulators.process import free_port, python_process
from simulators.readers.choice import OccupiedReader, ReaderKind
from simulators.readers.pcscd import pcscd_service
from tests.integration.mainjob.conftest import READER, SLOT_WAIT_S
from tests.integration.mainjob.hoviat_command import command, refuse, succeed

pytestmark = [pytest.mark.pcscd, pytest.mark.xdist_group("pcscd")]

PIN = "482915"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("station") / "home"
    succeed(folder, "init")
    return folder


@pytest.fixture(scope="module")
def address(home: Path) -> Iterator[str]:
    port = free_port()
    with python_process(["-m", "hoviat", "--home", str(home), "serve", "--port", str(port)], port):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def staff(home: Path, address: str) -> Iterator[Staff]:
    with signed_in(load(home), address) as people:
        yield people


@pytest.fixture
def card_number(home: Path, staff: Staff) -> Iterator[str]:
    """A produced card that lies in the reader."""
    blank = succeed(home, "sim", "blank").strip()
    arguments = command(home, "sim", "insert", blank, "--wait", SLOT_WAIT_S)
    with pcscd_service(), subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "inserted\n"
        people = People(1)
        _, application = enrol_someone(staff, people, iter(range(people.size)))
        staff.supervisor.approve(application)
        yield produce(staff, application, OccupiedReader(ReaderKind.PCSCD, READER))["card_number"]
        process.terminate()
        assert process.wait(30) == 0


def test_a_delivery_at_the_station(home: Path, address: str, staff: Staff, card_number: str) -> None:
    deliver = [
        "station",
        "deliver",
        card_number,
        "--server",
        address,
        "--operator",
        "clerk-1",
        "--reader",
        READER,
    ]
    password = first_password(load(home), "clerk-1")

    with pytest.raises(RefusedError):
        staff.clerk.suspend(card_number)
    refused = refuse(home, *deliver, HOVIAT_OPERATOR_PASSWORD="not this one", HOVIAT_NEW_PIN=PIN)
    assert "password" in refused
    unchecked = refuse(home, *deliver, HOVIAT_OPERATOR_PASSWORD=password, HOVIAT_NEW_PIN=PIN)
    assert "who the person is" in unchecked
    deliver += ["--known-by", "birth_certificate"]
    refused = refuse(home, *deliver, HOVIAT_OPERATOR_PASSWORD=password, HOVIAT_NEW_PIN="12345x")
    assert "6 to 8 digits" in refused
    told = succeed(home, *deliver, HOVIAT_OPERATOR_PASSWORD=password, HOVIAT_NEW_PIN=PIN)
    assert f"Card {card_number} is live." in told
    again = refuse(home, *deliver, HOVIAT_OPERATOR_PASSWORD=password, HOVIAT_NEW_PIN=PIN)
    assert "delivered" in again or "active" in again
    login = ["card", "login", "--reader", READER, "--origin", "https://example.ir", "--nonce", "A" * 44]
    assert "web-eid:1.0" in succeed(home, *login, HOVIAT_PIN=PIN)
