"""Counters in the Prometheus text format; labels are short fixed words, never data of persons."""

import threading
from collections import Counter


class Counters:
    """Counts events by name and labels; safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, tuple[tuple[str, str], ...]]] = Counter()

    def add(self, name: str, **labels: str) -> None:
        """One more. Label values must not need escaping."""
        with self._lock:
            self._counts[name, tuple(sorted(labels.items()))] += 1

    def text(self) -> str:
        """All counters, one line each, grouped by name."""
        with self._lock:
            counts = sorted(self._counts.items())
        lines: list[str] = []
        named = ""
        for (name, labels), count in counts:
            if name != named:
                lines.append(f"# TYPE {name} counter")
                named = name
            pairs = ",".join(f'{key}="{value}"' for key, value in labels)
            lines.append(f"{name}{{{pairs}}} {count}")
        return "\n".join(lines) + "\n"
