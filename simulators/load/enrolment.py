"""`hoviat bench enrolment`: applications a second over HTTP, by 30 clerks, against their portraits alone."""

import base64
import io
import os
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import httpx
from PIL import Image

from issuance.enrolment.portrait import normalise_portrait
from issuance.operators.models import Role
from pki.home import Home
from simulators.actors.operator import Operator, RefusedError, first_password
from simulators.installation.services import REGISTER_SEED, initialise
from simulators.load.places import environment, postgres_database
from simulators.load.result import Result
from simulators.population.people import People
from simulators.population.portrait import draw_portrait
from simulators.process import free_port, python_process

CLERKS = 30
PORTRAIT_BYTES = 40_000
_NAME = "enrolment"
_REFERENCE = 216_000 / 86_400
"""Enrolments a second that the public reference sizes 252 virtual CPUs for."""
_DATABASE_VARIABLE = "HOVIAT_ISSUANCE_DATABASE"
_TIMEOUT_SECONDS = 120.0
_NOISE = 40


@dataclass(frozen=True)
class _Run:
    """What the clerks did."""

    seconds: float
    waits: Sequence[float]
    """Seconds from the first request of an application to the answer of its last, in order."""

    @property
    def rate(self) -> float:
        return len(self.waits) / self.seconds

    @property
    def p99_ms(self) -> float:
        return 1000 * self.waits[int(0.99 * (len(self.waits) - 1))]


def measure(applications: int) -> Iterator[Result]:
    """Opens and submits so many applications on each kind of database. Raises RefusedError for any error."""
    portrait = _portrait()
    for postgres in (False, True):
        with _registry(postgres=postgres) as place:
            if place is None:
                continue
            home, address = place
            clerks = _clerks(home, address)
            limit = _portraits_a_second(portrait, applications)
            run = _enrol(clerks, portrait, applications)
            for clerk in clerks:
                clerk.close()
        case = f"{'PostgreSQL' if postgres else 'SQLite'}, {CLERKS} clerks"
        yield Result(
            _NAME,
            case,
            run.rate,
            "applications/s",
            limit,
            f"portraits of {len(portrait) // 1000} kB written anew per second, on {os.cpu_count()} cores",
            _REFERENCE,
            goal_is_figure=True,
        )
        fair = 1000 * CLERKS / run.rate
        yield Result(
            _NAME, f"{case}, p99", run.p99_ms, "ms", fair, "every clerk waits equally long", counts=True
        )


@contextmanager
def _registry(*, postgres: bool) -> Iterator[tuple[Home, str] | None]:
    """A new home, served by a process of its own; None where there is no PostgreSQL."""
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hoviat-bench-"))) / "home"
        if postgres:
            url = stack.enter_context(postgres_database())
            if url is None:
                yield None
                return
            stack.enter_context(environment(**{_DATABASE_VARIABLE: url}))
        home, port = initialise(root), free_port()
        arguments = ["-m", "hoviat", "--home", str(root), "serve", "--port", str(port)]
        stack.enter_context(python_process(arguments, port))
        address = f"http://127.0.0.1:{port}"
        httpx.get(f"{address}/healthz", timeout=_TIMEOUT_SECONDS).raise_for_status()
        yield home, address


def _administrator(home: Home, address: str, number: int) -> Operator:
    name = f"administrator-{number}"
    return Operator(address, name, first_password(home, name))


def _clerks(home: Home, address: str) -> list[httpx.Client]:
    """Clerks of their own names, signed in."""
    names = [f"bench-{number}" for number in range(CLERKS)]
    with (
        closing(_administrator(home, address, 1)) as first,
        closing(_administrator(home, address, 2)) as second,
    ):
        proofs = first_password(home, second.username)
        passwords = {
            name: second.confirm_account(first.propose_account(name, Role.CLERK), proofs) for name in names
        }
    clients = []
    for name in names:
        credentials = {"username": name, "password": passwords[name]}
        client = httpx.Client(base_url=f"{address}/issuance/v1", timeout=_TIMEOUT_SECONDS)
        token = _checked(client.post("/sessions", json=credentials))["token"]
        client.headers["Authorization"] = f"Bearer {token}"
        clients.append(client)
    return clients


def _enrol(clerks: Sequence[httpx.Client], portrait: bytes, applications: int) -> _Run:
    people, numbers = People(REGISTER_SEED), count()
    image = base64.b64encode(portrait).decode()
    ready = threading.Barrier(len(clerks) + 1)

    def work(clerk: httpx.Client) -> list[float]:
        waits = []
        ready.wait()
        while (number := next(numbers)) < applications:
            person = people.person(number)
            body = {
                "national_code": person.national_code,
                "birth_date": person.birth_date.isoformat(),
                "portrait": image,
            }
            begun = time.perf_counter()
            application = _checked(clerk.post("/applications", json=body))["id"]
            _checked(clerk.post(f"/applications/{application}/submission"))
            waits.append(time.perf_counter() - begun)
        return waits

    with ThreadPoolExecutor(len(clerks)) as pool:
        working = [pool.submit(work, clerk) for clerk in clerks]
        ready.wait()
        begun = time.perf_counter()
        waits = sorted(wait for each in working for wait in each.result())
        return _Run(time.perf_counter() - begun, waits)


def _checked(answer: httpx.Response) -> dict[str, str]:
    found: dict[str, str] = answer.json()
    if not answer.is_success:
        raise RefusedError(answer.status_code, found.get("type", ""), found.get("title", ""), None)
    return found


def _portraits_a_second(portrait: bytes, applications: int) -> float:
    """The one work of an application that can't be spared, on all cores."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        begun = time.perf_counter()
        list(pool.map(normalise_portrait, [portrait] * applications))
        return applications / (time.perf_counter() - begun)


def _portrait() -> bytes:
    """A drawn portrait with a camera's noise, of about PORTRAIT_BYTES."""
    with Image.open(io.BytesIO(draw_portrait(People(REGISTER_SEED).person(0)))) as drawn:
        noise = Image.effect_noise(drawn.size, _NOISE).convert("RGB")
        image = Image.blend(drawn, noise, 0.2)
    for quality in range(20, 96):
        output = io.BytesIO()
        image.save(output, "JPEG", quality=quality)
        if output.tell() >= PORTRAIT_BYTES:
            break
    return output.getvalue()
