"""CRL entries in DER, millions of them: everything that repeats is encoded once and then looked up."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import TypeAlias

from pki import der, oids
from pki.status.state import RevocationReason

EntryRow: TypeAlias = tuple[bytes, int, str | None, int | None]
"""Serial (16 big-endian octets), since, reason, invalidity date; times in seconds since 1970.

No reason: the certificate is good again (removeFromCRL, in deltas alone).
"""

_DAY = 86_400
_MINUTE = 60
_MINUTES_A_DAY = _DAY // _MINUTE
_FIRST_UTC_DAY = -7_305  # 1950-01-01: UTCTime's years are 50 to 49 (RFC 5280 §4.1.2.5.1)
_LAST_UTC_DAY = 29_219  # 2049-12-31
_SHORT = 0x80
_UTC_TIME_OCTETS = 15
_CACHED_FORMS = 4096


def encode_entries(rows: Sequence[EntryRow]) -> bytes:
    """The entries one behind the other, each SEQUENCE { serial, revocationDate, extensions } (§5.1.2.6).

    Each is a head (tags and lengths, the same for all serials of 16 octets), serial, time, extensions.
    """
    forms, days = _forms(), _days()
    parts: list[bytes] = []
    try:
        for serial, since, reason, invalidity in rows:
            head, extensions = forms[reason, invalidity]
            if serial[0]:
                day, minute = days[since // _DAY], _MINUTES[since // _MINUTE % _MINUTES_A_DAY]
                parts += (head, serial, day, minute, _SECONDS[since % _MINUTE], extensions)
            else:
                parts.append(encode_entry((serial, since, reason, invalidity)))
    except _NotUtcTimeError:
        return b"".join(map(encode_entry, rows))
    return b"".join(parts)


def encode_entry(row: EntryRow) -> bytes:
    """One entry of any serial and any time, without short cuts."""
    serial, since, reason, invalidity = row
    moment = der.time(datetime.fromtimestamp(since, UTC))
    number = der.integer(int.from_bytes(serial, "big"))
    return der.sequence((number, moment, entry_extensions(reason, invalidity)))


def entry_extensions(reason: str | None, invalidity: int | None) -> bytes:
    """reasonCode (§5.3.1: `unspecified` is said by saying nothing) and invalidityDate (§5.3.2)."""
    meant = RevocationReason.REMOVE_FROM_CRL if reason is None else RevocationReason(reason)
    parts = []
    if meant is not RevocationReason.UNSPECIFIED:
        parts.append(der.extension(oids.CRL_REASON, der.enumerated(meant.code)))
    if invalidity is not None:
        moment = der.generalized_time(datetime.fromtimestamp(invalidity, UTC))
        parts.append(der.extension(oids.INVALIDITY_DATE, moment))
    return der.sequence(parts) if parts else b""


class _NotUtcTimeError(ValueError):
    """A revocation outside UTCTime's years."""


class _Forms(dict[tuple[str | None, int | None], tuple[bytes, bytes]]):
    """By reason and invalidity date: what stands before a serial of 16 octets, and the extensions."""

    def __missing__(self, key: tuple[str | None, int | None]) -> tuple[bytes, bytes]:
        if len(self) >= _CACHED_FORMS:
            self.clear()
        extensions = entry_extensions(*key)
        number = bytes((der.INTEGER, 16))
        length = len(number) + 16 + _UTC_TIME_OCTETS + len(extensions)
        if length >= _SHORT:
            raise AssertionError("an entry is shorter than 128 octets")
        form = bytes((der.SEQUENCE, length)) + number, extensions
        self[key] = form
        return form


class _Days(dict[int, bytes]):
    """By days since 1970: tag, length and date of a UTCTime."""

    def __missing__(self, day: int) -> bytes:
        if not _FIRST_UTC_DAY <= day <= _LAST_UTC_DAY:
            raise _NotUtcTimeError
        encoded = der.time(datetime.fromtimestamp(day * _DAY, UTC))[: 2 + len("YYMMDD")]
        self[day] = encoded
        return encoded


@cache
def _forms() -> _Forms:
    return _Forms()


@cache
def _days() -> _Days:
    return _Days()


# The rest of a UTCTime in two tables that stay in the processor's caches; one of 86,400 does not.
_MINUTES = tuple(b"%02d%02d" % divmod(minute, 60) for minute in range(_MINUTES_A_DAY))
_SECONDS = tuple(b"%02dZ" % second for second in range(_MINUTE))
