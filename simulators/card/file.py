"""The file that is a simulated card's chip: one JSON document, written atomically, run by one process.

A file of an earlier version is migrated in memory; the card's next durable write stores the present form.

The file holds private keys and PINs in clear, as a chip does; it is readable by its owner only (0600).
"""

import fcntl
import hashlib
import json
import os
import secrets
import stat
from pathlib import Path

from simulators.card.errors import (
    CardFileCorruptError,
    CardFileExistsError,
    CardFileInUseError,
    CardFileMissingError,
)
from simulators.card.fields import FieldError, Fields
from simulators.card.migration import from_version_1
from simulators.card.state import CardState

FORMAT = "hoviat simulated card"
VERSION = 2
MAX_VERSION = 9_999
_MIGRATIONS = {1: from_version_1}  # from each version to the next
OWNER_ONLY = 0o600
MAX_FILE_LENGTH = 4 << 20  # bytes; a full card takes a tenth


def _digest(card: object) -> str:
    canonical = json.dumps(card, sort_keys=True, indent=1)
    return hashlib.sha256(canonical.encode()).hexdigest()


def encode(state: CardState) -> bytes:
    """The file's content: format, version, SHA-256 of the state's canonical JSON, the state."""
    card = state.to_json()
    document = {"format": FORMAT, "version": VERSION, "sha256": _digest(card), "card": card}
    return json.dumps(document, sort_keys=True, indent=1).encode() + b"\n"


def decode(content: bytes) -> CardState:
    """The state of a file's content; one of an earlier version is migrated.

    :raises FieldError: not a card, damaged, or of a later version
    """
    try:
        document = json.loads(content)
        digest = _digest(document["card"]) if isinstance(document, dict) and "card" in document else ""
    except (ValueError, RecursionError):
        raise FieldError("file", "is not JSON, or nested too deep") from None
    fields = Fields(document, "file")
    if fields.text("format") != FORMAT:
        raise FieldError("file.format", "is not a simulated card's")
    version = _version(fields)
    if fields.text("sha256") != digest:
        raise FieldError("file.sha256", "does not fit the content")
    state = CardState.from_json(Fields(_migrated(fields.value("card"), version), "file.card"))
    fields.end()
    return state


def _version(fields: Fields) -> int:
    version = fields.integer("version", 1, MAX_VERSION)
    if version > VERSION:
        raise FieldError("file.version", f"{version} is newer than this program, which reads up to {VERSION}")
    return version


def _migrated(card: object, version: int) -> object:
    for earlier in range(version, VERSION):
        card = _MIGRATIONS[earlier](card)
    return card


class CardFile:
    """An open card file, locked against every other process until `close`.

    The lock is an `flock` on the file itself. A commit replaces the file, so the new one is locked before it
    takes the old one's name, and whoever opens checks that the file it locked still has that name.
    """

    def __init__(self, path: Path, descriptor: int, state: CardState) -> None:
        self._path = path
        self._descriptor: int | None = descriptor
        self._state = state

    @classmethod
    def create(cls, path: Path, state: CardState) -> "CardFile":
        """Makes the file (mode 0600) and opens it.

        :raises CardFileExistsError: something is at `path` already; it is left alone
        :raises CardFileMissingError: the folder is missing or can't be written
        """
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
        try:
            descriptor = _write_locked(temporary, encode(state), os.O_EXCL)
        except OSError as error:
            raise CardFileMissingError(path, error.strerror or "can't be written") from None
        try:
            os.link(temporary, path)  # unlike a rename, refuses to replace
        except FileExistsError:
            os.close(descriptor)
            raise CardFileExistsError(path, "a file is there already") from None
        finally:
            temporary.unlink()
        _sync_folder(path.parent)
        return cls(path, descriptor, state)

    @classmethod
    def open(cls, path: Path) -> "CardFile":
        """Opens and locks the file.

        :raises CardFileMissingError: no such file, or not readable
        :raises CardFileInUseError: another process runs this card
        :raises CardFileCorruptError: not a card, damaged, or of a later version; nothing was changed
        """
        descriptor = _open_locked(path)
        try:
            state = decode(_read(descriptor, path))
        except FieldError as error:
            os.close(descriptor)
            raise CardFileCorruptError(path, f"not a usable card file: {error}") from None
        except CardFileCorruptError:
            os.close(descriptor)
            raise
        return cls(path, descriptor, state)

    @property
    def path(self) -> Path:
        """Where the card is kept."""
        return self._path

    @property
    def state(self) -> CardState:
        """The state last committed."""
        return self._state

    def commit(self, state: CardState) -> None:
        """Makes `state` durable: after this returns it survives a power cut; before, the old one does.

        :raises OSError: the disk refused; the old state stands
        :raises CardFileInUseError: this object was closed
        """
        if self._descriptor is None:
            raise CardFileInUseError(self._path, "the card file is closed")
        temporary = self._path.with_name(f".{self._path.name}.next")
        descriptor = _write_locked(temporary, encode(state), os.O_TRUNC)
        try:
            temporary.replace(self._path)
        except OSError:
            os.close(descriptor)
            raise
        os.close(self._descriptor)
        self._descriptor = descriptor
        self._state = state
        _sync_folder(self._path.parent)

    def close(self) -> None:
        """Lets the file go. Closing twice is allowed."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> "CardFile":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


def _write_locked(path: Path, content: bytes, flag: int) -> int:
    """Writes a file durably and returns its descriptor, locked."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | flag, OWNER_ONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with os.fdopen(os.dup(descriptor), "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(descriptor)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _open_locked(path: Path) -> int:
    while True:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a FIFO must not make us wait
        except OSError as error:
            raise CardFileMissingError(path, error.strerror or "can't be read") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise CardFileInUseError(path, "another process runs this card") from None
        if _is_still_named(descriptor, path):
            return descriptor
        os.close(descriptor)  # replaced between open and lock: look again


def _is_still_named(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _read(descriptor: int, path: Path) -> bytes:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise CardFileCorruptError(path, "not a regular file")
    with os.fdopen(os.dup(descriptor), "rb") as stream:
        content = stream.read(MAX_FILE_LENGTH + 1)
    if len(content) > MAX_FILE_LENGTH:
        raise CardFileCorruptError(path, f"longer than {MAX_FILE_LENGTH} bytes")
    return content
