"""A relying party's reading of CRLs, independent of the code under test: cryptography and nothing else."""

from dataclasses import dataclass
from datetime import datetime

import pytest
from cryptography import x509

REMOVED = "removeFromCRL"


@dataclass(frozen=True)
class Entry:
    """What a CRL says of one certificate."""

    since: datetime
    reason: str | None
    invalidity: datetime | None


@dataclass(frozen=True)
class ReadCrl:
    """A CRL as relying parties see it."""

    number: int
    base: int | None
    this_update: datetime
    next_update: datetime
    entries: dict[int, Entry]
    parsed: x509.CertificateRevocationList


def read_crl(der: bytes) -> ReadCrl:
    """Reads one; a serial that stands twice is an error."""
    parsed = x509.load_der_x509_crl(der)
    entries = {item.serial_number: _entry(item) for item in parsed}
    assert len(entries) == len(parsed), "a serial stands twice"
    next_update = parsed.next_update_utc
    assert next_update is not None
    number = parsed.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    return ReadCrl(number, _base(parsed), parsed.last_update_utc, next_update, entries, parsed)


def combine(full: ReadCrl, delta: ReadCrl) -> dict[int, Entry]:
    """RFC 5280 §5.2.4: a full CRL that the delta's base does not follow, brought up to date."""
    assert delta.base is not None
    assert full.base is None
    assert delta.base <= full.number < delta.number
    entries = dict(full.entries)
    for serial, entry in delta.entries.items():
        if entry.reason == REMOVED:
            entries.pop(serial, None)
        else:
            entries[serial] = entry
    return entries


def _base(parsed: x509.CertificateRevocationList) -> int | None:
    try:
        found = parsed.extensions.get_extension_for_class(x509.DeltaCRLIndicator)
    except x509.ExtensionNotFound:
        return None
    assert found.critical
    return found.value.crl_number


def _entry(item: x509.RevokedCertificate) -> Entry:
    reason = invalidity = None
    for extension in item.extensions:
        assert not extension.critical
        if isinstance(extension.value, x509.CRLReason):
            reason = extension.value.reason.value
        elif isinstance(extension.value, x509.InvalidityDate):
            invalidity = extension.value.invalidity_date_utc
        else:
            pytest.fail(f"an entry has {extension.oid}")
    return Entry(item.revocation_date_utc, reason, invalidity)
