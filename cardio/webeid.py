"""Web eID authentication tokens, format 1.0, made with the authentication key of a PIV card.

Signed is `hash(origin) ‖ hash(nonce)` with the hash that the algorithm's name says; the nonce is hashed as
the text it came as. Source: Web eID system architecture document, "Authentication token format".
"""

import base64
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from cardio.errors import CardError
from cardio.piv.certificates import certificate_key
from cardio.piv.session import PivSession
from cardio.piv.slots import Algorithm, PublicKey, Slot, algorithm_of

TOKEN_FORMAT = "web-eid:1.0"  # noqa: S105 - a format's name
APP_VERSION = "https://web-eid.eu/web-eid-app/releases/2.9.0+0"
MAX_ORIGIN_CHARACTERS = 255
MIN_NONCE_CHARACTERS = 44  # 32 bytes in base64
MAX_NONCE_CHARACTERS = 128
_SCHEME = "https://"


class WebEidRequestError(CardError):
    """An origin or nonce that the Web eID specification does not allow; no PIN was used."""


@dataclass(frozen=True)
class SignatureScheme:
    """A JWS algorithm name (RFC 7518, 3.1) and its hash."""

    name: str
    hash_algorithm: hashes.HashAlgorithm


_SCHEMES = {
    Algorithm.ECC_P256: SignatureScheme("ES256", hashes.SHA256()),
    Algorithm.ECC_P384: SignatureScheme("ES384", hashes.SHA384()),
    Algorithm.RSA_2048: SignatureScheme("RS256", hashes.SHA256()),
    Algorithm.RSA_3072: SignatureScheme("RS256", hashes.SHA256()),
}


def scheme_for(public_key: PublicKey) -> SignatureScheme:
    """ES256 for P-256, ES384 for P-384, RS256 for RSA.

    :raises UnsupportedKeyError: another key
    """
    return _SCHEMES[algorithm_of(public_key)]


def signed_content(origin: str, nonce: str, hash_algorithm: hashes.HashAlgorithm) -> bytes:
    """`hash(origin) ‖ hash(nonce)`, the message that the card signs (hashing it once more)."""
    return _digest(origin, hash_algorithm) + _digest(nonce, hash_algorithm)


def _digest(text: str, hash_algorithm: hashes.HashAlgorithm) -> bytes:
    hasher = hashes.Hash(hash_algorithm)
    hasher.update(text.encode())
    return hasher.finalize()


def create_token(session: PivSession, pin: str | None, origin: str, nonce: str) -> dict[str, str]:
    """A token for the site at `origin` (scheme, host and port, no trailing slash) over its `nonce`.

    :raises WebEidRequestError: origin or nonce malformed
    :raises InvalidPinError, PinBlockedError, MalformedPinError, TransportPinError, PinEntryError: as
        `enter_pin` does; `pin` None has it typed at the reader
    :raises ObjectNotFoundError: no authentication certificate on the card
    """
    require_origin(origin)
    if not MIN_NONCE_CHARACTERS <= len(nonce) <= MAX_NONCE_CHARACTERS:
        raise WebEidRequestError(f"a nonce has {MIN_NONCE_CHARACTERS} to {MAX_NONCE_CHARACTERS} characters")
    certificate = session.read_certificate(Slot.AUTHENTICATION)
    key = certificate_key(certificate)
    scheme = scheme_for(key)
    content = signed_content(origin, nonce, scheme.hash_algorithm)
    session.enter_pin(pin)
    signature = session.sign(Slot.AUTHENTICATION, key, content, scheme.hash_algorithm)
    return {
        "unverifiedCertificate": base64.b64encode(certificate).decode(),
        "algorithm": scheme.name,
        "signature": base64.b64encode(_jws_signature(key, signature)).decode(),
        "format": TOKEN_FORMAT,
        "appVersion": APP_VERSION,
    }


def require_origin(origin: str) -> None:
    """Checks the form of an origin.

    :raises WebEidRequestError: not https://host[:port] in ASCII
    """
    host = origin.removeprefix(_SCHEME)
    malformed = not origin.startswith(_SCHEME) or not host or any(sign in host for sign in "/?#@ ")
    if malformed or not origin.isascii() or not origin.isprintable() or len(origin) > MAX_ORIGIN_CHARACTERS:
        raise WebEidRequestError("an origin is https://host[:port] in ASCII, without a slash at the end")


def _jws_signature(key: PublicKey, signature: bytes) -> bytes:
    """R‖S, each as long as the curve's order (RFC 7518, 3.4); RSA signatures as they are."""
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return signature
    width = (key.key_size + 7) // 8
    r, s = decode_dss_signature(signature)
    return r.to_bytes(width, "big") + s.to_bytes(width, "big")
