"""Looks as pages tell them: what one visit of a record shows is one line, and not one for each request."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Protocol


class Look(Protocol):
    """As much of a look as its person is told."""

    at: datetime
    office: str
    role: str
    purpose: str
    case_number: str | None
    what: str


@dataclass(frozen=True)
class Visit:
    """Looks of one role in one office for one purpose, within a minute."""

    first: Look
    """The newest."""
    seen: tuple[str, ...]
    """Each kind once, in the order in which they came."""


def visits(looks: Iterable[Look]) -> list[Visit]:
    """Neighbours that belong together; newest first, as they come."""
    found = []
    for _, together in groupby(looks, _of_one_visit):
        each = list(together)
        found.append(Visit(each[0], tuple(dict.fromkeys(look.what for look in reversed(each)))))
    return found


def _of_one_visit(look: Look) -> tuple[object, ...]:
    minute = look.at.replace(second=0, microsecond=0)
    return minute, look.office, look.role, look.purpose, look.case_number
