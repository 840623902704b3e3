"""The one place where certificates are signed, and only after the very bytes have passed lint."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import HashAlgorithm

from pki.errors import KeyCheckError
from pki.keys.algorithms import sign_structure
from pki.keys.signer import Signer, SignerPublicKey
from pki.lint import Expectation, lint


class LintingSigner:
    """A `Signer` that refuses bytes which are not the certificate that was meant."""

    def __init__(self, signer: Signer, expected: Expectation) -> None:
        self._signer = signer
        self._expected = expected

    @property
    def public_key(self) -> SignerPublicKey:
        """The CA's public key."""
        return self._signer.public_key

    def sign(self, message: bytes, algorithm: HashAlgorithm) -> bytes:
        """Lints, signs, checks the signature: no fault may let a bad one out.

        Raises LintError, KeyCheckError, and what the key raises.
        """
        lint(message, self._expected)
        signature = self._signer.sign(message, algorithm)
        try:
            verify_signature(self.public_key, signature, message, algorithm)
        except InvalidSignature as error:
            raise KeyCheckError(self._expected.issuer.name) from error
        return signature


def verify_signature(
    key: SignerPublicKey, signature: bytes, message: bytes, algorithm: HashAlgorithm
) -> None:
    """Raises cryptography's InvalidSignature."""
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, message, padding.PKCS1v15(), algorithm)
    else:
        key.verify(signature, message, ec.ECDSA(algorithm))


def sign_certificate(tbs: bytes, signer: Signer, expected: Expectation) -> bytes:
    """A DER certificate from recorded bytes. Raises LintError; then nothing was signed."""
    return sign_structure(LintingSigner(signer, expected), tbs)
