"""`/healthz` and `/metrics` of the status service: each thing it depends on, by name.

A profile, a trust anchor or a CA that can't be used degrades it: what it answers stands, but something can't
be issued, or somebody is not trusted.
"""

import threading
import time
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pki.authority.record import refuse_before
from pki.bootstrap import Pki
from pki.errors import ClockSetBackError, CrlUnavailableError, PkiError
from pki.httpcaching import NOT_CACHED
from pki.keys.health import check_signer
from pki.metrics import Counters, metrics_text
from pki.metricsboard import MetricsBoard
from pki.problems import problem
from pki.profiles.definitions import faults_of
from pki.status.crl.endpoints import crl_gauges
from pki.status.ocsp.prepared import PreparedAnswers
from pki.status.signingclock import Monotonic

PROFILES, ANCHORS, ISSUERS = "profiles", "anchors", "issuers"
HELD_SECONDS = 10.0
"""How long a check with the responders' keys counts: anybody may ask, and each of them would sign."""
_METRICS_TYPE = "text/plain; version=0.0.4"


class HeldCheck:
    """A check that costs a signature: made at most once in a while, however often it is asked for."""

    def __init__(self, check: Callable[[], object], monotonic: Monotonic) -> None:
        self._check = check
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._made: float | None = None
        self._error: Exception | None = None

    def __call__(self) -> None:
        """Raises what the check raised."""
        with self._lock:
            if self._made is None or self._monotonic() - self._made >= HELD_SECONDS:
                self._error = _failure(self._check)
                self._made = self._monotonic()
            error = self._error
        if error is not None:
            raise error


class HealthChecks:
    """Checks what answers depend on; each fails by raising."""

    def __init__(self, pki: Pki, monotonic: Monotonic = time.monotonic) -> None:
        self._pki = pki
        self._checks: dict[str, Callable[[], object]] = {
            "database": pki.feed.check,
            "clock": self._clock,
            "crl": self._crls,
            "responder": HeldCheck(self._responders, monotonic),
        }

    def failing(self) -> dict[str, Exception]:
        """The dependencies that fail, by name, of all that are checked."""
        failures = ((name, _failure(check)) for name, check in self._checks.items())
        return {name: error for name, error in failures if error is not None}

    def degraded(self) -> list[str]:
        """The names of what is not as it should be, while all is answered."""
        faults = {
            PROFILES: faults_of(self._pki.authority.definitions),
            ANCHORS: self._pki.foreign.faults(),
            ISSUERS: self._pki.issuers.refused,
        }
        return [name for name, found in faults.items() if found]

    @property
    def names(self) -> tuple[str, ...]:
        """What is checked."""
        return tuple(self._checks)

    def _clock(self) -> None:
        """A clock that is not behind what is on record: else nothing is signed."""
        now = self._pki.signing_clock.checked()
        for ca in self._pki.issuers:
            if ca.key is not None:
                refuse_before(ca.facts.validity, now)

    def _crls(self) -> None:
        """A CRL that is in force, of every CA that makes them here. None is made for this question."""
        for name in self._pki.crls.overdue():
            raise CrlUnavailableError(name)

    def _responders(self) -> None:
        """A certificate that is valid, and a key that signs, of every CA that answers."""
        for name, source in self._pki.ocsp.maker.sources.items():
            check_signer(source().signer, name)


def health_routes(
    pki: Pki, prepared: PreparedAnswers, counters: Counters, board: MetricsBoard
) -> list[Route]:
    """Relative to where the status service is mounted."""
    checks = HealthChecks(pki)

    def health(_request: Request) -> Response:
        failing = checks.failing()
        if not failing:
            degraded = checks.degraded()
            told = dict.fromkeys((*checks.names, PROFILES, ANCHORS, ISSUERS), "ok") | dict.fromkeys(
                degraded, "degraded"
            )
            body = {"status": "degraded" if degraded else "ok", "checks": told}
            return JSONResponse(body, headers=dict(NOT_CACHED))
        kind = "database-unavailable" if "database" in failing else "dependency-unavailable"
        # The kinds alone: an error's words could name hosts and queries. The clock's are two times.
        causes = {name: type(error).__name__ for name, error in failing.items()}
        clock = failing.get("clock")
        return problem(
            503,
            kind,
            "The status service lacks something",
            str(clock) if isinstance(clock, ClockSetBackError) else None,
            extensions={"failing": list(failing), "causes": causes},
        )

    def metrics(_request: Request) -> Response:
        gauges = {
            "hoviat_pki_ocsp_stored_answers_usable": int(prepared.is_confirmed),
            "hoviat_pki_profiles_unusable": len(faults_of(pki.authority.definitions)),
            "hoviat_pki_anchors_unusable": len(pki.foreign.faults()),
            "hoviat_pki_issuers_unusable": len(pki.issuers.refused),
        }
        gauges |= _ends(pki) | crl_gauges(pki)
        text = metrics_text(board.total(counters.values()), "counter") + metrics_text(gauges, "gauge")
        return Response(text, media_type=_METRICS_TYPE, headers=dict(NOT_CACHED))

    return [
        Route("/healthz", health, methods=["GET"]),
        Route("/metrics", metrics, methods=["GET"]),
    ]


def _ends(pki: Pki) -> dict[str, int]:
    """When each responder's certificate ends, in seconds since 1970: what an alarm watches."""
    ends = {}
    for name, source in pki.ocsp.maker.sources.items():
        try:
            end = int(source().not_after.timestamp())
        except (PkiError, SQLAlchemyError):
            end = 0
        ends[f'hoviat_pki_ocsp_responder_not_after_seconds{{issuer="{name}"}}'] = end
    return ends


def _failure(check: Callable[[], object]) -> Exception | None:
    try:
        check()
    except (SQLAlchemyError, PkiError) as error:
        return error
    return None
