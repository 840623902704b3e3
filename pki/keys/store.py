"""The keys of one installation: made where its settings say, opened by URI wherever they are."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from pki.errors import KeyUriError
from pki.keys.filekeys import FileKeys
from pki.keys.health import check_signer
from pki.keys.kinds import KeyKind
from pki.keys.masterkeys import MasterKeys
from pki.keys.signer import Signer
from pki.keys.token.place import TokenKeys
from pki.keys.uris import FILE_SCHEME, FileUri, parse_key_uri

DEFAULT_LOCATION = FILE_SCHEME
"""New keys go to files of the home's keys folder."""


class KeyPlace(Protocol):
    """A folder or a token in which keys are made and found by name."""

    def create(self, name: str, kind: KeyKind) -> str:
        """Makes a key and returns its URI. Raises KeyExistsError, KeyUriError for no name, KeyStoreError."""
        ...

    def exists(self, name: str) -> bool:
        """Whether `create` would find a key of this name."""
        ...

    def names(self) -> tuple[str, ...]:
        """The names of all keys here, sorted."""
        ...

    def uri_of(self, name: str) -> str:
        """The URI of a key of this name, whether it exists or not. Raises KeyUriError for no name."""
        ...

    def create_master_keys(self, names: tuple[str, ...]) -> MasterKeys:
        """Makes those that are not there. Raises KeyExistsError when there is nothing to make."""
        ...

    def open_master_keys(self, names: tuple[str, ...]) -> MasterKeys:
        """The master keys of these names. Raises KeyMissingError, KeyStoreError."""
        ...

    def has_master_keys(self, names: tuple[str, ...]) -> bool:
        """Whether all of these are there."""
        ...

    def close(self) -> None:
        """Gives sessions back. What was opened must not be used afterwards."""
        ...


class KeyStore:
    """Keys by URI. Everything here raises KeyStoreError; see its tree in `pki.errors`."""

    def __init__(self, files: FileKeys, token: TokenKeys | None) -> None:
        self._files = files
        self._token = token
        self._new_keys: KeyPlace = token or files

    @classmethod
    def from_settings(
        cls,
        keys_folder: Path,
        location: str,
        passphrase: Callable[[], bytes],
        pin: str | None = None,
    ) -> "KeyStore":
        """The store that an installation's settings describe.

        :param location: `file:`, or a token as `pkcs11:token=…?module-path=…&pin-source=file:…`; there an
            object is never named, each key's name is added
        :param passphrase: asked only when a key file is opened or made
        :param pin: the token's PIN where the environment gives it; otherwise `pin-source` is read
        """
        files = FileKeys(keys_folder, passphrase)
        if location == DEFAULT_LOCATION:
            return cls(files, None)
        uri = parse_key_uri(location)
        if isinstance(uri, FileUri):
            raise KeyUriError("the place of keys is file: without a name, or a pkcs11: token")
        return cls(files, TokenKeys(uri, pin))

    def create(self, name: str, kind: KeyKind) -> str:
        """Makes a key and returns its URI. Raises KeyExistsError; KeyUriError for what is no name."""
        return self._new_keys.create(name, kind)

    def open(self, uri: str) -> Signer:
        """The key at this URI. Raises KeyMissingError, WrongPassphraseError, TokenError…"""
        parsed = parse_key_uri(uri)
        if isinstance(parsed, FileUri):
            return self._files.open(parsed)
        if self._token is None:
            raise KeyUriError("no token is set as the place of keys, so none is known")
        return self._token.open(parsed)

    def delete(self, uri: str) -> bool:
        """Destroys the key at this URI for good; whether there was one. Whoever calls knows why."""
        parsed = parse_key_uri(uri)
        if isinstance(parsed, FileUri):
            return self._files.delete(parsed)
        if self._token is None:
            raise KeyUriError("no token is set as the place of keys, so none is known")
        return self._token.delete(parsed)

    def exists(self, name: str) -> bool:
        """Whether there is a key of this name where new ones are made."""
        return self._new_keys.exists(name)

    def names(self) -> tuple[str, ...]:
        """The names of all keys where new ones are made, sorted."""
        return self._new_keys.names()

    def uri_of(self, name: str) -> str:
        """The URI that `create` gives a key of this name."""
        return self._new_keys.uri_of(name)

    def create_master_keys(self, names: tuple[str, ...]) -> MasterKeys:
        """Makes those that are not there yet. Raises KeyExistsError when there is nothing to make."""
        return self._new_keys.create_master_keys(names)

    def open_master_keys(self, names: tuple[str, ...]) -> MasterKeys:
        """The master keys of these names. Raises KeyMissingError."""
        return self._new_keys.open_master_keys(names)

    def has_master_keys(self, names: tuple[str, ...]) -> bool:
        """Whether all of these are there."""
        return self._new_keys.has_master_keys(names)

    def health(self, uri: str) -> None:
        """Opens the key, signs, verifies. Raises KeyCheckError, and what `open` and `sign` raise."""
        check_signer(self.open(uri), uri)

    def close(self) -> None:
        """Gives sessions back. What was opened must not be used afterwards."""
        self._new_keys.close()
