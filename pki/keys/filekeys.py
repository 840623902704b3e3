"""Keys in the home's keys folder, one encrypted file each."""

from collections.abc import Callable
from pathlib import Path

from pki.errors import KeyExistsError, KeyMissingError
from pki.keys.disk import remove_file
from pki.keys.files import FileSigner
from pki.keys.kinds import KeyKind
from pki.keys.masterkeys import MasterKeys, create_master_keys, load_master_keys
from pki.keys.uris import KEY_FILE_SUFFIX, FileUri, require_key_name

_MASTER_KEYS_FILE = "masterkeys.json"


class FileKeys:
    """A `KeyPlace` in a folder. `passphrase` is asked for when it is needed."""

    def __init__(self, folder: Path, passphrase: Callable[[], bytes]) -> None:
        self._folder = folder
        self._passphrase = passphrase

    def __repr__(self) -> str:
        return f"FileKeys({self._folder.name})"

    def create(self, name: str, kind: KeyKind) -> str:
        """See `KeyPlace.create`."""
        uri = self.uri_of(name)
        if self.exists(name):  # before an RSA key is made for nothing
            raise KeyExistsError(self._path(name))
        FileSigner.generate(kind).save(self._path(name), self._passphrase())
        return uri

    def open(self, uri: FileUri) -> FileSigner:
        """See `KeyPlace.open`. Raises KeyMissingError, WrongPassphraseError, else KeyStoreError."""
        return FileSigner.load(self._path(uri.name), self._passphrase())

    def delete(self, uri: FileUri) -> bool:
        """See `KeyStore.delete`."""
        return remove_file(self._path(uri.name))

    def exists(self, name: str) -> bool:
        """See `KeyPlace.exists`."""
        return self._path(require_key_name(name)).exists()

    def names(self) -> tuple[str, ...]:
        """See `KeyPlace.names`."""
        return tuple(sorted(path.stem for path in self._folder.glob(f"[!.]*{KEY_FILE_SUFFIX}")))

    def uri_of(self, name: str) -> str:
        """See `KeyPlace.uri_of`."""
        return str(FileUri(require_key_name(name)))

    def create_master_keys(self, names: tuple[str, ...]) -> MasterKeys:
        """See `KeyPlace.create_master_keys`."""
        return create_master_keys(self._master_keys, names, self._passphrase())

    def open_master_keys(self, names: tuple[str, ...]) -> MasterKeys:
        """See `KeyPlace.open_master_keys`. Raises WrongPassphraseError, KeyStoreError as `open` does."""
        keys = load_master_keys(self._master_keys, self._passphrase())
        for name in names:
            if name not in keys:
                raise KeyMissingError(name)
        return {name: keys[name] for name in names}

    def has_master_keys(self, names: tuple[str, ...]) -> bool:  # noqa: ARG002 - the file holds all or none
        """See `KeyPlace.has_master_keys`."""
        return self._master_keys.exists()

    def close(self) -> None:
        """Nothing is held open."""

    @property
    def _master_keys(self) -> Path:
        return self._folder / _MASTER_KEYS_FILE

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}{KEY_FILE_SUFFIX}"
