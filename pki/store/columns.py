"""Column types of the authority's tables: serials as 16 octets, moments as whole seconds."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

from sqlalchemy import BigInteger, Dialect, LargeBinary
from sqlalchemy.types import TypeDecorator

from pki.errors import StoredValueError

SERIAL_OCTETS = 16
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
MAX_SERIAL = (1 << (8 * SERIAL_OCTETS - 1)) - 1
"""The largest positive INTEGER of 16 octets; the tables hold no larger serial."""


class Serial(TypeDecorator[int]):
    """A certificate's serial number: an int here, 16 big-endian octets in the database.

    Octets keep the index of ten million certificates half as large as hexadecimal text would.
    """

    impl = LargeBinary(SERIAL_OCTETS)
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002, D102
        return None if value is None else serial_octets(value)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> int | None:  # noqa: ARG002, D102
        return None if value is None else serial_of(value)


class UtcSeconds(TypeDecorator[datetime]):
    """A whole second: an aware UTC time here, seconds since 1970 in the database.

    X.509 knows no finer times, and a number is read without parsing text.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002, D102
        if value is None:
            return None
        return seconds_of(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002, D102
        return None if value is None else moment_of(value)


@lru_cache(maxsize=16)  # the rows of a batch share their times
def seconds_of(moment: datetime) -> int:
    """Whole seconds since 1970, rounded down. Raises ValueError for a naive time."""
    if moment.tzinfo is None:
        raise ValueError("a naive time reached the database")
    return (moment - _EPOCH) // _SECOND


def moment_of(seconds: object) -> datetime:
    """The moment that a table holds. Raises StoredValueError for what no writer of ours puts there."""
    if type(seconds) is not int:  # SQLite keeps any type anywhere
        raise StoredValueError("a time")
    try:
        return _EPOCH + timedelta(seconds=seconds)
    except OverflowError as error:
        raise StoredValueError("a time") from error


def serial_of(octets: object) -> int:
    """The serial that a table holds. Raises StoredValueError for what no writer of ours puts there."""
    if type(octets) is not bytes or len(octets) != SERIAL_OCTETS:
        raise StoredValueError("a serial")
    return int.from_bytes(octets, "big")


def serial_octets(serial: int) -> bytes:
    """A serial as the tables hold it. Raises ValueError for one that is not positive or too long."""
    if not 0 < serial <= MAX_SERIAL:
        raise ValueError("a serial has 1 to 127 bits")
    return serial.to_bytes(SERIAL_OCTETS, "big")
