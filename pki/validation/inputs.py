"""Certificates, CRLs and moments as people and files write them: PEM, base64 or DER; ISO 8601."""

import base64
import binascii
import re
from datetime import UTC, datetime
from pathlib import Path

from pki import der
from pki.der import DerError

MAX_OBJECTS = 512
"""In one file."""
MAX_FILE = 384 << 20
"""Bytes: a CRL of 256 MB in PEM."""

_PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,32})-----([A-Za-z0-9+/=\s]*)-----END \1-----")
_BEGIN = b"-----BEGIN "
_IDENTIFIER = re.compile(r"[0-2](?:\.(?:0|[1-9][0-9]{0,38})){1,32}", re.ASCII)


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
    try:
        data = text.encode("ascii")
    except UnicodeEncodeError as error:
        raise InputError("neither PEM nor base64") from error
    if _BEGIN in data:
        return objects_in(data)
    return [_base64(data)]


def moment_in(text: str) -> datetime:
    """An ISO 8601 moment; one without a zone is in UTC. Raises InputError."""
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InputError("the moment is not in ISO 8601, as 2026-11-25T12:00:00Z is") from error


def file_in(path: Path) -> bytes:
    """A file's bytes. Raises InputError where it can't be read, or is longer than any CRL may be."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except OSError as error:
        raise InputError(f"{path}: can't be read: {error.strerror}") from error
    if len(data) > MAX_FILE:
        raise InputError(f"{path}: is longer than {MAX_FILE} bytes")
    return data


def require_identifier(text: str) -> str:
    """A dotted object identifier. Raises InputError."""
    if _IDENTIFIER.fullmatch(text) is None:
        raise InputError("an object identifier is not dotted, as 1.3.6.1 is")
    return text
