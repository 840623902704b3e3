"""The folder of published CRLs: `NAME/NUMBER.crl`, whole or not there, never changed, never removed.

A file is written under `incoming/`, gets its final name beside that one, and loses the first only after
the database made it current. So whatever a crash leaves has a name under `incoming/` that says what it is.
"""

import contextlib
import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pki.durable import sync_folder

CHUNK_BYTES = 1 << 20
_INCOMING = "incoming"
_SUFFIX = ".crl"
_ENTRIES_SUFFIX = ".entries"
_TOKEN_BYTES = 8
_DRAFT = re.compile(r"(?P<name>[a-z0-9-]+)\.(?P<number>[0-9]+)\.[0-9a-f]+\.(?:crl|entries)", re.ASCII)
_NUMBERED = re.compile(r"(?P<number>[0-9]{1,19})\.crl", re.ASCII)
_PUBLIC_FILE = 0o644
_KNOWN_FILES = 50_000


@dataclass(frozen=True)
class FileFacts:
    """What the database keeps of a CRL's file."""

    size: int
    sha256: bytes


@dataclass(frozen=True)
class Leftover:
    """A file under `incoming/`, and the CRL that it was to become."""

    path: Path
    name: str
    number: int


class Draft:
    """One CRL in the making: a file for its entries, and one for the whole."""

    def __init__(self, incoming: Path, name: str, number: int) -> None:
        stem = f"{name}.{number}.{secrets.token_hex(_TOKEN_BYTES)}"
        self.entries = incoming / (stem + _ENTRIES_SUFFIX)
        self.whole = incoming / (stem + _SUFFIX)
        self.kept = False

    def discard(self) -> None:
        """Removes what there is of it under `incoming/`."""
        self.entries.unlink(missing_ok=True)
        self.whole.unlink(missing_ok=True)


class CrlFolder:
    """Where CRLs are kept. All replicas of a service share it. Methods raise OSError."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._checked: dict[Path, tuple[int, int, int]] = {}

    def path(self, name: str, number: int) -> Path:
        """The final place of a CRL."""
        return self.root / name / f"{number}{_SUFFIX}"

    def highest(self, name: str) -> int:
        """The highest number of this name that was ever published here; 0: none was."""
        try:
            with os.scandir(self.root / name) as files:
                found = (_NUMBERED.fullmatch(file.name) for file in files)
                return max((int(match["number"]) for match in found if match), default=0)
        except FileNotFoundError:
            return 0

    @contextlib.contextmanager
    def draft(self, name: str, number: int) -> Iterator[Draft]:
        """Place for a CRL in the making.

        Nothing of it stays under `incoming/`, unless the process is killed, or making it current failed:
        only the database can say later whether it did.
        """
        incoming = self.root / _INCOMING
        incoming.mkdir(parents=True, exist_ok=True)
        draft = Draft(incoming, name, number)
        try:
            yield draft
        except BaseException:
            if not draft.kept:
                draft.discard()
            raise
        draft.discard()

    def keep(self, draft: Draft, name: str, number: int) -> Path:
        """Gives a finished file its final name. Raises FileExistsError rather than replace another."""
        final = self.path(name, number)
        final.parent.mkdir(parents=True, exist_ok=True)
        final.hardlink_to(draft.whole)  # unlike a rename, this fails where `final` is
        draft.kept = True
        sync_folder(final.parent)
        return final

    def leftovers(self) -> list[Leftover]:
        """What publications left that were cut off, and those that are under way."""
        incoming = self.root / _INCOMING
        if not incoming.is_dir():
            return []
        matched = ((path, _DRAFT.fullmatch(path.name)) for path in incoming.iterdir())
        return [Leftover(path, found["name"], int(found["number"])) for path, found in matched if found]

    def holds(self, name: str, number: int, facts: FileFacts) -> bool:
        """Whether the file is there and is what was published.

        It is hashed when this process sees it for the first time, and again when size or time have changed.
        """
        path = self.path(name, number)
        try:
            seen = path.stat()
        except FileNotFoundError:
            return False
        identity = (seen.st_ino, seen.st_size, seen.st_mtime_ns)
        if self._checked.get(path) == identity:
            return True
        if seen.st_size != facts.size or _sha256(path) != facts.sha256:
            return False
        if len(self._checked) >= _KNOWN_FILES:
            self._checked.clear()
        self._checked[path] = identity
        return True


def create_public(path: Path) -> BinaryIO:
    """A new file that everybody may read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PUBLIC_FILE)
    return os.fdopen(descriptor, "wb")


def chunks(path: Path) -> Iterator[bytes]:
    """A file's bytes, a bounded piece at a time."""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _sha256(path: Path) -> bytes:
    digest = hashlib.sha256()
    for chunk in chunks(path):
        digest.update(chunk)
    return digest.digest()
