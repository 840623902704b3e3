"""Reading a set, with no trust in it: nothing is used before the manifest's signature holds over all."""

import hashlib
import io
import os
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from simulators.installation.backup import sealing
from simulators.installation.backup.databases import ORDER
from simulators.installation.backup.errors import (
    BackupDamagedError,
    BackupLockedError,
    BackupPlaceError,
)
from simulators.installation.backup.making import DATABASES, MAGIC
from simulators.installation.backup.manifest import (
    MANIFEST_NAME,
    MOST_BYTES,
    SIGNATURE_NAME,
    Manifest,
    Part,
    parse,
)

_LONGEST_NAME = 500
_SIGNATURE_LIMIT = 256
_COPIED_AT_ONCE = 2**20
_OWNER_ONLY, _OWNER_ONLY_FOLDER = 0o600, 0o700


def unpack(source: Path, folder: Path, passphrase: bytes | None, key: str | None = None) -> Manifest:
    """Writes the parts below `folder` and returns the manifest that they are.

    `key`: the PEM that has to have signed it; None: the manifest names its own. Raises BackupError.
    """
    try:
        with source.open("rb") as file, _opened(file, passphrase) as stream:
            found = _unpacked(stream, folder)
    except OSError as error:
        raise BackupPlaceError(f"{error.filename or source}: {error.strerror}") from error
    if MANIFEST_NAME not in found.told or SIGNATURE_NAME not in found.told:
        raise BackupDamagedError("it is incomplete: it ends before its manifest")
    manifest = parse(found.told[MANIFEST_NAME], found.told[SIGNATURE_NAME], key)
    _compare(manifest.parts, found.parts)
    return manifest


@dataclass
class _Found:
    parts: dict[str, Part]
    told: dict[str, bytes]


def _opened(file: BinaryIO, passphrase: bytes | None) -> BinaryIO:
    first = file.readline(len(sealing.MAGIC))
    if first == MAGIC:
        return file
    if first != sealing.MAGIC:
        raise BackupDamagedError("it is no backup of Hoviat, or its beginning is damaged")
    if passphrase is None:
        raise BackupLockedError("this backup is encrypted; give its passphrase")
    return io.BufferedReader(sealing.SealedReader(file, passphrase), _COPIED_AT_ONCE)


def _unpacked(stream: BinaryIO, folder: Path) -> _Found:
    found = _Found({}, {})
    try:
        with tarfile.open(fileobj=stream, mode="r|") as tar:
            for entry in tar:
                _take(tar, entry, folder, found)
    except (tarfile.TarError, EOFError) as error:
        raise BackupDamagedError("it is incomplete, or altered: it can't be read to its end") from error
    return found


def _take(tar: tarfile.TarFile, entry: tarfile.TarInfo, folder: Path, found: _Found) -> None:
    content = tar.extractfile(entry) if entry.isreg() else None
    if content is None or entry.name in found.parts or entry.name in found.told:
        raise BackupDamagedError("is no part that a backup has", entry.name[:_LONGEST_NAME])
    limits = {MANIFEST_NAME: MOST_BYTES, SIGNATURE_NAME: _SIGNATURE_LIMIT}
    if entry.name in limits:
        if entry.size > limits[entry.name]:
            raise BackupDamagedError("is too long", entry.name)
        found.told[entry.name] = content.read()
        return
    if found.told:
        raise BackupDamagedError("stands behind the manifest", entry.name[:_LONGEST_NAME])
    path = folder / _checked(entry.name)
    path.parent.mkdir(mode=_OWNER_ONLY_FOLDER, parents=True, exist_ok=True)
    found.parts[entry.name] = _copy(entry, cast("BinaryIO", content), path)


def _copy(entry: tarfile.TarInfo, content: BinaryIO, path: Path) -> Part:
    digest, size = hashlib.sha256(), 0
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, _OWNER_ONLY)
    with os.fdopen(descriptor, "wb") as file:
        while octets := content.read(_COPIED_AT_ONCE):
            digest.update(octets)
            size += len(octets)
            file.write(octets)
        file.flush()
        os.fsync(file.fileno())
    return Part(entry.name, size, digest.hexdigest())


def _checked(name: str) -> PurePosixPath:
    """A name leads below the folder, and to where parts are."""
    path = PurePosixPath(name)
    plain = not path.is_absolute() and ".." not in path.parts and len(name) <= _LONGEST_NAME
    known = path.parts[:1] == ("home",) or (
        path.parts[:1] == (DATABASES,) and path.parts[1:] in {(s,) for s in ORDER}
    )
    if not (plain and known and "\0" not in name and str(path) == name):
        raise BackupDamagedError("is no part that a backup has", name[:_LONGEST_NAME])
    return path


def _compare(told: tuple[Part, ...], found: dict[str, Part]) -> None:
    for part in told:
        if part.name not in found:
            raise BackupDamagedError("is missing", part.name)
        if found[part.name] != part:
            raise BackupDamagedError("was altered", part.name)
    superfluous = found.keys() - {part.name for part in told}
    if superfluous:
        raise BackupDamagedError("is not in the manifest", min(superfluous))
