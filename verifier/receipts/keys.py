"""The keys that sign receipts: the verifier's own, in the installation's key store, a generation each."""

import re
from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from pki.errors import KeyExistsError, KeyStoreError
from pki.keys.kinds import KeyKind, kind_of
from pki.keys.signer import Signer
from pki.keys.store import KeyStore
from verifier.receipts.proof import Facts, Keys, joined, key_id_of, raw_signature

_NAME = re.compile(r"receipt-g([1-9][0-9]{0,2})", re.ASCII)
_HASH = SHA256()


class ReceiptKeys:
    """Signs by one key; what older ones signed, and newer ones will, is believed, too."""

    def __init__(self, signers: Mapping[int, Signer], signing: int | None = None) -> None:
        """`signers` by generation, one at least; `signing` is one of them, None the newest.

        Raises KeyStoreError for a key that is not on P-256.
        """
        public = {generation: _public_key(generation, signer) for generation, signer in signers.items()}
        newest_first = sorted(public, reverse=True)
        by = newest_first[0] if signing is None else signing
        self._signer = signers[by]
        self.generations = frozenset(signers)
        self.public: Keys = {key_id_of(public[generation]): public[generation] for generation in newest_first}
        """The newest first."""
        self.key_id = key_id_of(public[by])
        """Of the key that signs now."""

    def sign(self, facts: Facts) -> tuple[bytes, str]:
        """64 bytes by the key `key_id`, and the JWS that they end. Raises KeyStoreError: a token is away."""
        text = facts.signing_input(self.key_id)
        signature = raw_signature(self._signer.sign(text, _HASH))
        return signature, joined(text, signature)

    @property
    def current(self) -> "ReceiptKeys":
        """These: they don't change (`ring.ReceiptKeyRing`'s do)."""
        return self


def open_receipt_keys(store: KeyStore) -> ReceiptKeys:
    """Every generation; makes the first where there is none. Raises KeyStoreError."""
    return ReceiptKeys(open_signers(store))


def open_signers(store: KeyStore) -> dict[int, Signer]:
    """By generation; makes the first where there is none. Raises KeyStoreError."""
    if not _generations(store):
        _create(store, 1)
    return {generation: store.open(uri) for generation, uri in _generations(store).items()}


def next_generation(store: KeyStore) -> int:
    """The one that there is no key for yet. Raises KeyStoreError."""
    return max(_generations(store), default=0) + 1


def make_key(store: KeyStore, generation: int) -> None:
    """Raises KeyStoreError."""
    store.create(key_name(generation), KeyKind.P256)


def _create(store: KeyStore, generation: int) -> None:
    try:
        store.create(key_name(generation), KeyKind.P256)
    except KeyExistsError:  # another process of this installation was first
        return


def _generations(store: KeyStore) -> dict[int, str]:
    """URIs by generation."""
    found = ((_NAME.fullmatch(name), name) for name in store.names())
    return {int(match[1]): store.uri_of(name) for match, name in found if match}


def key_name(generation: int) -> str:
    """In the key store."""
    return f"receipt-g{generation}"


def _public_key(generation: int, signer: Signer) -> ec.EllipticCurvePublicKey:
    key = signer.public_key
    if not isinstance(key, ec.EllipticCurvePublicKey) or kind_of(key) is not KeyKind.P256:
        raise KeyStoreError(key_name(generation), "receipts are signed by keys on P-256")
    return key
