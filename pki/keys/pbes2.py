"""EncryptedPrivateKeyInfo (RFC 5958 §3) with PBES2 (RFC 8018 §6.2): scrypt and AES-256-CBC, nothing else."""

import base64
import binascii
import os
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from pki import der, oids
from pki.keys.stretching import STRETCHED_BYTES, ScryptParameters, stretch

_BLOCK_BITS = 128
_IV_BYTES = _BLOCK_BITS // 8
_PEM_BEGIN = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"  # RFC 7468 §11
_PEM_END = b"-----END ENCRYPTED PRIVATE KEY-----"
_COSTS = 3  # N, r, p
_PEM_LINE = 64  # RFC 7468 §2


class WrongKeyError(ValueError):
    """What the passphrase gives does not decrypt this file."""


@dataclass(frozen=True)
class SealedKey:
    """A private key under a passphrase."""

    parameters: ScryptParameters
    iv: bytes
    ciphertext: bytes

    def encode(self) -> bytes:
        """DER EncryptedPrivateKeyInfo."""
        cost = self.parameters
        scrypt = der.sequence(
            (der.octet_string(cost.salt), der.integer(cost.n), der.integer(cost.r), der.integer(cost.p))
        )
        derivation = der.sequence((der.object_identifier(oids.SCRYPT), scrypt))
        cipher = der.sequence((der.object_identifier(oids.AES256_CBC), der.octet_string(self.iv)))
        scheme = der.sequence((der.object_identifier(oids.PBES2), der.sequence((derivation, cipher))))
        return der.sequence((scheme, der.octet_string(self.ciphertext)))

    @classmethod
    def decode(cls, data: bytes) -> "SealedKey":
        """Raises DerError; ValueError for a cost out of bounds. Nothing is derived yet."""
        scheme, encrypted = _children(der.parse(data, der.SEQUENCE), der.SEQUENCE, der.OCTET_STRING)
        derivation, cipher = _children(_parameters(scheme, oids.PBES2), der.SEQUENCE, der.SEQUENCE)
        iv = _parameters(cipher, oids.AES256_CBC, der.OCTET_STRING).content
        if len(iv) != _IV_BYTES or not encrypted.content or len(encrypted.content) % _IV_BYTES:
            raise der.DerError("IV or ciphertext is not of whole blocks")
        return cls(_scrypt_parameters(_parameters(derivation, oids.SCRYPT)), iv, encrypted.content)

    @classmethod
    def seal(cls, key: bytes, passphrase: bytes, parameters: ScryptParameters) -> "SealedKey":
        """Encrypts DER PrivateKeyInfo under a fresh IV."""
        iv = os.urandom(_IV_BYTES)
        padder = PKCS7(_BLOCK_BITS).padder()
        encryptor = Cipher(AES256(stretch(passphrase, parameters)), CBC(iv)).encryptor()
        padded = padder.update(key) + padder.finalize()
        return cls(parameters, iv, encryptor.update(padded) + encryptor.finalize())

    def open(self, passphrase: bytes) -> bytes:
        """DER PrivateKeyInfo, whole in its outer form. Raises WrongKeyError.

        Nothing authenticates the ciphertext: damage to its first or last block looks like a wrong passphrase.
        """
        decryptor = Cipher(AES256(stretch(passphrase, self.parameters)), CBC(self.iv)).decryptor()
        padded = decryptor.update(self.ciphertext) + decryptor.finalize()
        unpadder = PKCS7(_BLOCK_BITS).unpadder()
        try:
            key = unpadder.update(padded) + unpadder.finalize()
            der.parse(key, der.SEQUENCE)
        except ValueError as error:
            raise WrongKeyError from error
        return key


def to_pem(data: bytes) -> bytes:
    """The PEM form of DER EncryptedPrivateKeyInfo (RFC 7468 §11)."""
    text = base64.b64encode(data)
    lines = [text[start : start + _PEM_LINE] for start in range(0, len(text), _PEM_LINE)]
    return b"\n".join((_PEM_BEGIN, *lines, _PEM_END, b""))


def from_pem(pem: bytes) -> bytes:
    """The DER in a PEM file that holds one encrypted key and nothing else. Raises ValueError."""
    lines = pem.strip().splitlines()
    if not lines or lines[0] != _PEM_BEGIN:
        raise ValueError("is not an encrypted PKCS#8 PEM file")
    if lines[-1] != _PEM_END:
        raise ValueError("is damaged")
    try:
        return base64.b64decode(b"".join(lines[1:-1]), validate=True)
    except binascii.Error as error:
        raise ValueError("is damaged") from error


def _children(element: der.Element, *tags: int) -> list[der.Element]:
    children = element.children()
    if [child.tag for child in children] != list(tags):
        raise der.DerError("a key file has other fields here")
    return children


def _parameters(algorithm: der.Element, oid: str, tag: int = der.SEQUENCE) -> der.Element:
    """The parameters of an AlgorithmIdentifier that must be of this algorithm."""
    identifier, parameters = _children(algorithm, der.OBJECT_IDENTIFIER, tag)
    if identifier.raw != der.object_identifier(oid):
        raise der.DerError("a key file is encrypted with scrypt and AES-256-CBC here")
    return parameters


def _scrypt_parameters(parameters: der.Element) -> ScryptParameters:
    """Scrypt-params: salt, N, r, p and an optional length of the key (RFC 7914 §7)."""
    salt, *numbers = parameters.children() or [parameters]
    cost = [number.integer() for number in numbers]
    if salt.tag != der.OCTET_STRING or len(cost) < _COSTS or cost[_COSTS:] not in ([], [STRETCHED_BYTES]):
        raise der.DerError("scrypt's parameters are not those of a 32-byte key")
    return ScryptParameters(salt.content, *cost[:_COSTS])
