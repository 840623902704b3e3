"""A ready answer as it is kept: what differs from one answer to the next, and nothing else.

About 110 bytes, where the whole answer has 800: ten million of them stay in a machine's memory.
"""

import struct
from dataclasses import dataclass, field

from pki.status.ocsp.credential import TAG_BYTES
from pki.status.ocsp.forms import CertIdForm
from pki.store.columns import serial_octets

_HEAD = struct.Struct(f">QIII{TAG_BYTES}sB")
STATUS_AT = _HEAD.size
"""Where CertStatus begins in a record; the byte before is its length."""
_TAG_AT = STATUS_AT - 1 - TAG_BYTES
TEMPLATE_AT = 8
"""Behind the version: from here to the signature, records of one moment and status are the same."""
_VERSION_AND_TIMES = struct.Struct(">QIII")


@dataclass(frozen=True)
class StoredAnswer:
    """An answer about one certificate, good for whoever asks in the same form without a nonce.

    Times are seconds since 1970.
    """

    form: CertIdForm
    serial: int
    version: int
    """The CA's status version as of which it was right."""
    produced: int
    this_update: int
    next_update: int
    tag: bytes
    """Which responder signed it."""
    status: bytes
    """CertStatus in DER."""
    signature: bytes = field(repr=False)

    @property
    def key(self) -> bytes:
        """Under what the store keeps it."""
        return self.form.form_id + serial_octets(self.serial)

    def record(self) -> bytes:
        """What the store keeps."""
        head = _HEAD.pack(
            self.version, self.produced, self.this_update, self.next_update, self.tag, len(self.status)
        )
        return head + self.status + self.signature


def read_record(form: CertIdForm, serial: int, record: bytes) -> StoredAnswer:
    """The answer in a record. Raises struct.error for what is too short."""
    version, produced, this_update, next_update, tag, length = _HEAD.unpack_from(record)
    end = STATUS_AT + length
    return StoredAnswer(
        form, serial, version, produced, this_update, next_update, tag, record[STATUS_AT:end], record[end:]
    )


def read_times(record: bytes) -> tuple[int, int, int, int]:
    """Version, produced, this_update, next_update."""
    version, produced, this_update, next_update = _VERSION_AND_TIMES.unpack_from(record)
    return version, produced, this_update, next_update


def read_tag(record: bytes) -> bytes:
    """Which responder signed it."""
    return record[_TAG_AT : _TAG_AT + TAG_BYTES]
