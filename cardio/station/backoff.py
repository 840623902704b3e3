"""How long to wait before the next try to reach the hub."""

from collections.abc import Callable, Iterator

FIRST_S = 0.5
LONGEST_S = 30.0


def waits(chance: Callable[[], float], longest_s: float = LONGEST_S) -> Iterator[float]:
    """Seconds: doubling up to the longest, each between half and whole of it by `chance` (0 to 1).

    After a failure of the hub all stations come back; chance keeps them from coming at once.
    """
    longest = min(FIRST_S, longest_s)
    while True:
        yield longest * (1 + chance()) / 2
        longest = min(longest * 2, longest_s)
