"""Time as the simulators spend it: the machine's own, or one that costs nothing."""

import time
from typing import Protocol


class Clock(Protocol):
    """Where simulated hardware spends its time."""

    def sleep(self, seconds: float) -> None:
        """Lets `seconds` pass."""


class RealClock:
    """Waits, as hardware would make its users wait."""

    def sleep(self, seconds: float) -> None:
        """Lets `seconds` pass on the machine's clock."""
        time.sleep(seconds)


class VirtualClock:
    """Counts and doesn't wait: minutes on hardware are predicted at once. One thread at a time."""

    def __init__(self) -> None:
        self.elapsed = 0.0
        """Seconds spent so far."""

    def sleep(self, seconds: float) -> None:
        """Adds `seconds`."""
        self.elapsed += seconds
