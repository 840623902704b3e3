"""What the registry does by the clock while something serves it.

Several servers of one registry may do so at once: whoever comes second to a decision finds nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from issuance.bootstrap import Issuance
from pki.housekeeping import repeating

DECISIONS_PAUSE_SECONDS = 60.0
DECISION_AGE = timedelta(seconds=60)
"""Younger ones are in the hands of the request that made them, which tells its operator what came of it."""


@contextmanager
def housekeeping(registry: Issuance, pause_s: float = DECISIONS_PAUSE_SECONDS) -> Iterator[None]:
    """Keeps house while the context is open.

    What was decided of cards, proven at deliveries or begun to be voided and could not be done is done.
    """
    with (
        repeating("decisions on cards", lambda: registry.lifecycle.finish_decided(DECISION_AGE), pause_s),
        repeating("proven deliveries", registry.deliveries.finish_proven, pause_s),
        repeating("voidings", registry.production.finish_left_voidings, pause_s),
    ):
        yield
