"""Keys on a token: a `Signer` and a `MasterKey` whose secrets stay there."""

import hashlib
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import HashAlgorithm
from pkcs11 import Mechanism
from pkcs11.types import SignMixin

from pki.errors import KeyChangedError, MechanismUnsupportedError, TokenError
from pki.keys.masterkeys import derivation_blocks
from pki.keys.signer import SignerPublicKey, require_digest
from pki.keys.token.lane import SessionLane
from pki.keys.token.session import TokenSession

_MAX_SIGNATURE = 512  # RSA-4096
_MAC_BYTES = 16
# DigestInfo of RFC 8017 §9.2, note 1, up to the digest.
_DIGEST_INFO = {
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "sha384": bytes.fromhex("3041300d060960864801650304020205000430"),
    "sha512": bytes.fromhex("3051300d060960864801650304020305000440"),
}


class CachedHandle:
    """A key's handle, found once for each session: looking it up takes longer than signing."""

    def __init__(self, find: Callable[[TokenSession], SignMixin]) -> None:
        self._find = find
        self._found: tuple[TokenSession, SignMixin] | None = None

    def of(self, session: TokenSession) -> SignMixin:
        """The handle in this session. Raises what the search raises."""
        if self._found is None or self._found[0] is not session:
            self._found = (session, self._find(session))
        return self._found[1]


class TokenSigner:
    """A `Signer` by a private key that never leaves its token. Hashes here, signs there.

    See `Signer` for what it raises, beside KeyChangedError when another key took this one's name.
    """

    def __init__(self, lane: SessionLane, name: str, public_key: SignerPublicKey) -> None:
        self._lane = lane
        self._name = name
        self._public_key = public_key
        self._handle = CachedHandle(self._find)

    def __repr__(self) -> str:
        return f"TokenSigner({self._name})"

    @property
    def public_key(self) -> SignerPublicKey:
        """The matching public key."""
        return self._public_key

    def sign(self, message: bytes, algorithm: HashAlgorithm) -> bytes:
        """Hashes and signs `message`: DER ECDSA-Sig-Value for EC keys, PKCS#1 v1.5 for RSA."""
        return self.sign_digest(hashlib.new(algorithm.name, message).digest(), algorithm)

    def sign_digest(self, digest: bytes, algorithm: HashAlgorithm) -> bytes:
        """The same over a digest made before. Raises ValueError if it has another length."""
        require_digest(digest, algorithm)
        if isinstance(self._public_key, ec.EllipticCurvePublicKey):
            return self._sign_ecdsa(digest, (self._public_key.key_size + 7) // 8)
        prefix = _DIGEST_INFO.get(algorithm.name)
        if prefix is None:
            raise MechanismUnsupportedError(self._lane.place, f"RSA with {algorithm.name} is not used here")
        return self._raw(prefix + digest, Mechanism.RSA_PKCS)

    def _sign_ecdsa(self, digest: bytes, size: int) -> bytes:
        # Only as many bits as the order has count (FIPS 186-5 §6.4.1); some tokens refuse more.
        raw = self._raw(digest[:size], Mechanism.ECDSA)
        if len(raw) != 2 * size:
            raise TokenError(self._lane.place, "the token's signature is not r and s")
        return encode_dss_signature(int.from_bytes(raw[:size]), int.from_bytes(raw[size:]))

    def _raw(self, data: bytes, mechanism: Mechanism) -> bytes:
        return self._lane.run(
            lambda session: self._handle.of(session).sign(
                data, mechanism=mechanism, buffer_size=_MAX_SIGNATURE
            )
        )

    def _find(self, session: TokenSession) -> SignMixin:
        if session.public_key(self._name) != self._public_key:
            raise KeyChangedError(self._lane.place, f"another key has the name {self._name} now")
        return session.private_key(self._name)


class TokenMasterKey:
    """A `MasterKey` on a token, which computes each block's AES-CMAC (CKM_AES_CMAC)."""

    def __init__(self, lane: SessionLane, label: str) -> None:
        self._lane = lane
        self._label = label
        self._handle = CachedHandle(lambda session: session.secret_key(label))

    def __repr__(self) -> str:
        return f"TokenMasterKey({self._label})"

    def derive(self, label: bytes, context: bytes, length: int) -> bytes:
        """See `MasterKey.derive`."""
        blocks = derivation_blocks(label, context, length)

        def macs(session: TokenSession) -> bytes:
            key = self._handle.of(session)
            return b"".join(
                key.sign(block, mechanism=Mechanism.AES_CMAC, buffer_size=_MAC_BYTES) for block in blocks
            )

        return self._lane.run(macs)[:length]
