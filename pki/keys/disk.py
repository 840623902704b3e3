"""Reading and writing the small files that hold keys."""

import secrets
from pathlib import Path

from pki.durable import sync_folder, write_owner_only
from pki.errors import KeyExistsError, KeyMissingError, KeyStoreError

_TEMPORARY_SUFFIX = ".new"
_TOKEN_BYTES = 8


def read_bounded(path: Path, limit: int) -> bytes:
    """The file's bytes, at most `limit`. Raises KeyMissingError, KeyStoreError."""
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except FileNotFoundError as error:
        raise KeyMissingError(path) from error
    except OSError as error:
        raise KeyStoreError(path, f"can't be read: {error.strerror}") from error
    if len(content) > limit:
        raise KeyStoreError(path, "is too long to be a key file")
    return content


def write_new_file(path: Path, content: bytes) -> None:
    """Writes a new owner-only file, whole or not at all, on disk when this returns.

    Never overwrites one. Raises KeyExistsError, KeyStoreError.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(_TOKEN_BYTES)}{_TEMPORARY_SUFFIX}")
    try:
        try:
            write_owner_only(temporary, content)
            path.hardlink_to(temporary)  # unlike a rename, this fails where `path` is
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(path.parent)
    except FileExistsError as error:
        raise KeyExistsError(path) from error
    except OSError as error:
        raise KeyStoreError(path, f"can't be created: {error.strerror}") from error


def remove_file(path: Path) -> bool:
    """Removes a file for good; whether there was one. Raises KeyStoreError."""
    try:
        path.unlink()
        sync_folder(path.parent)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise KeyStoreError(path, f"can't be removed: {error.strerror}") from error
    return True
