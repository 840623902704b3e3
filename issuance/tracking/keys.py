"""The keys that sign slips: a generation each in the installation's key store, opened when first needed."""

import threading
from functools import cached_property

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from issuance.tracking.errors import SlipMalformedError
from issuance.tracking.slips import Slip, SlipKeySet, key_id_of, sign
from pki.keys.generations import open_generations
from pki.keys.kinds import KeyKind
from pki.keys.signer import Signer
from pki.keys.store import KeyStore

KEY_NAME = "slip"
_LONGEST_PEM = 65_536


class SlipKeys:
    """Signs by the newest key; what older ones signed goes on to be believed. Raises KeyStoreError."""

    def __init__(self, store: KeyStore) -> None:
        self._store = store
        self._lock = threading.Lock()

    @property
    def public(self) -> SlipKeySet:
        """The newest first."""
        keys = [signer.public_key for signer in self._opened]
        return {key_id_of(key): key for key in keys if isinstance(key, ec.EllipticCurvePublicKey)}

    def sign(self, slip: Slip) -> str:
        """The slip's text."""
        return sign(slip, self._opened[0])

    def sign_document(self, content: bytes) -> bytes:
        """An ECDSA signature (DER, SHA-256) over a JSON document, which no slip is."""
        return self._opened[0].sign(content, SHA256())

    @property
    def _opened(self) -> tuple[Signer, ...]:
        with self._lock:
            return self._newest_first

    @cached_property
    def _newest_first(self) -> tuple[Signer, ...]:
        generations = open_generations(self._store, KEY_NAME, KeyKind.P256)
        return tuple(generations[number] for number in sorted(generations, reverse=True))


def as_pem(keys: SlipKeySet) -> str:
    """How keys are published: one after another in PEM."""
    form = Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    return "".join(key.public_bytes(*form).decode() for key in keys.values())


def read_pem(text: bytes) -> SlipKeySet:
    """Published keys. Raises SlipMalformedError for anything else."""
    end = b"-----END PUBLIC KEY-----"
    blocks = [block + end for block in text.split(end)[:-1]]
    if not blocks or len(text) > _LONGEST_PEM:
        raise SlipMalformedError("no public keys in PEM")
    try:
        keys = [load_pem_public_key(block.strip()) for block in blocks]
    except ValueError as error:
        raise SlipMalformedError("a key can't be read") from error
    if not all(isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == "secp256r1" for key in keys):
        raise SlipMalformedError("a key is not on P-256")
    return {key_id_of(key): key for key in keys if isinstance(key, ec.EllipticCurvePublicKey)}
