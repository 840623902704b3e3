"""Certificates, CRLs and moments as people and files write them: PEM, base64 or DER; ISO 8601."""

import base64
import binascii
import re
from datetime import UTC, datetime

from pki import der
from pki.der import DerError

MAX_OBJECTS = 512
"""In one file."""

_PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,32})-----([A-Za-z0-9+/=\s]*)-----END \1-----")
_BEGIN = b"-----BEGIN "


class InputError(ValueError):
    """What was given can't be read as what it should be; the text says what."""


def objects_in(data: bytes) -> list[bytes]:
    """The DER objects in a file of PEM blocks, or of DER objects one after the other. Raises InputError."""
    found = _pem_blocks(data) if _BEGIN in data else _der_objects(data)
    if not 1 <= len(found) <= MAX_OBJECTS:
        raise InputError(f"expected 1 to {MAX_OBJECTS} PEM or DER objects, found {len(found)}")
    return found


def _pem_blocks(data: bytes) -> list[bytes]:
    blocks = _PEM.findall(data)
    if len(blocks) != data.count(_BEGIN):
        raise InputError("a PEM block is damaged")
    return [_base64(content) for _label, content in blocks]


def _der_objects(data: bytes) -> list[bytes]:
    """Bytes that are no DER at all are one object: what it was to be, its reader says."""
    try:
        return [data[offset:end] for _, offset, _, end in der.spans(data, 0, len(data))]
    except DerError:
        return [data]


def _base64(content: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(content.split()), validate=True)
    except binascii.Error as error:
        raise InputError("base64 is damaged") from error


def objects_in_text(text: str) -> list[bytes]:
    """The DER objects in a string: PEM blocks, or the base64 of one DER object. Raises InputError."""
    data = text.encode()
    if _BEGIN in data:
        return objects_in(data)
    return [_base64(data)]


def moment_in(text: str) -> datetime:
    """An ISO 8601 moment; one without a zone is in UTC. Raises InputError."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError("the moment is not in ISO 8601, as 2026-11-25T12:00:00Z is") from error
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found
