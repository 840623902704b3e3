"""`hoviat bench ocsp`: stored and fresh answers by two workers, from databases of two sizes."""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from pki.bootstrap import Pki, initialise, open_pki
from pki.home import create, load
from pki.status.ocsp.forms import plain_request
from pki.status.ocsp.keeping import AnswerKeeper
from simulators.load.ocsp.generator import Load, LoadError, post
from simulators.load.ocsp.limits import built_per_second, signed_per_second
from simulators.load.ocsp.openssl import OpensslResponder, one_by_one_rate
from simulators.load.ocsp.population import ISSUER, fill_store, populate
from simulators.load.ocsp.served import (
    ServerProcess,
    StatusService,
    answer_counts,
    settled_counts,
    stored_request,
    with_nonce,
)
from simulators.load.result import Result
from simulators.process import free_port

_NAME = "ocsp"
_WORKERS = 2
_STORED_GOAL = 0.70
_FRESH_GOAL = 0.50
_SIZE_GOAL = 0.50
"""Ten times the certificates: at least half the rate."""
_OPENSSL_GOAL = 3.0
_LEAST_STORED = 0.99
_MILLION = 1_000_000


@dataclass(frozen=True)
class Plan:
    """How long and how large."""

    sizes: tuple[int, int]
    asked: int
    seconds: float
    """Of each single measurement."""
    rounds: int
    """Measurements of a figure and its limit, taken in turn; medians count."""


QUICK = Plan((2_000, 8_000), 400, 0.3, 1)
FULL = Plan((1_000_000, 10_000_000), 100_000, 4.0, 5)


@dataclass(frozen=True)
class _Rates:
    """Answers per second over one database, and their limits."""

    stored: float
    constant: float
    fresh: float
    built: float
    signed: float


def measure(plan: Plan) -> Iterator[Result]:
    """Measures both sizes, each in a home of its own, then openssl beside the smaller one."""
    with tempfile.TemporaryDirectory(prefix="hoviat-bench-") as folder:
        small = _Bench(Path(folder) / "small", plan, plan.sizes[0])
        rates = small.rates()
        yield from _results(plan.sizes[0], rates)
        yield small.against_openssl(Path(folder))
        large = _Bench(Path(folder) / "large", plan, plan.sizes[1]).rates()
        yield from _results(plan.sizes[1], large)
    of = f"{_short(plan.sizes[1])} beside {_short(plan.sizes[0])} certificates"
    for kind, figure, limit in (
        ("stored", large.stored, rates.stored),
        ("fresh", large.fresh, rates.fresh),
    ):
        yield Result(_NAME, f"{kind}, {of}", figure, "answers/s", limit, "the smaller database", _SIZE_GOAL)


def _results(size: int, rates: _Rates) -> Iterator[Result]:
    case = f"{_short(size)} certificates, {_WORKERS} workers"
    yield Result(
        _NAME,
        f"stored, GET, {case}",
        rates.stored,
        "answers/s",
        rates.constant,
        "the same server returning a constant, headers and body of the same size",
        _STORED_GOAL,
    )
    yield Result(
        _NAME,
        f"fresh, POST with nonce, {case}",
        rates.fresh,
        "answers/s",
        rates.built,
        f"OCSPResponseBuilder in {_WORKERS} processes, no HTTP",
        _FRESH_GOAL,
    )
    yield Result(
        _NAME,
        f"fresh, POST with nonce, {case}, against raw signatures",
        rates.fresh,
        "answers/s",
        rates.signed,
        f"P-256 signatures alone in {_WORKERS} processes: no HTTP, no request, no answer",
        _FRESH_GOAL,
    )


