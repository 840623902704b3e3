"""What makes a receipt believable without asking anybody: its facts under a signature, as a JWS (RFC 7515).

The payload is the facts as canonical JSON (RFC 8785), the algorithm ES256, and the key's id its RFC 7638
thumbprint, so that a set of keys can't call one key by the name of another.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, unique
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from pki.auditchain.canonical import canonical_text

SIGNATURE_BYTES = 64
KEY_ID_LENGTH = 43
"""Characters of a SHA-256 in base64url."""
_COORDINATE_BYTES = 32  # RFC 7518, 3.4 and 6.2.1.2: numbers of P-256 at their full length
_TYPE = "hoviat-receipt"
_PARTS = 3  # RFC 7515, 7.1
_LONGEST = 4_096
_MOST_KEYS = 1_000
_ES256 = ec.ECDSA(SHA256())

Keys = Mapping[str, ec.EllipticCurvePublicKey]
"""Public keys by their ids."""


class ReceiptProofError(Exception):
    """A receipt proves nothing. Base of:

    ReceiptProofError
    ├── NotSignedError         it carries no signature, as those of before there were any
    ├── ProofMalformedError    the signature, or a set of keys, can't be read
    ├── KeyUnknownError        it names a key that was not given (key_id)
    ├── SignatureForgedError   the key did not sign this
    └── FactsDifferError       what was signed is something else than what is written beside it (member)
    """


class NotSignedError(ReceiptProofError):
    """Nobody vouches for it."""

    def __init__(self) -> None:
        super().__init__("the receipt is not signed")


class ProofMalformedError(ReceiptProofError):
    """Not what a verifier writes."""


class KeyUnknownError(ReceiptProofError):
    """Signed by a key that is not among those given; `key_id` as it stands in the signature."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f"the receipt names a key that is not known: {key_id[:KEY_ID_LENGTH]!a}")
        self.key_id = key_id


class SignatureForgedError(ReceiptProofError):
    """The receipt was changed, or made by somebody else."""

    def __init__(self) -> None:
        super().__init__("the signature does not hold: the receipt was changed, or is not of this verifier")


class FactsDifferError(ReceiptProofError):
    """`member` of the receipt is not what was signed."""

    def __init__(self, member: str) -> None:
        super().__init__(f"the receipt's {member} is not what was signed")
        self.member = member


MEMBERS = ("code", "time", "site", "policy", "outcome", "failed_step", "certificate_hash")
"""What stands both under the signature and in the receipt beside it."""


@dataclass(frozen=True)
class Facts:
    """All that a signature vouches for. It names no person."""

    code: str
    time: datetime
    site_id: str
    policy: str
    outcome: str
    failed_step: int | None
    certificate_hash: str | None
    """See `hash_of_certificate`."""

    def members(self) -> dict[str, object]:
        """The same as members of a JSON object."""
        time = self.time.isoformat(timespec="seconds")
        told = (self.code, time, self.site_id, self.policy, self.outcome)
        return dict(zip(MEMBERS, (*told, self.failed_step, self.certificate_hash), strict=True))

    def signing_input(self, key_id: str) -> bytes:
        """What is signed (RFC 7515, 5.1, step 5)."""
        return _header(key_id) + b"." + _encode(canonical_text(self.members()).encode())


def hash_of_certificate(code: str, certificate_sha256: str) -> str:
    """Names the certificate to whoever has it, in this receipt alone: two receipts can't be joined by it."""
    return hashlib.sha256(f"{code}:{certificate_sha256}".encode("ascii")).hexdigest()


def raw_signature(der_signature: bytes) -> bytes:
    """R and S at their full length, as JOSE has them (RFC 7518, 3.4)."""
    return b"".join(part.to_bytes(_COORDINATE_BYTES, "big") for part in decode_dss_signature(der_signature))


def compact(facts: Facts, key_id: str, signature: bytes) -> str:
    """Facts and signature in one line: JWS Compact Serialization."""
    return joined(facts.signing_input(key_id), signature)


def joined(signing_input: bytes, signature: bytes) -> str:
    """The same where the first part is at hand."""
    return (signing_input + b"." + _encode(signature)).decode()


def verify(compact_text: str, keys: Keys) -> dict[str, object]:
    """The signed members. Raises ReceiptProofError."""
    parts = compact_text.split(".")
    if len(parts) != _PARTS or len(compact_text) > _LONGEST:
        raise ProofMalformedError("the signature is no JWS in its compact form")
    header, payload, signature = (_decode(part) for part in parts)
    key_id = str(_object(header).get("kid"))
    if parts[0].encode() != _header(key_id):
        raise ProofMalformedError("the signature's header is not that of a receipt")
    key = keys.get(key_id)
    if key is None:
        raise KeyUnknownError(key_id)
    _verify(key, signature, f"{parts[0]}.{parts[1]}".encode())
    return _object(payload)


