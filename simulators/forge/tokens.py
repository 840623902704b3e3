"""Web eID tokens, 1.0 and 1.1, from keys in memory."""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Unpack

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from simulators.forge.certificates import (
    Authority,
    CardChanges,
    CardSpec,
    PrivateKey,
    changed,
    issue_card,
    make_authority,
)

ORIGIN = "https://portal.example.ir"
NONCE = base64.b64encode(bytes(range(32))).decode("ascii")
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "256": hashes.SHA256(),
    "384": hashes.SHA384(),
    "512": hashes.SHA512(),
}
Token = dict[str, object]


def message(algorithm: str, origin: str, nonce: str) -> bytes:
    """hash(origin) ‖ hash(nonce), written here apart from the verifier's own."""
    parts = (hashlib.new("sha" + algorithm[2:], text.encode()).digest() for text in (origin, nonce))
    return b"".join(parts)


def sign(key: PrivateKey, algorithm: str, data: bytes) -> bytes:
    """What a card answers: R ‖ S for EC keys, the plain signature for RSA."""
    hash_algorithm = _HASHES[algorithm[2:]]
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return raw_ecdsa(key, key.sign(data, ec.ECDSA(hash_algorithm)))
    if algorithm.startswith("PS"):
        pss = padding.PSS(padding.MGF1(hash_algorithm), hash_algorithm.digest_size)
        return key.sign(data, pss, hash_algorithm)
    return key.sign(data, padding.PKCS1v15(), hash_algorithm)


def raw_ecdsa(key: ec.EllipticCurvePrivateKey, signature: bytes) -> bytes:
    """A DER signature as R ‖ S, each as long as the curve's order."""
    size = (key.curve.key_size + 7) // 8
    return b"".join(number.to_bytes(size, "big") for number in decode_dss_signature(signature))


def make_token(der: bytes, signature: bytes, algorithm: str = "ES256") -> Token:
    """A token's members."""
    return {
        "unverifiedCertificate": _text(der),
        "algorithm": algorithm,
        "signature": _text(signature),
        "format": "web-eid:1.0",
        "appVersion": "https://web-eid.eu/web-eid-app/releases/2.9.0+0",
    }


def signing_entry(der: bytes, intermediates: Sequence[bytes] = ()) -> Token:
    """One of a version 1.1 token's unverifiedSigningCertificates."""
    entry: Token = {
        "certificate": _text(der),
        "supportedSignatureAlgorithms": [
            {"cryptoAlgorithm": "ECC", "hashFunction": "SHA-384", "paddingScheme": "NONE"}
        ],
    }
    return (
        {**entry, "intermediateCertificates": [_text(item) for item in intermediates]}
        if intermediates
        else entry
    )


def with_hints(token: Token, signing: Sequence[Token] = (), intermediates: Sequence[bytes] = ()) -> Token:
    """The token as version 1.1, with what only that has; the signature stays, for it covers none of it."""
    hinted: Token = {**token, "format": "web-eid:1.1"}
    if signing:
        hinted["unverifiedSigningCertificates"] = list(signing)
    if intermediates:
        hinted["unverifiedIntermediateCertificates"] = [_text(item) for item in intermediates]
    return hinted


def _text(der: bytes) -> str:
    return base64.b64encode(der).decode("ascii")


@dataclass(frozen=True)
class ForgedCard:
    """A key and its certificate."""

    key: PrivateKey = field(repr=False)
    der: bytes = field(repr=False)

    def token(self, nonce: str = NONCE, origin: str = ORIGIN, algorithm: str = "ES256") -> Token:
        """A token over this origin and nonce."""
        return make_token(self.der, sign(self.key, algorithm, message(algorithm, origin, nonce)), algorithm)

    def text(self, nonce: str = NONCE, origin: str = ORIGIN, algorithm: str = "ES256") -> str:
        """The same as JSON."""
        return json.dumps(self.token(nonce, origin, algorithm))


@dataclass(frozen=True)
class Forge:
    """A root, an issuing authority, and the key and certificate of one good card."""

    root: Authority
    authority: Authority
    spec: CardSpec

    @classmethod
    def create(cls) -> "Forge":
        """Fresh P-256 keys throughout."""
        root = make_authority("Root", path_length=None)
        return cls(
            root, make_authority("Citizen CA", root), CardSpec(ec.generate_private_key(ec.SECP256R1()))
        )

    def card(self, issuer: Authority | None = None, **changes: Unpack[CardChanges]) -> ForgedCard:
        """A card that differs from the good one in what is given."""
        spec = changed(self.spec, changes)
        return ForgedCard(spec.key, issue_card(issuer or self.authority, spec))
