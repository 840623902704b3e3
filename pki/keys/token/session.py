"""One logged-in session, and the objects that it finds and makes."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TypeAlias, cast

import pkcs11
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from pkcs11 import Attribute, KeyType, Mechanism, MechanismFlag, ObjectClass
from pkcs11.exceptions import PKCS11Error
from pkcs11.types import SignMixin

from pki import der
from pki.errors import (
    AmbiguousKeyError,
    KeyExistsError,
    KeyMissingError,
    MechanismUnsupportedError,
    TokenError,
)
from pki.keys.identifiers import key_identifier, spki_of
from pki.keys.kinds import CURVES, RSA_BITS, KeyKind
from pki.keys.masterkeys import MASTER_KEY_BYTES
from pki.keys.signer import SignerPublicKey

Handle: TypeAlias = pkcs11.PrivateKey | pkcs11.SecretKey | pkcs11.PublicKey

# CKA_EC_PARAMS is the curve's OID in DER (PKCS#11 v2.40 current mechanisms §2.3.3).
_CURVE_OIDS = {KeyKind.P256: ec.EllipticCurveOID.SECP256R1, KeyKind.P384: ec.EllipticCurveOID.SECP384R1}
_EC_PARAMETERS = {kind: der.object_identifier(oid.dotted_string) for kind, oid in _CURVE_OIDS.items()}
_STAYS = {Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False}
_SIGNS = MechanismFlag.SIGN | MechanismFlag.VERIFY
_PROBE_BITS = 64


class TokenSession:
    """A session of this process with a token. Everything here is called inside `exclusive`.

    Methods raise KeyStoreError for what is wrong with a key, python-pkcs11's errors as the token answers.
    """

    def __init__(self, raw: pkcs11.Session, place: str, pin_digest: bytes) -> None:
        self._raw = raw
        self.place = place
        self.pin_digest = pin_digest

    def __repr__(self) -> str:
        return f"TokenSession({self.place})"

    def check(self) -> None:
        """Raises at once where the session is lost: python-pkcs11 cleans up badly behind a failed search."""
        self._raw.generate_random(_PROBE_BITS)

    def private_key(self, name: str) -> SignMixin:
        """The one private key of this name. Raises KeyMissingError, AmbiguousKeyError, TokenError."""
        return self._signing(ObjectClass.PRIVATE_KEY, name)

    def secret_key(self, name: str) -> SignMixin:
        """The one secret key of this name. Raises as `private_key` does."""
        return self._signing(ObjectClass.SECRET_KEY, name)

    def public_key(self, name: str) -> SignerPublicKey:
        """The public half of a pair. Raises TokenError for what nothing here takes."""
        return self._public(self._one(ObjectClass.PUBLIC_KEY, name), name)

    def _public(self, handle: Handle, name: str) -> SignerPublicKey:
        try:
            if handle[Attribute.KEY_TYPE] == KeyType.RSA:
                modulus, exponent = (
                    int.from_bytes(handle[attribute])
                    for attribute in (Attribute.MODULUS, Attribute.PUBLIC_EXPONENT)
                )
                return rsa.RSAPublicNumbers(exponent, modulus).public_key()
            curve = _curve(handle[Attribute.EC_PARAMS])
            point = der.parse(handle[Attribute.EC_POINT], der.OCTET_STRING).content
            return ec.EllipticCurvePublicKey.from_encoded_point(curve, point)
        except ValueError as error:
            raise TokenError(self.place, f"the public key {name} is none that is used here") from error

    def exists(self, kind: ObjectClass, name: str) -> bool:
        """Whether there is an object, or several, of this class and name."""
        return bool(self._all(kind, name))

    def names(self) -> tuple[str, ...]:
        """The labels of all private keys, sorted."""
        self.check()
        found = self._raw.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY})
        return tuple(sorted(key[Attribute.LABEL] for key in list(found)))

    def generate(self, name: str, kind: KeyKind) -> None:
        """Makes a pair on the token, with `name` as label and the key identifier as CKA_ID.

        Raises KeyExistsError, MechanismUnsupportedError; then no new key stays.
        """
        if self.exists(ObjectClass.PRIVATE_KEY, name) or self.exists(ObjectClass.PUBLIC_KEY, name):
            raise KeyExistsError(name)
        public, private = self._pair(name, kind)
        with _taken_back_on_failure(private, public):
            self._require_alone(private, ObjectClass.PRIVATE_KEY, name)
            identifier = key_identifier(spki_of(self._public(public, name)))
            for handle in (private, public):
                handle[Attribute.ID] = identifier

    def generate_secret(self, name: str) -> None:
        """Makes an AES-256 key on the token that only makes MACs. Raises as `generate` does."""
        if self.exists(ObjectClass.SECRET_KEY, name):
            raise KeyExistsError(name)
        self._require(Mechanism.AES_KEY_GEN, Mechanism.AES_CMAC)
        key = self._raw.generate_key(
            KeyType.AES,
            MASTER_KEY_BYTES * 8,
            label=name,
            id=secrets.token_bytes(16),
            store=True,
            capabilities=_SIGNS,
            template=_STAYS,
        )
        with _taken_back_on_failure(key):
            self._require_alone(key, ObjectClass.SECRET_KEY, name)

    def destroy(self, name: str) -> bool:
        """Destroys the pair of this name, the private half first; whether there was one."""
        found = self._all(ObjectClass.PRIVATE_KEY, name) + self._all(ObjectClass.PUBLIC_KEY, name)
        for handle in found:
            handle.destroy()
        return bool(found)

    def _pair(self, name: str, kind: KeyKind) -> tuple[pkcs11.PublicKey, pkcs11.PrivateKey]:
        if kind in RSA_BITS:
            self._require(Mechanism.RSA_PKCS_KEY_PAIR_GEN, Mechanism.RSA_PKCS)
            return self._raw.generate_keypair(
                KeyType.RSA,
                RSA_BITS[kind],
                label=name,
                store=True,
                capabilities=_SIGNS,
                private_template=_STAYS,
            )
        self._require(Mechanism.EC_KEY_PAIR_GEN, Mechanism.ECDSA)
        curve = self._raw.create_domain_parameters(
            KeyType.EC, {Attribute.EC_PARAMS: _EC_PARAMETERS[kind]}, local=True
        )
        return curve.generate_keypair(label=name, store=True, capabilities=_SIGNS, private_template=_STAYS)

    def _require(self, *mechanisms: Mechanism) -> None:
        offered = self._raw.token.slot.get_mechanisms()
        for mechanism in mechanisms:
            if mechanism not in offered:
                raise MechanismUnsupportedError(
                    self.place, f"the token lacks the mechanism CKM_{mechanism.name}"
                )

    def _require_alone(self, made: Handle, kind: ObjectClass, name: str) -> None:
        """Refuses a new key if another process was as fast, or if the key could leave the token."""
        if not _stays(made):
            raise MechanismUnsupportedError(self.place, "the token makes keys that can be taken from it")
        if len(self._all(kind, name)) > 1:
            raise KeyExistsError(name)

    def _signing(self, kind: ObjectClass, name: str) -> SignMixin:
        handle = self._one(kind, name)
        if not _stays(handle):
            raise TokenError(self.place, f"the key {name} is not used: it can be taken from the token")
        if not isinstance(handle, SignMixin):
            raise TokenError(self.place, f"the key {name} may not sign (CKA_SIGN)")
        return handle

    def _one(self, kind: ObjectClass, name: str) -> Handle:
        found = self._all(kind, name)
        if not found:
            raise KeyMissingError(name)
        if len(found) > 1:
            raise AmbiguousKeyError(self.place, f"{len(found)} objects have the name {name}")
        return found[0]

    def _all(self, kind: ObjectClass, name: str) -> list[Handle]:
        self.check()
        found = self._raw.get_objects({Attribute.CLASS: kind, Attribute.LABEL: name})
        return cast("list[Handle]", list(found))


@contextmanager
def _taken_back_on_failure(*made: Handle) -> Iterator[None]:
    """Destroys what was made when something goes wrong, or its name would be taken by nobody's key."""
    try:
        yield
    except BaseException:
        for handle in made:
            with suppress(PKCS11Error):
                handle.destroy()
        raise


def _stays(handle: Handle) -> bool:
    return all(handle[attribute] == value for attribute, value in _STAYS.items())


def _curve(parameters: bytes) -> ec.EllipticCurve:
    for kind, known in _EC_PARAMETERS.items():
        if parameters == known:
            return CURVES[kind]
    raise ValueError("another curve")
