"""What a responder promises, in one place."""

from dataclasses import dataclass
from datetime import timedelta

SKEW = timedelta(minutes=1)
"""By how much thisUpdate lies before the answer was made: clients' clocks may be behind."""
FRESH_LIFE = timedelta(hours=1)
"""nextUpdate of an answer made for one request."""
STORED_LIFE = timedelta(hours=4)
"""nextUpdate of an answer kept for many; it is made anew at half of it."""
LEAST_LEFT = timedelta(minutes=10)
"""A stored answer with less left until its nextUpdate is not given out."""

SHARED_SECONDS = 40
"""For how long HTTP caches may keep an answer."""
FEED_SECONDS = 1.0
"""How often changes of status are read."""
UNCONFIRMED_SECONDS = 20.0
"""When changes could not be read for this long, stored answers are no longer given out.

With SHARED_SECONDS this is the published delay: at most 60 seconds from a revocation's commit until no
cache gives out `good` any more, and about one until this service itself doesn't.
"""


@dataclass(frozen=True)
class OcspPolicy:
    """What an installation chooses."""

    extended_revoke: bool = False
    """Calls what was never issued revoked instead of unknown (RFC 6960 §2.2, §4.4.8)."""
