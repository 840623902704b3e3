"""Where a page of looks ends, as a text that nobody needs to understand; pure."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from issuance.errors import InvalidInputError
from issuance.identifiers import LENGTH

_FORM = re.compile(rf"([0-9]{{1,17}})\.([0-9A-Z]{{{LENGTH}}})", re.ASCII)
"""Seventeen digits of microseconds are a time before the year 5139."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Place:
    """A look's place among a person's: several may be of one moment."""

    at: datetime
    id: str

    def encode(self) -> str:
        """As a cursor."""
        return f"{(self.at - _EPOCH) // _MICROSECOND}.{self.id}"


def decode(text: str) -> Place:
    """The place that a cursor means. Raises InvalidInputError."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise InvalidInputError("this is no cursor")
    return Place(_EPOCH + int(found[1]) * _MICROSECOND, found[2])