@unique
class Proof(Enum):
    """What a kept receipt's signature says of it."""

    VALID = "valid"
    UNSIGNED = "unsigned"
    """Of before receipts were signed, or its signature was taken away: it proves nothing."""
    INVALID = "invalid"
    """Changed after it was signed."""
    UNKNOWN_KEY = "unknown_key"
    """Signed by a key that isn't here, or not yet."""


def proof_of(signed: str | None, keys: Keys) -> Proof:
    """The same as a value, for pages."""
    if signed is None:
        return Proof.UNSIGNED
    try:
        verify(signed, keys)
    except KeyUnknownError:
        return Proof.UNKNOWN_KEY
    except ReceiptProofError:
        return Proof.INVALID
    return Proof.VALID


def verify_receipt(receipt: Mapping[str, Any], keys: Keys) -> None:
    """Checks a receipt as the site gets it, every signed member with it. Raises ReceiptProofError."""
    compact_text = receipt.get("signed")
    if compact_text is None:
        raise NotSignedError
    if not isinstance(compact_text, str):
        raise ProofMalformedError("the signature is no text")
    members = verify(compact_text, keys)
    for member in MEMBERS:
        if member not in receipt or receipt[member] != members.get(member):
            raise FactsDifferError(member)


def key_id_of(key: ec.EllipticCurvePublicKey) -> str:
    """The key's thumbprint (RFC 7638, 3)."""
    text = json.dumps(_required_members(key), sort_keys=True, separators=(",", ":"))
    return _encode(hashlib.sha256(text.encode()).digest()).decode()


def jwk_set(keys: Keys) -> dict[str, object]:
    """How keys are published (RFC 7517, 5)."""
    uses = {"use": "sig", "alg": "ES256"}
    return {"keys": [_required_members(key) | uses | {"kid": key_id} for key_id, key in keys.items()]}


def read_jwk_set(document: Mapping[str, Any]) -> Keys:
    """Published keys. Raises ProofMalformedError for any that no verifier has published."""
    listed = document.get("keys")
    if not isinstance(listed, list) or len(listed) > _MOST_KEYS:
        raise ProofMalformedError("not a JWK set")
    keys = [_read_key(entry) for entry in listed]
    return {key_id_of(key): key for key in keys}


def _read_key(entry: object) -> ec.EllipticCurvePublicKey:
    if not isinstance(entry, dict) or (entry.get("kty"), entry.get("crv")) != ("EC", "P-256"):
        raise ProofMalformedError("a key is not on P-256")
    x, y = (int.from_bytes(_decode(str(entry.get(name))), "big") for name in ("x", "y"))
    try:
        key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    except ValueError as error:
        raise ProofMalformedError("a key is no point of its curve") from error
    if entry.get("kid") != key_id_of(key):
        raise ProofMalformedError("a key's id is not its thumbprint")
    return key


def _required_members(key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    numbers = key.public_numbers()
    x, y = (_encode(number.to_bytes(_COORDINATE_BYTES, "big")).decode() for number in (numbers.x, numbers.y))
    return {"crv": "P-256", "kty": "EC", "x": x, "y": y}


def _verify(key: ec.EllipticCurvePublicKey, signature: bytes, signed: bytes) -> None:
    if len(signature) != SIGNATURE_BYTES:
        raise ProofMalformedError("the signature has not 64 bytes")
    halves = signature[:_COORDINATE_BYTES], signature[_COORDINATE_BYTES:]
    try:
        key.verify(encode_dss_signature(*(int.from_bytes(half, "big") for half in halves)), signed, _ES256)
    except InvalidSignature as error:
        raise SignatureForgedError from error


@lru_cache(maxsize=64)
def _header(key_id: str) -> bytes:
    header = {"alg": "ES256", "kid": key_id, "typ": _TYPE}
    return _encode(json.dumps(header, separators=(",", ":")).encode())


def _object(data: bytes) -> dict[str, object]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ProofMalformedError("the signature holds no JSON") from error
    if not isinstance(value, dict):
        raise ProofMalformedError("the signature holds no JSON object")
    return value


def _encode(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _decode(text: str) -> bytes:
    """Base64url without padding, in its one canonical form (RFC 7515, 2)."""
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as error:
        raise ProofMalformedError("it holds something that is no base64url") from error
    if _encode(data).decode() != text:
        raise ProofMalformedError("it holds base64url that is not canonical")
    return data
