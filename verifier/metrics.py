"""Counters in the Prometheus text format (exposition format 0.0.4)."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from typing import TypeAlias

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


Report: TypeAlias = Callable[[], Iterable[str]]
"""Further lines, made anew for each page."""


class Metrics:
    """Counts challenges and logins of this process; carries no site, code or person."""

    def __init__(self, reports: Iterable[Report] = ()) -> None:
        self._reports = tuple(reports)
        self._lock = threading.Lock()
        self._challenges = 0
        self._logins: Counter[str] = Counter()

    def count_challenge(self) -> None:
        """One challenge was issued."""
        with self._lock:
            self._challenges += 1

    def count_login(self, outcome: str) -> None:
        """One attempt ended, as `accepted` or with the kind of its failure."""
        with self._lock:
            self._logins[outcome] += 1

    def render(self) -> str:
        """The page that Prometheus scrapes."""
        with self._lock:
            challenges, logins = self._challenges, sorted(self._logins.items())
        lines = [
            "# HELP hoviat_verifier_challenges_total Challenges issued.",
            "# TYPE hoviat_verifier_challenges_total counter",
            f"hoviat_verifier_challenges_total {challenges}",
            "# HELP hoviat_verifier_logins_total Login attempts by outcome.",
            "# TYPE hoviat_verifier_logins_total counter",
            *(f'hoviat_verifier_logins_total{{outcome="{outcome}"}} {count}' for outcome, count in logins),
            *(line for report in self._reports for line in report()),
        ]
        return "\n".join(lines) + "\n"
