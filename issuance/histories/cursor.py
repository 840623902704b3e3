"""Where a page of a history ends, as a text that nobody needs to understand; pure."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum, unique

from issuance.errors import InvalidInputError
from pki.auditchain.columns import to_microseconds

_FORM = re.compile(r"([0-9]{1,19})\.([01])\.([0-9]{1,19})\.([0-9]{0,10})", re.ASCII)
_LARGEST = 2**63 - 1
_LATEST = to_microseconds(datetime.max.replace(tzinfo=UTC))


@unique
class Source(IntEnum):
    """Where an event stands, in the order of events of one moment."""

    LEDGER = 0
    """The stock's ledger of bodies."""
    RECORD = 1
    """The audit chain."""


@dataclass(frozen=True, order=True)
class Position:
    """An event's place among all: newest is greatest."""

    time: int
    """Microseconds since 1970."""
    source: Source
    number: int
    """In the chain, or of the body's movements."""
    serial: str = ""
    """The body, where the ledger tells of several."""

    def encode(self) -> str:
        """As a cursor."""
        return f"{self.time}.{self.source}.{self.number}.{self.serial}"


def decode(text: str) -> Position:
    """The place that a cursor means. Raises InvalidInputError."""
    found = _FORM.fullmatch(text)
    if found is None or int(found[1]) > _LATEST or int(found[3]) > _LARGEST:
        raise InvalidInputError("this is no cursor")
    return Position(int(found[1]), Source(int(found[2])), int(found[3]), found[4])
