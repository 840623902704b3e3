"""How long CRLs live, and when the next one is made."""

from datetime import datetime, timedelta

from pki.authority.record import CLOCK_TOLERANCE
from pki.hierarchy import Role
from pki.status.crl.scope import CrlTarget
from pki.store.models import CrlRow

_LONG_LIVED = frozenset({Role.ROOT, Role.CSCA})

FULL_LIFE = timedelta(days=1)
"""From thisUpdate to nextUpdate; on schedule, a new CRL is made at half of it."""
LONG_LIFE = timedelta(days=90)
"""The same where a key signs rarely; no more for a CSCA, ICAO Doc 9303-12 §5.3."""
DELTA_LIFE = timedelta(hours=1)

SMALL = 5_000
"""Entries (250 kB) up to which a status change makes a full CRL at the next fetch; above it only a delta."""
SPACING = timedelta(seconds=60)
"""Between two CRLs of one scope that changes alone call for, where they are large or many."""
BURST = 60
BURST_SPAN = timedelta(minutes=10)
"""Up to BURST small CRLs in this span are made as fast as changes come; then they keep the spacing."""


def life(role: Role, target: CrlTarget) -> timedelta:
    """From thisUpdate to nextUpdate."""
    if target.delta:
        return DELTA_LIFE
    return LONG_LIFE if role in _LONG_LIVED else FULL_LIFE


def scheduled(row: CrlRow, now: datetime) -> bool:
    """Whether the next one is due without any change: half of its life is over, or it is from the future."""
    begin, end = resting(row)
    return not begin < now < end


def resting(row: CrlRow) -> tuple[datetime, datetime]:
    """Between these moments the schedule calls for no other."""
    half_life = row.this_update + (row.next_update - row.this_update) / 2
    return row.this_update - CLOCK_TOLERANCE, half_life


def in_force(row: CrlRow, now: datetime) -> bool:
    """Whether relying parties take it."""
    return now < row.next_update


def follows_changes(row: CrlRow) -> bool:
    """Whether a status change makes the next one before its time."""
    return row.base is not None or row.entries <= SMALL


def spaced(row: CrlRow, recent: int, now: datetime) -> bool:
    """Whether enough time has passed since `row` for a change to be published.

    `recent` is how many were published in the last BURST_SPAN.
    """
    free = row.entries <= SMALL and recent < BURST
    return free or now - row.this_update >= SPACING
