"""Two `hoviat serve` on one PostgreSQL, over HTTP: no order is lost or made twice, though one is killed.

And a backup of that installation, taken while both serve, brought back into empty databases.
"""

import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from issuance.audit import AuditEntry
from issuance.enrolment.models import Application
from issuance.orders.models import RESTORED, Order
from pki.home import Home, load
from simulators.actors.operator import Operator, RefusedError, first_password
from simulators.installation.audit import verify_chains
from simulators.installation.backup.databases import opened
from simulators.installation.backup.errors import BackupPlaceError, BackupToolError
from simulators.installation.backup.making import make_backup
from simulators.installation.backup.restoring import check, restore
from simulators.installation.services import initialise
from simulators.population.people import People
from simulators.population.portrait import draw_portrait
from simulators.process import free_port, python_process
from tests.postgres import PostgresServer

pytestmark = pytest.mark.slow

SERVICES = ("pki", "issuance", "verifier")
WAVE = 12
PEOPLE = People(1)
OFFICERS, NOTE = ("officer-one", "officer-two"), "a test"


@dataclass
class Server:
    address: str
    pid: int

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)


def variables(urls: dict[str, str]) -> dict[str, str]:
    return {f"HOVIAT_{service.upper()}_DATABASE": url for service, url in urls.items()}


@pytest.fixture
def databases(postgres_server: PostgresServer) -> Iterator[dict[str, str]]:
    with ExitStack() as stack:
        yield {service: stack.enter_context(postgres_server.database()) for service in SERVICES}


@pytest.fixture
def home(databases: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    for name, url in variables(databases).items():
        monkeypatch.setenv(name, url)
    return initialise(tmp_path / "home")


@pytest.fixture
def servers(home: Home) -> Iterator[list[Server]]:
    with ExitStack() as stack:
        found = []
        for _ in range(2):
            port = free_port()
            arguments = ["-m", "hoviat", "--home", str(home.root), "serve", "--port", str(port)]
            pid = stack.enter_context(python_process(arguments, port))
            address = f"http://127.0.0.1:{port}"
            httpx.get(f"{address}/healthz", timeout=60)
            found.append(Server(address, pid))
        yield found


def signed_in(stack: ExitStack, home: Home, server: Server, name: str) -> Operator:
    operator = Operator(server.address, name, first_password(home, name))
    stack.callback(operator.close)
    return operator


def enrol(clerk: Operator, number: int) -> str:
    person = PEOPLE.person(number)
    return clerk.apply(person.national_code, person.birth_date, draw_portrait(person))


def tried(work: Callable[[], object]) -> str:
    try:
        work()
    except RefusedError as refused:
        return refused.kind
    return "done"


def states(home: Home) -> dict[str, tuple[str, str | None]]:
    with opened(home, "issuance") as engine, Session(engine) as session:
        applications = {
            row.id: row.state for row in session.execute(select(Application.id, Application.state))
        }
        orders = {
            row.application_id: row.state
            for row in session.execute(select(Order.application_id, Order.state))
        }
    return {key: (state, orders.get(key)) for key, state in applications.items()}


def approvals(home: Home) -> Counter[str]:
    with opened(home, "issuance") as engine, Session(engine) as session:
        approved = select(AuditEntry.subject).where(AuditEntry.action == "application.approve")
        return Counter(subject.removeprefix("application:") for subject in session.scalars(approved))


def test_two_servers_share_the_queue(home: Home, servers: list[Server]) -> None:
    with ExitStack() as stack:
        clerks = [signed_in(stack, home, server, "clerk-1") for server in servers]
        chiefs = [signed_in(stack, home, server, "supervisor-1") for server in servers]
        with ThreadPoolExecutor(4) as pool:
            numbers = range(WAVE)
            made = list(pool.map(lambda number: enrol(clerks[number % 2], number), numbers))
            asked = [(chief, application) for application in made for chief in chiefs]
            answers = list(pool.map(lambda each: tried(lambda: each[0].approve(each[1])), asked))
            once_more = list(
                pool.map(lambda number: tried(lambda: enrol(clerks[number % 2], number)), numbers)
            )
        assert Counter(answers)["done"] == WAVE  # of two who approve at once one does
        assert set(answers) <= {"done", "forbidden-transition", "changed-meanwhile"}
        assert set(once_more) == {"open-application"}
        assert states(home) == dict.fromkeys(made, ("approved", "approved"))
        assert approvals(home) == dict.fromkeys(made, 1)

        told, begun = list[str](), threading.Event()

        def work(number: int) -> None:
            application = enrol(clerks[number % 2], number)
            chiefs[number % 2].approve(application)
            told.append(application)
            begun.set()

        with ThreadPoolExecutor(4) as pool:
            under_way = [pool.submit(work, number) for number in range(WAVE, 3 * WAVE)]
            assert begun.wait(60)
            servers[0].kill()
            failures = [each.exception() for each in under_way]
        assert any(isinstance(failure, httpx.TransportError) for failure in failures)
        assert all(failure is None or isinstance(failure, httpx.TransportError) for failure in failures)
        found = states(home)
        assert all(found[application] == ("approved", "approved") for application in told)
        orders = {key for key, (_, order) in found.items() if order is not None}
        assert orders == {key for key, (state, _) in found.items() if state == "approved"}
        assert set(approvals(home).values()) == {1}
        enrol(clerks[1], 3 * WAVE)  # the other one goes on
    assert verify_chains(home).keys() == set(SERVICES)


def test_a_backup_of_both_at_work_comes_back(
    home: Home,
    servers: list[Server],
    postgres_server: PostgresServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with ExitStack() as stack:
        clerks = [signed_in(stack, home, server, "clerk-1") for server in servers]
        chief = signed_in(stack, home, servers[0], "supervisor-1")
        before = [enrol(clerks[number % 2], number) for number in range(2)]
        chief.approve(before[0])
        with ThreadPoolExecutor(2) as pool:
            numbers = range(2, WAVE)
            writing = [pool.submit(enrol, clerks[number % 2], number) for number in numbers]
            manifest = make_backup(home, tmp_path / "set", None)
            for each in writing:
                each.result()
    assert set(manifest.databases.values()) == {"postgresql"}
    check(tmp_path / "set", None)
    with pytest.raises(BackupPlaceError, match="not empty"):
        restore(tmp_path / "set", tmp_path / "back", None, OFFICERS, NOTE)
    passphrase = (home.secrets / "passphrase").read_text().strip()
    with ExitStack() as stack:
        fresh = {service: stack.enter_context(postgres_server.database()) for service in SERVICES}
        for name, url in variables(fresh).items():
            monkeypatch.setenv(name, url)
        monkeypatch.setenv("HOVIAT_PASSPHRASE", passphrase)
        restored = restore(tmp_path / "set", tmp_path / "back", None, OFFICERS, NOTE)
        assert restored.orders_held == 1
        back = load(tmp_path / "back")
        found = states(back)
        assert set(before) <= set(found)
        assert verify_chains(back) == {
            service: int(head["sequence"]) + 1 for service, head in manifest.heads.items()
        }
        with opened(back, "issuance") as engine, Session(engine) as session:
            assert session.get_one(Order, before[0]).holder == RESTORED


def test_without_its_tools_it_says_so(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nothing").mkdir()
    monkeypatch.setenv("HOVIAT_POSTGRES_BIN", str(tmp_path / "nothing"))
    with pytest.raises(BackupToolError, match="pg_dump: it is not here"):
        make_backup(home, tmp_path / "set", None)
    assert not (tmp_path / "set").exists()
