"""The one place where certificates are signed, and only after the very bytes have passed lint."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias, TypeVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import HashAlgorithm

from pki.errors import KeyCheckError, PkiError
from pki.keys.algorithms import SignatureAlgorithm, algorithm_for, ecdsa, signed_structure
from pki.keys.signer import Signer, SignerPublicKey
from pki.lint import Expectation, lint

Signed: TypeAlias = bytes | PkiError
"""A certificate's DER, or why it was not signed."""


class Linted(NamedTuple):
    """Bytes that passed lint, and the key that is to sign just these. `linted` alone makes one."""

    tbs: bytes
    signer: Signer
    issuer: str

    def sign(self) -> "Unchecked":
        """Raises what the key raises."""
        key = self.signer.public_key
        algorithm = algorithm_for(key)
        return Unchecked(self.tbs, self.signer.sign(self.tbs, algorithm.hash), algorithm, key, self.issuer)


class Unchecked(NamedTuple):
    """Signed bytes with a signature that nobody has looked at yet: no certificate so far."""

    tbs: bytes
    signature: bytes
    algorithm: SignatureAlgorithm
    key: SignerPublicKey
    issuer: str

    def certificate(self) -> bytes:
        """The DER certificate. Raises KeyCheckError: no fault may let a bad signature out."""
        try:
            verify_signature(self.key, self.signature, self.tbs, self.algorithm.hash)
        except InvalidSignature as error:
            raise KeyCheckError(self.issuer) from error
        return signed_structure(self.tbs, self.algorithm, self.signature)


_Before = TypeVar("_Before", Linted, Unchecked)
_After = TypeVar("_After")


def linted(tbs: bytes, signer: Signer, expected: Expectation) -> Linted:
    """Lints the bytes that `signer` is to sign. Raises LintError."""
    lint(tbs, expected)
    return Linted(tbs, signer, expected.issuer.name)


def sign_all(candidates: Sequence[Linted | PkiError]) -> list[Signed]:
    """Signs each, then checks each signature; errors keep their places.

    Done in turns, linting, signing and verifying would drive each other's code and tables out of the
    processor's caches: a tenth of the time.
    """
    return _each(_each(candidates, Linted.sign), Unchecked.certificate)


def _each(items: Sequence[_Before | PkiError], step: Callable[[_Before], _After]) -> list[_After | PkiError]:
    """A CA's key that fails is not asked again: what follows it gets the same error."""
    failed: dict[str, PkiError] = {}
    results: list[_After | PkiError] = []
    for item in items:
        if isinstance(item, PkiError) or item.issuer in failed:
            results.append(item if isinstance(item, PkiError) else failed[item.issuer])
            continue
        try:
            results.append(step(item))
        except PkiError as error:
            failed[item.issuer] = error
            results.append(error)
    return results


def verify_signature(
    key: SignerPublicKey, signature: bytes, message: bytes, algorithm: HashAlgorithm
) -> None:
    """Raises cryptography's InvalidSignature."""
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, message, padding.PKCS1v15(), algorithm)
    else:
        key.verify(signature, message, ecdsa(algorithm))
