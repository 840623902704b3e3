"""A card's key as a signer: the same shape as a key in a file or an HSM."""

from cryptography.hazmat.primitives.hashes import HashAlgorithm

from cardio.piv.session import PivSession
from cardio.piv.slots import PublicKey, Slot


class PivSigner:
    """One slot of an open session; `pin` is given before each signature, None leaves that to the caller."""

    def __init__(
        self, session: PivSession, slot: Slot, public_key: PublicKey, pin: str | None = None
    ) -> None:
        self._pin = pin
        self._session = session
        self._slot = slot
        self._public_key = public_key

    @property
    def public_key(self) -> PublicKey:
        """The matching public key."""
        return self._public_key

    def sign(self, message: bytes, algorithm: HashAlgorithm) -> bytes:
        """Hashes and signs: DER ECDSA-Sig-Value for EC keys, PKCS#1 v1.5 for RSA. See `PivSession.sign`."""
        if self._pin is None:
            return self._session.sign(self._slot, self._public_key, message, algorithm)
        return self._session.sign_with_pin(self._pin, self._slot, self._public_key, message, algorithm)
