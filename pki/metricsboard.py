"""Counters of several worker processes as one: a scrape reaches one of them, and is told of all."""

import json
import os
from collections import Counter
from contextlib import suppress
from pathlib import Path

_OWNER_ONLY = 0o700
_SUFFIX = ".json"


class MetricsBoard:
    """A folder in which each process pins its counters, in a file named by its pid."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._last: dict[str, int] = {}

    def publish(self, values: dict[str, int]) -> None:
        """Pins this process's values where they are new. A board that can't be written is left alone."""
        if values == self._last:
            return
        mine = self._folder / f"{os.getpid()}{_SUFFIX}"
        with suppress(OSError):
            self._folder.mkdir(_OWNER_ONLY, exist_ok=True)
            fresh = mine.with_suffix(".new")
            fresh.write_text(json.dumps(values), encoding="ascii")
            fresh.replace(mine)
            self._last = values

    def total(self, own: dict[str, int]) -> dict[str, int]:
        """This process's values and what the others pinned. Those of ended processes are taken down."""
        total = Counter(own)
        for path in self._folder.glob(f"*{_SUFFIX}"):
            if not path.stem.isdecimal() or int(path.stem) == os.getpid():
                continue
            if _is_alive(int(path.stem)):
                total.update(_read(path))
            else:
                path.unlink(missing_ok=True)
        return dict(total)


def _read(path: Path) -> dict[str, int]:
    with suppress(OSError, ValueError):
        values = json.loads(path.read_text(encoding="ascii"))
        return {str(name): int(value) for name, value in values.items()}
    return {}


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
