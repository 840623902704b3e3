"""The slip that a citizen carries until the card comes: a few facts, signed (ES256), verified off line.

    text      = "HS1:" ‖ base45(facts ‖ signature)
    facts     = version (1) ‖ key id (4) ‖ tracking code (7) ‖ last four digits of the national code (2)
                ‖ kind (1) ‖ printed at, seconds since 1970 (4) ‖ good until, days since 1970, inclusive (2)
    signature = r ‖ s (64) of P-256 with SHA-256 over the label and the facts

21 octets of facts, 132 characters in all: a QR code of version 6. The last four digits tie the slip to who
shows a document with the code; they tell nobody the code.
"""

import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import NewType

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from issuance.enrolment.kinds import ApplicationKind
from issuance.tracking import base45
from issuance.tracking.codes import TrackingCodeError, packed, unpacked
from issuance.tracking.errors import SlipExpiredError, SlipForgedError, SlipKeyError, SlipMalformedError
from pki.keys.signer import MessageSigner

PREFIX = "HS1:"
_VERSION = 1
_LABEL = b"hoviat slip v1\0"
_FACTS = struct.Struct(">B4s7sHBIH")
_KEY_ID_BYTES, _CODE_BYTES, _COORDINATE = 4, 7, 32
_SIGNATURE = 2 * _COORDINATE
_ENDING = 10_000
_EPOCH = date(1970, 1, 1)
_LONGEST = 200
_HASH = SHA256()
_KINDS = tuple(ApplicationKind)
"""By number: new kinds come at the end."""

KeyId = NewType("KeyId", bytes)
SlipKeySet = Mapping[KeyId, ec.EllipticCurvePublicKey]


@dataclass(frozen=True)
class Slip:
    """What a slip says."""

    tracking_code: str
    code_ending: str = field(repr=False)
    """The last four digits of the applicant's national code."""
    kind: ApplicationKind
    printed_at: datetime
    """To the second."""
    good_until: date
    """The last day, UTC."""


def key_id_of(key: ec.EllipticCurvePublicKey) -> KeyId:
    """The first four octets of the SHA-256 of the key's SubjectPublicKeyInfo: a hint, no proof."""
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return KeyId(hashlib.sha256(spki).digest()[:_KEY_ID_BYTES])


def sign(slip: Slip, signer: MessageSigner) -> str:
    """The slip's text. Raises KeyStoreError, and TypeError for a key that is not on P-256."""
    key = signer.public_key
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise TypeError("slips are signed by keys on P-256")
    facts = _packed(slip, key_id_of(key))
    halves = decode_dss_signature(signer.sign(_LABEL + facts, _HASH))
    return PREFIX + base45.encode(facts + b"".join(half.to_bytes(_COORDINATE, "big") for half in halves))


def verify(text: str, keys: SlipKeySet, at: datetime) -> Slip:
    """What the slip says, if one of the keys signed it and it is still good. Raises a SlipError."""
    data = _octets(text)
    facts, signature = data[: _FACTS.size], data[_FACTS.size :]
    version, key_id, *_ = _FACTS.unpack(facts)
    if version != _VERSION:
        raise SlipMalformedError(f"version {version} is not known")
    key = keys.get(KeyId(key_id))
    if key is None:
        raise SlipKeyError(key_id.hex())
    halves = (int.from_bytes(half, "big") for half in (signature[:_COORDINATE], signature[_COORDINATE:]))
    try:
        key.verify(encode_dss_signature(*halves), _LABEL + facts, ec.ECDSA(_HASH))
    except InvalidSignature as error:
        raise SlipForgedError from error
    slip = _unpacked(facts)
    end = datetime.combine(slip.good_until + timedelta(days=1), time(), UTC)
    if at >= end:
        raise SlipExpiredError(end)
    return slip


def _packed(slip: Slip, key_id: KeyId) -> bytes:
    return _FACTS.pack(
        _VERSION,
        key_id,
        packed(slip.tracking_code).to_bytes(_CODE_BYTES, "big"),
        int(slip.code_ending),
        _KINDS.index(slip.kind),
        int(slip.printed_at.timestamp()),
        (slip.good_until - _EPOCH).days,
    )


def _unpacked(facts: bytes) -> Slip:
    """Raises SlipMalformedError for facts that no registry signs."""
    _, _, code, ending, kind, printed, until = _FACTS.unpack(facts)
    try:
        tracking_code = unpacked(int.from_bytes(code, "big"))
    except TrackingCodeError as error:
        raise SlipMalformedError("its tracking code is none") from error
    if ending >= _ENDING or kind >= len(_KINDS):
        raise SlipMalformedError("a number in it is too large")
    return Slip(
        tracking_code,
        f"{ending:04d}",
        _KINDS[kind],
        datetime.fromtimestamp(printed, UTC),
        _EPOCH + timedelta(days=until),
    )


def _octets(text: str) -> bytes:
    if len(text) > _LONGEST or not text.startswith(PREFIX):
        raise SlipMalformedError(f"it does not begin with {PREFIX}, or is too long")
    try:
        data = base45.decode(text.removeprefix(PREFIX))
    except ValueError as error:
        raise SlipMalformedError("it is not base45") from error
    if len(data) != _FACTS.size + _SIGNATURE:
        raise SlipMalformedError("it has the wrong length")
    return data
