"""`hoviat bench crl`: whole CRLs of up to millions of entries, against encoding and hashing alone.

Every publication runs in a process of its own, so that its peak of memory is its own.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from simulators.load.crlpopulation import populate
from simulators.load.result import Result

_NAME = "crl"
_SHARDS = 4096
_CHANGED_SHARE = 0.01
_GOAL_OF_TIME = 0.5  # at most twice the time of encoding and hashing
_PEAK_MEGABYTES = 150.0
_GOAL_OF_GROWTH = 0.7  # time for an entry, at the smallest against the largest
_REPEATED_UP_TO = 100_000
_REPEATS = 3


@dataclass(frozen=True)
class Publication:
    """What a worker measured."""

    entries: int
    size: int
    elapsed: float
    """Seconds by the clock."""
    seconds: float
    """Of the processor: other programs on a shared machine don't count."""
    peak_megabytes: float
    """Over what the process held before."""
    limit_per_second: float
    """Entries encoded and hashed from memory, in the same process."""

    @property
    def per_second(self) -> float:
        """Entries."""
        return self.entries / self.seconds


def measure(sizes: list[int]) -> Iterator[Result]:
    """Fills a throw-away database for each size and publishes from it."""
    rates: list[float] = []
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="hoviat-bench-") as folder:
            root = Path(folder)
            populate(root, size, _SHARDS, changed=int(size * _CHANGED_SHARE))
            repeats = _REPEATS if size <= _REPEATED_UP_TO else 1
            full = max((_publish(root, "full") for _ in range(repeats)), key=lambda run: run.per_second)
            rates.append(full.per_second)
            yield from _full_lines(size, full)
            yield from _part_lines(size, _publish(root, "delta"), _publish(root, "shard"))
    case = f"microseconds/entry, {sizes[-1]:,} against {sizes[0]:,}"
    slowest, first = 1e6 / rates[-1], 1e6 / rates[0]
    yield Result(_NAME, case, slowest, "µs", first, f"{sizes[0]:,} entries", _GOAL_OF_GROWTH, counts=True)


def _full_lines(size: int, full: Publication) -> Iterator[Result]:
    limit_is = f"encoding and hashing the same entries from memory; all in {full.elapsed:,.2f} s by the clock"
    rate, limit = full.per_second, full.limit_per_second
    yield Result(_NAME, f"{size:,} entries", rate, "entries/s of a core", limit, limit_is, _GOAL_OF_TIME)
    yield Result(
        _NAME,
        f"{size:,} entries, peak memory",
        max(full.peak_megabytes, 0.1),
        "MB over base",
        _PEAK_MEGABYTES,
        "what was set",
        1.0,
        counts=True,
    )


def _part_lines(size: int, delta: Publication, shard: Publication) -> Iterator[Result]:
    """Sizes, against the bytes of the entries alone."""
    for name, part in (
        (f"delta of 1 % of {size:,}", delta),
        (f"one of {_SHARDS:,} shards of {size:,}", shard),
    ):
        entry = _entry_octets(part)
        limit_is = f"its {part.entries:,} entries alone; made in {part.elapsed * 1000:,.0f} ms"
        yield Result(_NAME, name, part.size / 1000, "kB", max(entry, 1) / 1000, limit_is, counts=True)


def _entry_octets(part: Publication) -> int:
    return part.entries * 49  # SEQUENCE { 16-octet serial, UTCTime, reasonCode }


def _publish(root: Path, what: str) -> Publication:
    command = [sys.executable, "-m", "simulators.load.crlworker", str(root), what, str(_SHARDS)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - ourselves
    return Publication(**json.loads(done.stdout))
