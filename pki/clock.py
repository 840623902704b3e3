"""Time as an argument: everything that needs "now" takes a `Clock`."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Returns the current time, aware, in UTC."""


def utc_now() -> datetime:
    """The machine's clock."""
    return datetime.now(UTC)
