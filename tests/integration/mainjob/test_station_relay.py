"""The station path by its commands: added, enrolled, run over the real pcscd, a card made and handed over."""

import json
import os
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
from simulators.stations.process import reader_of
from tests.integration.mainjob.conftest import READER, SLOT_WAIT_S
from tests.integration.mainjob.hoviat_command import command, refuse, succeed

pytestmark = [pytest.mark.pcscd, pytest.mark.xdist_group("pcscd")]

PIN = "482915"
STATION = "tehran-1"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("relay") / "home"
    succeed(folder, "init")
    return folder


@pytest.fixture(scope="module")
def ports(home: Path) -> Iterator[tuple[int, int]]:
    """The registry's, and the hub's."""
    port, hub = free_port(), free_port()
    serve = ["-m", "hoviat", "--home", str(home), "serve", "--port", str(port), "--stations-port", str(hub)]
    with python_process(serve, port):
        yield port, hub


@pytest.fixture(scope="module")
def staff(home: Path, ports: tuple[int, int]) -> Iterator[Staff]:
    with signed_in(load(home), f"http://127.0.0.1:{ports[0]}") as people:
        yield people


@pytest.fixture
def blank(home: Path) -> Iterator[str]:
    """A blank in the real virtual reader."""
    path = succeed(home, "sim", "blank").strip()
    arguments = command(home, "sim", "insert", path, "--wait", SLOT_WAIT_S)
    with pcscd_service(), subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "inserted\n"
        yield path
        process.terminate()
        assert process.wait(30) == 0


def stations(home: Path, *arguments: str) -> dict[str, str]:
    password = first_password(load(home), "administrator-1")
    told = succeed(
        home,
        "registry",
        "station",
        *arguments,
        "--operator",
        "administrator-1",
        "--json",
        HOVIAT_OPERATOR_PASSWORD=password,
    )
    answer: dict[str, str] = json.loads(told)
    return answer


def test_a_card_through_a_station(
    home: Path, ports: tuple[int, int], staff: Staff, blank: str, tmp_path: Path
) -> None:
    port, hub = ports
    code = stations(home, "add", STATION, "--office", "1")["code"]
    folder = str(tmp_path / "station")
    enrol = ["station", "enrol", "--server", f"http://127.0.0.1:{port}", "--dir", folder]
    assert STATION in succeed(home, *enrol, HOVIAT_STATION_CODE=code)
    assert "code" in refuse(home, *enrol, HOVIAT_STATION_CODE=code)
    run = ["station", "--server", f"wss://127.0.0.1:{hub}", "--dir", folder]
    environment = {**os.environ, "HOVIAT_NEW_PIN": PIN}
    with subprocess.Popen(command(home, *run), env=environment) as agent:
        reader = reader_of(STATION, lambda: [n for n in staff.clerk.readers() if n.endswith(READER)])
        people = People(1)
        _, application = enrol_someone(staff, people, iter(range(people.size)))
        staff.supervisor.approve(application)
        made = produce(staff, application, OccupiedReader(ReaderKind.PCSCD, reader))
        assert made["card_number"] == Path(blank).stem
        with pytest.raises(RefusedError):
            staff.supervisor.hand_over("0000000001", reader)
        staff.clerk.check_identity(str(made["card_number"]))
        staff.clerk.hand_over(str(made["card_number"]), reader)
        assert stations(home, "revoke", STATION)["state"] == "revoked"
        assert agent.wait(60) == 1  # dropped, dialled again, refused for good
    assert staff.clerk.readers() == [name for name in staff.clerk.readers() if "/" not in name]
    login = ["card", "login", "--reader", READER, "--origin", "https://example.ir", "--nonce", "A" * 44]
    assert "web-eid:1.0" in succeed(home, *login, HOVIAT_PIN=PIN)
