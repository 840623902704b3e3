"""Counters in the Prometheus text format; labels are short fixed words, never data of persons."""

import threading
from typing import TypeAlias

_Series: TypeAlias = tuple[str, tuple[tuple[str, str], ...]]


class Counter:
    """One series; safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.value = 0

    def add(self, amount: int = 1) -> None:
        """So many more."""
        with self._lock:
            self.value += amount


class Counters:
    """Counts events by name and labels; safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counters: dict[_Series, Counter] = {}

    def counter(self, name: str, **labels: str) -> Counter:
        """The counter of a series, to be kept where it is used often. Label values must not need escaping."""
        with self._lock:
            return self._counters.setdefault((name, tuple(sorted(labels.items()))), Counter())

    def add(self, name: str, **labels: str) -> None:
        """One more."""
        self.counter(name, **labels).add()

    def values(self) -> dict[str, int]:
        """The value of each series, by its name and labels as the text format writes them."""
        with self._lock:
            counters = dict(self._counters)
        return {_series_text(series): counter.value for series, counter in counters.items()}


def metrics_text(values: dict[str, int], kind: str) -> str:
    """The text format of series of one kind (`counter`, `gauge`)."""
    lines: list[str] = []
    named = ""
    for series, value in sorted(values.items()):
        name = series.partition("{")[0]
        if name != named:
            lines.append(f"# TYPE {name} {kind}")
            named = name
        lines.append(f"{series} {value}")
    return "\n".join(lines) + "\n"


def _series_text(series: _Series) -> str:
    name, labels = series
    pairs = ",".join(f'{key}="{value}"' for key, value in labels)
    return f"{name}{{{pairs}}}"
