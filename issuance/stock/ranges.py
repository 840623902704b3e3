"""Ranges of serials, pure: a delivery of thousands of bodies is a few of them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from issuance.registry.text import ascii_digits
from issuance.stock.errors import InvalidRangeError
from issuance.stock.models import SERIAL_DIGITS

MAX_BODIES = 100_000
"""In one batch."""
MAX_RANGES = 5_000
_MAX_SERIAL = 2**32 - 1  # a body tells its serial in four bytes


@dataclass(frozen=True, order=True)
class SerialRange:
    """From the first to the last, both of them."""

    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first + 1


def parse_ranges(texts: Iterable[Sequence[str]]) -> tuple[SerialRange, ...]:
    """Ranges as typed, in order. Raises InvalidRangeError where one is none, or two overlap."""
    ranges = sorted(_range(text) for text in texts)
    if not 1 <= len(ranges) <= MAX_RANGES:
        raise InvalidRangeError(f"1 to {MAX_RANGES} ranges of serials")
    for before, after in pairwise(ranges):
        if after.first <= before.last:
            raise InvalidRangeError(f"{serial_text(after.first)} stands there twice")
    if count(ranges) > MAX_BODIES:
        raise InvalidRangeError(f"more than {MAX_BODIES} bodies")
    return tuple(ranges)


def as_texts(ranges: Iterable[SerialRange]) -> list[list[str]]:
    """As `parse_ranges` reads them."""
    return [[serial_text(one.first), serial_text(one.last)] for one in ranges]


def serial_text(serial: int) -> str:
    """Ten digits, as on the card."""
    return f"{serial:0{SERIAL_DIGITS}d}"


def count(ranges: Iterable[SerialRange]) -> int:
    """Bodies in all of them."""
    return sum(len(one) for one in ranges)


def serials(ranges: Iterable[SerialRange]) -> Iterator[str]:
    """Every serial, ten digits."""
    return (serial_text(serial) for one in ranges for serial in range(one.first, one.last + 1))


def _range(texts: Sequence[str]) -> SerialRange:
    if len(texts) != 2:  # noqa: PLR2004 - first and last
        raise InvalidRangeError("a range is a first and a last serial")
    first, last = (_serial(text) for text in texts)
    if last < first:
        raise InvalidRangeError(f"{serial_text(last)} is before {serial_text(first)}")
    return SerialRange(first, last)


def _serial(text: str) -> int:
    digits = ascii_digits(text)
    if len(digits) != SERIAL_DIGITS or not digits.isascii() or not digits.isdigit():
        raise InvalidRangeError(f"a serial has {SERIAL_DIGITS} digits")
    serial = int(digits)
    if serial > _MAX_SERIAL:
        raise InvalidRangeError(f"no body has the serial {digits}")
    return serial
