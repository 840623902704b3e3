"""A token as the place where an installation's keys are made and found."""

from dataclasses import replace
from operator import methodcaller

from pkcs11 import ObjectClass

from pki.errors import KeyExistsError, KeyUriError
from pki.keys.health import check_signer
from pki.keys.kinds import KeyKind
from pki.keys.masterkeys import MasterKeys
from pki.keys.pins import pin_source
from pki.keys.token.lane import SessionLane
from pki.keys.token.session import TokenSession
from pki.keys.token.signer import TokenMasterKey, TokenSigner
from pki.keys.uris import PRIVATE, Pkcs11Uri, require_key_name

_MASTER_PREFIX = "master-"


class TokenKeys:
    """A `KeyPlace` on a token, whose URI says where it is and which module speaks to it.

    Only that URI, which is a setting, names a module. A key's own URI, which comes from a database, can't
    make this process load another library or read another PIN.
    """

    def __init__(self, location: Pkcs11Uri, pin: str | None) -> None:
        if (location.object, location.type, location.id) != (None, None, None):
            raise KeyUriError("the place of keys is a token, not an object on it", "object")
        if location.token is None and location.serial is None:
            raise KeyUriError("the place of keys must say which token it is", "token")
        self._lane = SessionLane(location, pin_source(location.pin_source, pin))

    def __repr__(self) -> str:
        return f"TokenKeys({self._lane.place})"

    def create(self, name: str, kind: KeyKind) -> str:
        """See `KeyPlace.create`. The key is sensitive, not extractable, and signs only."""
        uri = self.uri_of(name)
        self._lane.run_once(lambda session: session.generate(name, kind))
        return uri

    def open(self, uri: Pkcs11Uri) -> TokenSigner:
        """See `KeyStore.open`. The key proves by a signature that the public key is its own."""
        name = self._name(uri)
        public_key = self._lane.run(lambda session: session.public_key(name))
        signer = TokenSigner(self._lane, name, public_key)
        check_signer(signer, name)
        return signer

    def delete(self, uri: Pkcs11Uri) -> bool:
        """See `KeyStore.delete`. Both halves are destroyed on the token."""
        name = self._name(uri)
        return self._lane.run(lambda session: session.destroy(name))

    def exists(self, name: str) -> bool:
        """See `KeyPlace.exists`."""
        return self._exists(ObjectClass.PRIVATE_KEY, require_key_name(name))

    def names(self) -> tuple[str, ...]:
        """See `KeyPlace.names`."""
        return self._lane.run(TokenSession.names)

    def uri_of(self, name: str) -> str:
        """See `KeyPlace.uri_of`. It holds neither module nor PIN source."""
        named = replace(self._lane.location, object=require_key_name(name), type=PRIVATE)
        return str(replace(named, module_path=None, pin_source=None))

    def create_master_keys(self, names: tuple[str, ...]) -> MasterKeys:
        """See `KeyPlace.create_master_keys`."""
        missing = [name for name in names if not self.has_master_keys((name,))]
        if not missing:
            raise KeyExistsError(_label(names[0]))
        for name in missing:
            self._lane.run_once(methodcaller("generate_secret", _label(name)))
        return self.open_master_keys(names)

    def open_master_keys(self, names: tuple[str, ...]) -> MasterKeys:
        """See `KeyPlace.open_master_keys`."""
        for name in names:
            self._lane.run(methodcaller("secret_key", _label(name)))
        return {name: TokenMasterKey(self._lane, _label(name)) for name in names}

    def has_master_keys(self, names: tuple[str, ...]) -> bool:
        """See `KeyPlace.has_master_keys`."""
        return all(self._exists(ObjectClass.SECRET_KEY, _label(name)) for name in names)

    def close(self) -> None:
        """See `KeyPlace.close`."""
        self._lane.close()

    def _exists(self, kind: ObjectClass, label: str) -> bool:
        return self._lane.run(lambda session: session.exists(kind, label))

    def _name(self, uri: Pkcs11Uri) -> str:
        """The label in a key's URI, if the rest of it is this token. Raises KeyUriError."""
        location = self._lane.location
        for attribute in ("token", "manufacturer", "serial", "model", "module_path", "pin_source"):
            if getattr(uri, attribute) not in (None, getattr(location, attribute)):
                raise KeyUriError("is not that of the place of keys", attribute.replace("_", "-"))
        if uri.id is not None or uri.type not in (None, PRIVATE) or not uri.object:
            raise KeyUriError("a private key is meant, by its name", "object")
        return uri.object


def _label(name: str) -> str:
    return _MASTER_PREFIX + require_key_name(name)
