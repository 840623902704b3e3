"""Who is next, pure.

An urgent order gets a head start over those approved before it, and no more: whoever was approved earlier
than that still comes first. So an ordinary order is overtaken only by urgent ones that were approved within
HEAD_START after it, of which the quota allows few.
"""

from datetime import datetime, timedelta

HEAD_START = timedelta(days=7)
URGENT_SHARE = 0.1
"""Of the orders that wait at an office."""


def rank(approved_at: datetime, *, urgent: bool) -> datetime:
    """The order with the earliest rank is next."""
    return approved_at - HEAD_START if urgent else approved_at


def urgent_quota(waiting: int) -> int:
    """How many of so many waiting orders may be urgent: a tenth, and one where there are fewer."""
    return max(1, int(waiting * URGENT_SHARE))
