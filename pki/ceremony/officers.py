"""Who holds a ceremony: labels, and the rule that nobody holds one alone."""

import re
from collections.abc import Sequence

from pki.ceremony.errors import OfficersError
from pki.officers import skeleton

MIN_OFFICERS = 2
MAX_OFFICERS = 7
"""All labels stand in one audit entry's actor."""
ACTOR_PREFIX = "ceremony:"
_LABEL = re.compile(r"(?=.{1,16}\Z)[a-z0-9]+(?:-[a-z0-9]+)*", re.ASCII)
"""Shorter than other officers' labels (`pki.officers`), and joined by hyphens alone."""


def require_officers(names: Sequence[str]) -> tuple[str, ...]:
    """Two to seven different labels: a role or a staff number, no personal data. Raises OfficersError."""
    for name in names:
        if not _LABEL.fullmatch(name):
            raise OfficersError(
                f"{name[:40]!r} is no officer's label: 1 to 16 lower-case letters and digits, joined by "
                "single hyphens (a role or staff number, no person's name)"
            )
    if len({skeleton(name) for name in names}) != len(names):
        raise OfficersError(
            "an officer is named twice, or two labels look alike; nobody holds a ceremony alone"
        )
    if not MIN_OFFICERS <= len(names) <= MAX_OFFICERS:
        raise OfficersError(f"a ceremony takes {MIN_OFFICERS} to {MAX_OFFICERS} officers, not {len(names)}")
    return tuple(names)


def require_threshold(threshold: int, count: int) -> None:
    """How many of the officers can act later: never one alone. Raises OfficersError."""
    if not MIN_OFFICERS <= threshold <= count:
        raise OfficersError(f"of {count} officers {MIN_OFFICERS} to {count} can be needed, not {threshold}")


def actor_of(present: Sequence[str]) -> str:
    """How the audit chain names them."""
    return f"{ACTOR_PREFIX}{'+'.join(sorted(present))}"
