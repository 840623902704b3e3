"""A stream under a passphrase: AES-256-GCM in chunks, as in STREAM (Hoang and others, 2015).

A chunk's nonce is its number and whether it is the last, so chunks can't be moved, left out or cut off. The
key comes from the passphrase by scrypt with a fresh salt; it encrypts this one stream.
"""

import io
import json
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from pki.keys.stretching import ScryptParameters, stretch
from simulators.installation.backup.errors import BackupDamagedError, BackupLockedError

MAGIC = b"hoviat-backup-encrypted-1\n"
CHUNK_BYTES = 65_536
_TAG_BYTES = 16  # SP 800-38D §5.2.1.2
_KEY_BYTES = 32
_COUNTER_BYTES = 11  # and one octet that says whether it is the last: 12, SP 800-38D §5.2.1.1
_PURPOSE = b"hoviat backup"
_MAX_HEADER = 1024


class SealedWriter(io.RawIOBase):
    """Encrypts what is written. Without `close` the stream has no end, and nobody reads it."""

    def __init__(self, target: BinaryIO, passphrase: bytes) -> None:
        super().__init__()
        parameters = ScryptParameters.fresh()
        header = {"scrypt": [parameters.n, parameters.r, parameters.p], "salt": parameters.salt.hex()}
        self._target = target
        self._cipher = AESGCM(_key(passphrase, parameters))
        self._held = bytearray()
        self._number = 0
        target.write(MAGIC + json.dumps(header).encode() + b"\n")

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: object) -> int:
        """Takes all of it."""
        octets = bytes(memoryview(data))  # type: ignore[arg-type]
        self._held += octets
        while len(self._held) > CHUNK_BYTES:  # the last chunk is kept for `close`
            self._put(bytes(self._held[:CHUNK_BYTES]), last=False)
            del self._held[:CHUNK_BYTES]
        return len(octets)

    def close(self) -> None:
        """Writes the last chunk; the target stays open."""
        if not self.closed:
            self._put(bytes(self._held), last=True)
        super().close()

    def _put(self, chunk: bytes, *, last: bool) -> None:
        self._target.write(self._cipher.encrypt(_nonce(self._number, last=last), chunk, None))
        self._number += 1


class SealedReader(io.RawIOBase):
    """Decrypts such a stream. Raises BackupDamagedError, BackupLockedError."""

    def __init__(self, source: BinaryIO, passphrase: bytes) -> None:
        super().__init__()
        self._source = source
        self._cipher = AESGCM(_key(passphrase, _parameters(source)))
        self._ahead = source.read(CHUNK_BYTES + _TAG_BYTES)
        self._number = 0
        self._open = b""
        self._ended = False

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: object) -> int:
        """As much as is at hand."""
        while not self._open and not self._ended:
            self._next()
        view = memoryview(buffer)  # type: ignore[arg-type]
        count = min(len(view), len(self._open))
        view[:count] = self._open[:count]
        self._open = self._open[count:]
        return count

    def _next(self) -> None:
        chunk, self._ahead = self._ahead, self._source.read(CHUNK_BYTES + _TAG_BYTES)
        self._ended = not self._ahead
        try:
            self._open = self._cipher.decrypt(_nonce(self._number, last=self._ended), chunk, None)
        except (InvalidTag, ValueError):
            if self._number == 0:
                raise BackupLockedError(
                    "this backup does not open: another passphrase, or it was altered"
                ) from None
            raise BackupDamagedError(f"it was altered, or cut off, in chunk {self._number + 1}") from None
        self._number += 1


def _parameters(source: BinaryIO) -> ScryptParameters:
    line = source.readline(_MAX_HEADER)
    try:
        header = json.loads(line)
        n, r, p = header["scrypt"]
        return ScryptParameters(bytes.fromhex(header["salt"]), n, r, p)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BackupDamagedError("its header is damaged") from error


def _key(passphrase: bytes, parameters: ScryptParameters) -> bytes:
    return HKDFExpand(SHA256(), _KEY_BYTES, _PURPOSE).derive(stretch(passphrase, parameters))


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(_COUNTER_BYTES) + bytes((last,))
