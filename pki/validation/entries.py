"""The entries of a CRL: indexed in one pass, read one at a time (RFC 5280 §5.1.2.6, §5.3)."""

from datetime import datetime
from typing import NamedTuple, TypeAlias

from pki import der, oids
from pki.der import DerError
from pki.validation.generalnames import Form, general_names
from pki.validation.names import ComparableName, comparable
from pki.validation.reading import Extension, extensions, moment

Index: TypeAlias = dict[ComparableName, dict[int, int]]
"""Certificate issuer, serial, and where the entry begins."""

_LONG_FORM = 0x80
_MAX_SERIAL_BYTES = 64
_JUDGED = frozenset({oids.CERTIFICATE_ISSUER, oids.CRL_REASON, oids.INVALIDITY_DATE})

REMOVE_FROM_CRL = "removeFromCRL"
REASONS = (
    "unspecified",
    "keyCompromise",
    "cACompromise",
    "affiliationChanged",
    "superseded",
    "cessationOfOperation",
    "certificateHold",
    "unused",
    REMOVE_FROM_CRL,
    "privilegeWithdrawn",
    "aACompromise",
)
"""CRLReason of RFC 5280 §5.3.1, by number."""


class CrlEntry(NamedTuple):
    """One revoked certificate."""

    since: datetime
    reason: str


class _Facts(NamedTuple):
    """What an entry's extensions say to the index."""

    issuer: ComparableName | None
    unknown_critical: str | None


_PLAIN = _Facts(None, None)


def index_entries(
    data: bytes, entries: tuple[int, int, int, int] | None, issuer: ComparableName, *, indirect: bool
) -> tuple[Index, str | None]:
    """The index, and a critical entry extension that isn't understood, if there is one.

    In an indirect CRL a certificate issuer holds until the next is named (§5.3.3). Raises DerError.
    """
    current: dict[int, int] = {}
    index: Index = {issuer: current}
    if entries is None:
        return index, None
    facts: dict[bytes, _Facts] = {b"": _PLAIN}
    unknown: str | None = None
    offset, end = entries[2], entries[3]
    while offset < end:
        serial, after, stop = _entry_head(data, offset, end)
        if after < stop:
            raw = data[after:stop]
            found = facts.get(raw)
            if found is None:
                found = facts[raw] = _facts(raw, indirect=indirect)
            if found.issuer is not None:
                current = index.setdefault(found.issuer, {})
            unknown = unknown or found.unknown_critical
        current.setdefault(serial, offset)
        offset = stop
    return index, unknown


def _entry_head(data: bytes, offset: int, end: int) -> tuple[int, int, int]:
    """The serial, where the extensions begin, and where the entry ends."""
    tag, start, stop = der.header(data, offset)
    if tag != der.SEQUENCE or stop > end:
        raise DerError("an entry is a SEQUENCE inside of the list")
    if start + 2 > stop or data[start] != der.INTEGER or not 0 < data[start + 1] <= _MAX_SERIAL_BYTES:
        raise DerError("an entry begins with a serial number")
    time = start + 2 + data[start + 1]
    if (
        time + 2 > stop
        or data[time] not in {der.UTC_TIME, der.GENERALIZED_TIME}
        or data[time + 1] >= _LONG_FORM
    ):
        raise DerError("an entry has a time after its serial number")
    after = time + 2 + data[time + 1]
    if after > stop:
        raise DerError("an entry is cut off")
    return int.from_bytes(data[start + 2 : time], "big", signed=True), after, stop


def _facts(raw: bytes, *, indirect: bool) -> _Facts:
    found = extensions(raw, 0, len(raw))
    unknown = next((item.oid for item in found.values() if item.critical and item.oid not in _JUDGED), None)
    named = found.get(oids.CERTIFICATE_ISSUER)
    if named is None:
        return _Facts(None, unknown)
    if not indirect:  # §5.3.3: only indirect CRLs have it; what it means elsewhere is anyone's guess
        return _Facts(None, oids.CERTIFICATE_ISSUER)
    directories = [name for name in general_names(named.value) if name.form is Form.DIRECTORY_NAME]
    if len(directories) != 1:
        raise DerError("an entry's certificate issuer is one directoryName")
    return _Facts(comparable(directories[0].content), unknown)


def read_entry(data: bytes, offset: int) -> CrlEntry:
    """The entry that begins at `offset`. Raises DerError."""
    _, start, stop = der.header(data, offset)
    _serial, time, *rest = der.spans(data, start, stop)
    found = extensions(data, rest[0][1], stop) if rest else {}
    return CrlEntry(moment(time[0], data[time[2] : time[3]]), _reason(found))


def _reason(found: dict[str, Extension]) -> str:
    extension = found.get(oids.CRL_REASON)
    if extension is None:
        return REASONS[0]
    content = der.parse(extension.value, der.ENUMERATED).content
    number = int.from_bytes(content, "big")
    if len(content) != 1 or number >= len(REASONS):
        raise DerError("a reason code is not among those that exist")
    return REASONS[number]
