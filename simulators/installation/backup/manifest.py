"""What a set says of itself: its parts, where the audit chains ended, and who signed it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from pki.auditchain import Head
from pki.auditchain.canonical import canonical_text
from pki.keys.signer import Signer
from simulators.installation.backup.errors import BackupDamagedError

FORMAT = 1
MANIFEST_NAME, SIGNATURE_NAME = "manifest.json", "manifest.sig"
MOST_BYTES = 64 * 2**20
"""Of a manifest: a home with half a million CRL files."""
_PURPOSE = b"hoviat backup manifest\n"
"""The key signs checkpoints, too: no manifest is one."""


@dataclass(frozen=True)
class Part:
    """One file of the set."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What was set down when the set was made."""

    made_at: str
    """ISO 8601, UTC."""
    origin: str
    """The audit log's name."""
    public_key: str
    """PEM, of what signed it: who has noted the home's checkpoint key elsewhere compares."""
    databases: Mapping[str, str]
    """`sqlite` or `postgresql`, by service."""
    heads: Mapping[str, Mapping[str, str | int]]
    """Where each audit chain ended in its snapshot: `sequence` and `hash`, by service."""
    with_secrets: bool
    """Whether HOME/secrets is in it: only under a passphrase."""
    parts: tuple[Part, ...]

    def encode(self) -> bytes:
        """As it is signed."""
        return canonical_text({"format": FORMAT, **_plain(self)}).encode()

    @property
    def time(self) -> datetime:
        """When it was made."""
        return datetime.fromisoformat(self.made_at)

    def head(self, service: str) -> Head:
        """Where the service's chain ended."""
        told = self.heads[service]
        return Head(int(told["sequence"]), str(told["hash"]))


def sign(manifest: Manifest, signer: Signer) -> bytes:
    """The signature, ECDSA with SHA-256."""
    return signer.sign(_PURPOSE + manifest.encode(), SHA256())


def public_pem(signer: Signer) -> str:
    """The signer's public half."""
    return signer.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def parse(content: bytes, signature: bytes, expected_key: str | None) -> Manifest:
    """Reads a manifest that its own key signed, and that is `expected_key` (PEM) if one is given.

    Raises BackupDamagedError.
    """
    try:
        data = json.loads(content)
        if data.pop("format") != FORMAT:
            raise BackupDamagedError("is of a format that this version does not know", MANIFEST_NAME)
        parts = tuple(
            Part(str(each["name"]), int(each["size"]), str(each["sha256"])) for each in data.pop("parts")
        )
        manifest = Manifest(**data, parts=parts)
        key = load_pem_public_key(manifest.public_key.encode())
        _ = manifest.time, [manifest.head(service) for service in manifest.databases]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BackupDamagedError("is damaged", MANIFEST_NAME) from error
    if expected_key is not None and load_pem_public_key(expected_key.encode()) != key:
        raise BackupDamagedError("is signed by another key than the one given", MANIFEST_NAME)
    if not isinstance(key, ec.EllipticCurvePublicKey) or manifest.encode() != content:
        raise BackupDamagedError("is damaged", MANIFEST_NAME)
    try:
        key.verify(signature, _PURPOSE + content, ec.ECDSA(SHA256()))
    except InvalidSignature:
        raise BackupDamagedError("was altered: its signature does not hold", MANIFEST_NAME) from None
    return manifest


def _plain(manifest: Manifest) -> dict[str, object]:
    return {**asdict(manifest), "parts": [asdict(part) for part in manifest.parts]}
