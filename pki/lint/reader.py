"""The strict reader of the bytes that are about to be signed (X.690 §10: definite, shortest lengths).

It works on offsets, because every certificate passes here. What it returns are slices of the bytes.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from pki import der

_LONG_FORM = 0x80
_MAX_LENGTH_OCTETS = 3
_MULTI_BYTE_TAG = 0x1F
_VERSION_3 = bytes.fromhex("a003020102")  # [0] { INTEGER 2 }, RFC 5280 §4.1.2.1
_EXTENSIONS = 0xA3
_TRUE = b"\x01\x01\xff"
_GENERALIZED_TIME_CHARS = 15
_FIRST_GENERALIZED_YEAR = b"2050"  # RFC 5280 §4.1.2.5
_KEPT_TIMES = 4096


class Tbs(NamedTuple):
    """A version 3 TBSCertificate without unique identifiers, in slices of its bytes."""

    serial: bytes
    """The content of the INTEGER."""
    signature_algorithm: bytes
    issuer: bytes
    not_before: datetime
    not_after: datetime
    subject: bytes
    spki: bytes
    extensions: bytes
    """The Extension values, one behind the other."""


class RawExtension(NamedTuple):
    """One extension as it stands there."""

    oid: bytes
    """The content of the OBJECT IDENTIFIER."""
    critical: bool
    value: bytes
    """What the OCTET STRING holds."""
    raw: bytes


def header(data: bytes, at: int, tag: int) -> tuple[int, int]:
    """Where the content of the value at an offset starts and ends. Raises DerError, IndexError."""
    if data[at] != tag:
        raise der.DerError(f"expected tag {tag:02x}")
    length = data[at + 1]
    start = at + 2
    if length >= _LONG_FORM:
        start, length = _long_length(data, at + 2, length & ~_LONG_FORM)
    end = start + length
    if end > len(data):
        raise der.DerError("the value is cut off")
    return start, end


def _long_length(data: bytes, at: int, count: int) -> tuple[int, int]:
    start = at + count
    length = int.from_bytes(data[at:start], "big")
    if not 1 <= count <= _MAX_LENGTH_OCTETS or data[at] == 0 or length < _LONG_FORM:
        raise der.DerError("a length is indefinite, too long or not in its shortest form")
    return start, length


def read_tbs(tbs: bytes) -> Tbs:
    """Takes the bytes apart. Raises DerError, IndexError, ValueError."""
    at, end = header(tbs, 0, der.SEQUENCE)
    if end != len(tbs) or not tbs.startswith(_VERSION_3, at):
        raise der.DerError("not one version 3 certificate")
    at += len(_VERSION_3)
    serial, after_serial = header(tbs, at, der.INTEGER)
    _, algorithm = header(tbs, after_serial, der.SEQUENCE)
    _, issuer = header(tbs, algorithm, der.SEQUENCE)
    times, validity = header(tbs, issuer, der.SEQUENCE)
    _, subject = header(tbs, validity, der.SEQUENCE)
    _, spki = header(tbs, subject, der.SEQUENCE)
    not_before, not_after = read_validity(tbs[times:validity])
    return Tbs(
        tbs[serial:after_serial],
        tbs[after_serial:algorithm],
        tbs[algorithm:issuer],
        not_before,
        not_after,
        tbs[validity:subject],
        tbs[subject:spki],
        tbs[slice(*_extensions(tbs, spki, end))],
    )


def _extensions(tbs: bytes, at: int, end: int) -> tuple[int, int]:
    outer, outer_end = header(tbs, at, _EXTENSIONS)
    start, inner_end = header(tbs, outer, der.SEQUENCE)
    if outer_end != end or inner_end != end:
        raise der.DerError("bytes follow the extensions")
    return start, end


@lru_cache(_KEPT_TIMES)
def read_validity(content: bytes) -> tuple[datetime, datetime]:
    """Both times of a Validity. Raises DerError, IndexError, ValueError."""
    _, between = _time_bounds(content, 0)
    _, end = _time_bounds(content, between)
    if end != len(content):
        raise der.DerError("a validity has two times")
    return read_time(content[:between]), read_time(content[between:])


def _time_bounds(content: bytes, at: int) -> tuple[int, int]:
    return header(content, at, der.UTC_TIME if content[at] == der.UTC_TIME else der.GENERALIZED_TIME)


def read_time(encoded: bytes) -> datetime:
    """A Time as RFC 5280 §4.1.2.5 writes it: whole seconds, Z, UTCTime to 2049. Raises ValueError."""
    if encoded[0] == der.UTC_TIME:
        two_digits = encoded[2:4]
        century = b"20" if two_digits < _FIRST_GENERALIZED_YEAR[2:] else b"19"
        return read_seconds(century + encoded[2:])
    if encoded[2:6] < _FIRST_GENERALIZED_YEAR:
        raise der.DerError("a time before 2050 is a UTCTime")
    return read_seconds(encoded[2:])


def read_seconds(content: bytes) -> datetime:
    """The content of a GeneralizedTime in whole seconds of UTC. Raises ValueError.

    Digits are looked for first: strptime would take a blank for one.
    """
    if len(content) != _GENERALIZED_TIME_CHARS or not content[:-1].isdigit() or content[-1:] != b"Z":
        raise der.DerError("a time is not in whole seconds of UTC")
    return datetime.strptime(content.decode("ascii"), "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def read_extensions(content: bytes) -> Iterator[RawExtension]:
    """Each extension in its turn. Raises DerError, IndexError."""
    at, size = 0, len(content)
    while at < size:
        inside, end = header(content, at, der.SEQUENCE)
        oid, after = header(content, inside, der.OBJECT_IDENTIFIER)
        critical = content.startswith(_TRUE, after)
        value, value_end = header(content, after + len(_TRUE) * critical, der.OCTET_STRING)
        if value_end != end:
            raise der.DerError("bytes follow an extension's value")
        yield RawExtension(content[oid:after], critical, content[value:value_end], content[at:end])
        at = end


def split_at_subject_key(content: bytes) -> tuple[bytes, RawExtension, bytes] | None:
    """What stands before and behind a subject key identifier of 20 bytes, where there is one.

    If both sides are whole extensions, this is what `read_extensions` finds.
    """
    at = content.find(_SUBJECT_KEY_HEAD)
    end = at + len(_SUBJECT_KEY_HEAD) + _KEY_IDENTIFIER_BYTES
    if at < 0 or end > len(content):
        return None
    raw = content[at:end]
    return content[:at], RawExtension(raw[_OID], False, raw[_VALUE], raw), content[end:]  # noqa: FBT003


def tail_of(content: bytes, oid: bytes) -> int:
    """Where the last extension with this identifier seems to start, or the end.

    As above: if both sides are whole extensions, this is what `read_extensions` finds.
    """
    at = content.rfind(bytes((der.OBJECT_IDENTIFIER, len(oid))) + oid)
    return len(content) if at < _SHORT_HEAD else at - _SHORT_HEAD


_SHORT_HEAD = 2
# Extension { subjectKeyIdentifier, OCTET STRING { OCTET STRING of 20 } }, not critical
_SUBJECT_KEY_HEAD = bytes.fromhex("301d 0603551d0e 0416 0414")
_KEY_IDENTIFIER_BYTES = 20
_OID, _VALUE = slice(4, 7), slice(9, None)


def oid_content(dotted: str) -> bytes:
    """The content of an OBJECT IDENTIFIER, as this reader returns it."""
    return der.parse(der.object_identifier(dotted), der.OBJECT_IDENTIFIER).content
