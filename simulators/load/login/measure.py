"""`hoviat bench login`: full HTTP logins, against framework and cryptography in series.

A login is two requests, a challenge and an authentication; the framework is counted once. Load comes from
a process of its own with tokens signed before the clock starts, each of another card, each sent once; its
share of a processor is told, so that one sees that it waited for the server and not the server for it.
"""

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pki.profiles import Profile
from simulators.installation.services import initialise, open_installation
from simulators.load.certificates import populate
from simulators.load.login.bare import cryptography_rate, framework_rate, post
from simulators.load.login.cards import CURVES, ORIGIN, Curve, SoftwareCard, issue_cards
from simulators.load.login.loader import Orders, Outcome, send
from simulators.load.places import environment, postgres_database
from simulators.load.result import Result
from simulators.process import free_port, python_process

_NAME = "login"
_GOAL = 0.60
_LATENCY_GOAL_MS = 50.0
_CONNECTIONS = 128
_PACE = 0.8
_DAY_SECONDS = 86_400
_ISSUER = "citizen-auth-g1"
_CHALLENGES = "/verifier/v1/challenges"
_AUTHENTICATIONS = "/verifier/v1/authentications"


@dataclass(frozen=True)
class Scale:
    """How much is measured."""

    logins: int
    limit_seconds: float
    everywhere: bool
    """On PostgreSQL and with two workers on either curve, not only on P-256."""
    populations: tuple[int, ...]
    """Certificates in the status store, for the growth."""


QUICK = Scale(logins=300, limit_seconds=0.3, everywhere=False, populations=())
FULL = Scale(logins=8_000, limit_seconds=5.0, everywhere=True, populations=(10_000, 1_000_000))


def measure(scale: Scale) -> Iterator[Result]:
    """Each curve on each database with one worker and two; then the growth."""
    for curve in CURVES:
        for database in ("SQLite", "PostgreSQL"):
            if scale.everywhere or database == "SQLite" or curve is CURVES[0]:
                yield from _measure_place(curve, database, scale)
    if scale.populations:
        yield from _measure_growth(scale)


def _measure_place(curve: Curve, database: str, scale: Scale) -> Iterator[Result]:
    with _home(database) as root:
        if root is None:
            return
        site = _Site(root, curve, scale.logins)
        for workers in (1, 2) if scale.everywhere or curve is CURVES[0] else (1,):
            yield from _measure_workers(site, workers, f"{curve.name}, {database}", scale)


def _measure_workers(site: "_Site", workers: int, case: str, scale: Scale) -> Iterator[Result]:
    bodies = [card.login("A" * 44) for card in site.cards]
    framework = framework_rate(bodies, workers, _CONNECTIONS)
    cryptography = cryptography_rate(site.cards, site.issuer, scale.limit_seconds, workers)
    with site.served(workers) as port:
        outcome = site.log_in(port)
        rate = len(site.cards) / outcome.seconds
        paced = site.log_in(port, _PACE * rate)
    ceiling = 1 / (1 / framework + 1 / cryptography)
    limit_is = (
        f"framework {framework:,.0f}/s and token cryptography {cryptography:,.0f}/s in series; "
        f"the load took {outcome.cpu_seconds / outcome.seconds:.0%} of a core; "
        f"{rate / workers * _DAY_SECONDS / 1e6:,.0f} million logins a day and worker"
    )
    case = f"{case}, {workers} worker{'s' * (workers > 1)}"
    yield Result(_NAME, case, rate, "logins/s", ceiling, limit_is, _GOAL)
    p99_is = f"the bound; p50 {paced.p50_ms:.1f} ms"
    latency = f"{case}, p99 of a request at {_PACE:.0%} of that rate"
    yield Result(_NAME, latency, paced.p99_ms, "ms", _LATENCY_GOAL_MS, p99_is, 1.0, counts=True)


def _measure_growth(scale: Scale) -> Iterator[Result]:
    """The same logins beside more and more certificates."""
    rates: list[float] = []
    with _home("SQLite") as root:
        if root is None:
            return
        site = _Site(root, CURVES[0], scale.logins)
        there = 0
        for population in scale.populations:
            site.populate(population - there, f"growth-{population}")
            there = population
            with site.served(1) as port:
                rates.append(len(site.cards) / site.log_in(port).seconds)
    case = f"P-256, SQLite, 1 worker, {scale.populations[-1]:,} certificates in the status store"
    limit_is = f"the same with {scale.populations[0]:,}"
    yield Result(_NAME, case, rates[-1], "logins/s", rates[0], limit_is, 0.9)


class _Site:
    """A registered site and the cards that log in there."""

    def __init__(self, root: Path, curve: Curve, cards: int) -> None:
        self._root = root
        initialise(root)
        with open_installation(root) as installation:
            self.cards: Sequence[SoftwareCard] = issue_cards(installation.pki, curve, cards)
            self.issuer = installation.pki.certificates[_ISSUER]
            self._key = installation.verifier.services.register_site("bench", ORIGIN).api_key

    def populate(self, count: int, provenance: str) -> None:
        """Adds other people's certificates."""
        with open_installation(self._root) as installation:
            pki = installation.pki
            issuer = next(ca for ca in pki.issuers if ca.name == _ISSUER)
            populate(pki.engine, issuer, Profile.AUTHENTICATION, count, datetime.now(UTC), provenance)

    @contextmanager
    def served(self, workers: int) -> Iterator[int]:
        """`hoviat verifier serve`; gives its port."""
        port = free_port()
        command = ["-m", "hoviat", "--home", str(self._root), "verifier", "serve", "--port", str(port)]
        with python_process([*command, "--workers", str(workers)], port):
            yield port

    def log_in(self, port: int, rate: float | None = None) -> Outcome:
        """Every card logs in once, at so many logins a second or as fast as can be."""
        challenge = post(_CHALLENGES, b"{}", self._key)
        asked = [challenge] * len(self.cards)
        given = send(Orders(port, asked, _CONNECTIONS, keep_bodies=True)).require(201)
        requests: list[bytes] = []
        for card, body in zip(self.cards, given.bodies, strict=True):
            # A challenge is asked for nobody; the card's own came, and was signed, before the clock started.
            requests += [challenge, post(_AUTHENTICATIONS, card.login(json.loads(body)["nonce"]), self._key)]
        pace = None if rate is None else 2 * rate
        return send(Orders(port, requests, _CONNECTIONS, pace)).require(200, 201)


@contextmanager
def _home(database: str) -> Iterator[Path | None]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hoviat-bench-")))
        if database == "PostgreSQL":
            variables = {}
            for service in ("PKI", "VERIFIER"):
                url = stack.enter_context(postgres_database())
                if url is None:
                    yield None
                    return
                variables[f"HOVIAT_{service}_DATABASE"] = url
            stack.enter_context(environment(**variables))
        yield folder / "home"
