"""Signed notes and checkpoints as C2SP writes them (c2sp.org/signed-note, c2sp.org/tlog-checkpoint).

A checkpoint is three lines (origin, size, root), an empty line, and signature lines. ECDSA signatures are
over SHA-256 of the text whatever the curve is, and their key ID is the beginning of the hash of the key.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from pki.auditchain.errors import CheckpointError
from pki.auditchain.merkle import HASH_BYTES
from pki.keys.signer import Signer

NOTE_LIMIT = 64 * 1024
"""Characters of a note; sixteen signatures, which must be accepted, are far shorter."""
_SIGNATURE_LIMIT = 16
_ECDSA = b"\x02"
"""The signature type of ECDSA (signed-note, "Signature types")."""
_KEY_ID_BYTES = 4
_DASH = "\N{EM DASH} "
_NAME = re.compile(r"[^\s+\x00-\x1f\x7f]{1,200}")
_FORBIDDEN = re.compile(r"[\x00-\x09\x0b-\x1f\ud800-\udfff]")
"""Control characters but the newline, and what has no UTF-8 (signed-note, "Format")."""
_SIZE = re.compile(r"0|[1-9][0-9]{0,17}")
_CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)


@dataclass(frozen=True)
class CheckpointKey:
    """The public key that a log's checkpoints are signed with, under the name that it signs by."""

    name: str
    public_key: ec.EllipticCurvePublicKey

    def __post_init__(self) -> None:
        """Refuses names that no signature line can hold, and curves that signed notes don't have."""
        if not _NAME.fullmatch(self.name):
            raise CheckpointError(None, "a key's name has neither spaces nor a plus sign")
        if not isinstance(self.public_key.curve, _CURVES):
            raise CheckpointError(None, "a checkpoint key is on P-256, P-384 or P-521")

    @property
    def key_id(self) -> bytes:
        """Four bytes that say whose signature a line is; no proof of anything."""
        return hashlib.sha256(self._encoded()).digest()[:_KEY_ID_BYTES]

    @property
    def verifier_key(self) -> str:
        """The one line in which monitors and witnesses are told of a key (a "vkey")."""
        return f"{self.name}+{self.key_id.hex()}+{_text64(_ECDSA + self._encoded())}"

    def _encoded(self) -> bytes:
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return self.public_key.public_bytes(serialization.Encoding.DER, form)


@dataclass(frozen=True)
class Signature:
    """One signature line."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True)
class Checkpoint:
    """What a log said of itself at some size. Trust it after `verify` only."""

    origin: str
    size: int
    root: bytes
    signatures: tuple[Signature, ...]
    text: str
    """What is signed: everything up to the empty line."""
    note: str
    """All of it, as it is kept and handed on."""

    def verify(self, keys: Iterable[CheckpointKey], origin: str | None = None) -> None:
        """Checks the signatures by `keys`, one at least, and the origin: by default the signer's name.

        Lines by other keys are ignored. Raises CheckpointError.
        """
        known = {(key.name, key.key_id): key for key in keys}
        signed = [(known.get((line.name, line.key_id)), line.signature) for line in self.signatures]
        ours = [(key, signature) for key, signature in signed if key is not None]
        if not ours:
            raise CheckpointError(self.size, "is not signed by a key that was given")
        for key, signature in ours:
            self._verify_signature(key, signature)
            if self.origin != (key.name if origin is None else origin):
                raise CheckpointError(self.size, f"is not of this log, but of {self.origin!r}")

    def _verify_signature(self, key: CheckpointKey, signature: bytes) -> None:
        try:
            key.public_key.verify(signature, self.text.encode(), ec.ECDSA(hashes.SHA256()))
        except InvalidSignature as error:
            raise CheckpointError(self.size, f"the signature by {key.name} is forged") from error

    def require_root(self, root: bytes) -> None:
        """Raises CheckpointError unless the tree of this size has the root that the checkpoint says."""
        if not hmac.compare_digest(self.root, root):
            raise CheckpointError(self.size, "the record's first entries are not those that it was made for")


def sign_checkpoint(signer: Signer, origin: str, size: int, root: bytes) -> Checkpoint:
    """Signs by the key named as the log's origin. Raises CheckpointError for an RSA key."""
    public = signer.public_key
    if not isinstance(public, ec.EllipticCurvePublicKey):
        raise CheckpointError(size, "only ECDSA keys sign checkpoints")
    key = CheckpointKey(origin, public)
    text = f"{origin}\n{size}\n{_text64(root)}\n"
    signature = signer.sign(text.encode(), hashes.SHA256())
    return parse_checkpoint(f"{text}\n{_DASH}{origin} {_text64(key.key_id + signature)}\n")


def parse_checkpoint(note: str) -> Checkpoint:
    """Reads a checkpoint, without trust in it. Raises CheckpointError for anything but the exact format."""
    if len(note) > NOTE_LIMIT or _FORBIDDEN.search(note):
        raise CheckpointError(None, "is too long, or holds characters that no note has")
    body, separator, signatures = note.rpartition("\n\n")
    if not separator or not signatures.endswith("\n"):
        raise CheckpointError(None, "is no signed note")
    origin, size, root = _read_body(body.split("\n"))
    lines = signatures[:-1].split("\n")
    if len(lines) > _SIGNATURE_LIMIT:
        raise CheckpointError(size, f"has more than {_SIGNATURE_LIMIT} signatures")
    return Checkpoint(origin, size, root, tuple(_read_line(line) for line in lines), f"{body}\n", note)


def _read_body(lines: list[str]) -> tuple[str, int, bytes]:
    """Extension lines, which are no part of the tree, may follow the three."""
    if len(lines) < len(("origin", "size", "root")) or not all(lines):
        raise CheckpointError(None, "has not the lines of a checkpoint")
    origin, size, root = lines[:3]
    if not _SIZE.fullmatch(size):
        raise CheckpointError(None, "its size is no decimal number")
    digest = _bytes64(root)
    if len(digest) != HASH_BYTES:
        raise CheckpointError(int(size), f"its root has not {HASH_BYTES} bytes")
    return origin, int(size), digest


def _read_line(line: str) -> Signature:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not _NAME.fullmatch(name):
        raise CheckpointError(None, "has a line that is no signature")
    blob = _bytes64(encoded)
    if len(blob) <= _KEY_ID_BYTES:
        raise CheckpointError(None, "has a signature that is too short")
    return Signature(name, blob[:_KEY_ID_BYTES], blob[_KEY_ID_BYTES:])


def _bytes64(text: str) -> bytes:
    """Standard Base64 in its one canonical form (RFC 4648, 4 and 3.5)."""
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise CheckpointError(None, "holds something that is no Base64") from error
    if _text64(decoded) != text:
        raise CheckpointError(None, "holds Base64 that is not canonical")
    return decoded


def _text64(data: bytes) -> str:
    return base64.b64encode(data).decode()