class _Bench:
    """One installation of one size."""

    def __init__(self, root: Path, plan: Plan, size: int) -> None:
        self._plan = plan
        self._root = root
        initialise(create(root))
        self._population = populate(root / "pki.sqlite3", size, plan.asked, int(time.time()))
        pki = open_pki(load(root))
        try:
            self._prepare(pki)
        finally:
            pki.close()

    def _prepare(self, pki: Pki) -> None:
        form = pki.ocsp.forms.of_issuer(ISSUER)[0]
        plain = [plain_request(form, serial) for serial in self._population.asked]
        AnswerKeeper(pki.answers, pki.feed, pki.ocsp.forms).follow()
        fill_store(pki, self._population)
        self._body_size = len(pki.ocsp.answer(plain[0]).body)
        self._stored = Load([stored_request(request) for request in plain])
        self._fresh = Load([post("/pki/ocsp", with_nonce(request)) for request in plain])

    def rates(self) -> _Rates:
        """Figures and limits in turn, so that what else the machine does meets both."""
        plan = self._plan
        with ExitStack() as stack:
            port = stack.enter_context(self._server())
            constant = stack.enter_context(self._constant())
            for server in (port, constant):
                self._stored.rate(server, plan.seconds)  # by now every worker of both has begun
            stored = _alternately(
                plan, lambda: self._stored_rate(port), lambda: self._stored.rate(constant, plan.seconds)
            )
            fresh = _alternately(plan, lambda: self._fresh_rate(port), self._built)
            signed = signed_per_second(_WORKERS, plan.seconds / 2)
        return _Rates(*stored, *fresh, signed)

    def against_openssl(self, folder: Path) -> Result:
        """Stored answers beside `openssl ocsp` over an index of as many certificates."""
        plan, responder = self._plan, OpensslResponder(folder)
        responder.write_index(self._all_serials())
        asked = self._population.asked
        requests = [post("/", request) for request in responder.requests(asked)]
        with self._server() as port, responder.serving() as other:
            ours, theirs = _alternately(
                plan, lambda: self._stored_rate(port), lambda: one_by_one_rate(other, requests, plan.seconds)
            )
        case = f"stored, {_short(self._population.size)} certificates, {_WORKERS} workers"
        limit_is = "openssl ocsp -index, one process as it comes, one connection an answer"
        return Result(_NAME, case, ours, "answers/s", theirs, limit_is, _OPENSSL_GOAL)

    def _stored_rate(self, port: int) -> float:
        """Raises LoadError unless the store gave nearly all of them."""
        before = answer_counts(port)
        rate = self._stored.rate(port, self._plan.seconds)
        stored, made = (after - was for after, was in zip(settled_counts(port), before, strict=True))
        if stored < _LEAST_STORED * (stored + made):
            raise LoadError(f"only {stored} of {stored + made} answers were stored ones")
        return rate

    def _fresh_rate(self, port: int) -> float:
        before = answer_counts(port)
        rate = self._fresh.rate(port, self._plan.seconds)
        stored, made = (after - was for after, was in zip(settled_counts(port), before, strict=True))
        if stored or made < _LEAST_STORED * rate * round(self._plan.seconds):
            raise LoadError(f"{made} fresh answers are counted, {stored} stored ones, at {rate:.0f}/s")
        return rate

    def _built(self) -> float:
        return built_per_second(_WORKERS, self._plan.seconds)

    def _server(self) -> StatusService:
        return StatusService(self._root, self._population, _WORKERS)

    def _constant(self) -> ServerProcess:
        port = free_port()
        module = ["-m", "simulators.load.ocsp.constant", str(port), str(_WORKERS), str(self._body_size)]
        return ServerProcess(module, port)

    def _all_serials(self) -> Iterator[int]:
        pki = open_pki(load(self._root))
        try:
            with pki.engine.connect() as connection:
                for (serial,) in connection.exec_driver_sql("SELECT serial FROM certificates"):
                    yield int.from_bytes(serial, "big")
        finally:
            pki.close()


def _alternately(plan: Plan, figure: Callable[[], float], limit: Callable[[], float]) -> tuple[float, float]:
    """Medians of a figure and its limit, measured in turn."""
    pairs = [(figure(), limit()) for _ in range(plan.rounds)]
    return statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs)


def _short(size: int) -> str:
    return f"{size // _MILLION} M" if size >= _MILLION else f"{size // 1_000} k"
