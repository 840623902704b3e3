"""Making a set: a snapshot of each database, then the files, then the manifest over all of it."""

import fcntl
import hashlib
import io
import os
import secrets
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from pki.auditchain import Head
from pki.bootstrap import open_engine
from pki.checkpointing import opened_signer
from pki.clock import Clock, utc_now
from pki.durable import sync_folder
from pki.home import Home
from simulators.installation.backup.databases import ORDER, kind_of, take
from simulators.installation.backup.errors import BackupError, BackupPlaceError
from simulators.installation.backup.manifest import (
    MANIFEST_NAME,
    SIGNATURE_NAME,
    Manifest,
    Part,
    public_pem,
    sign,
)
from simulators.installation.backup.sealing import SealedWriter

MAGIC = b"hoviat-backup-1\n"
DATABASES = "databases"
_LEFT_OUT = ("ocsp-answers", "metrics", "crl")
"""Made anew; the CRLs come from wherever the settings have them."""
_SECRETS = "secrets"
_WORKPLACE = ".backup-"
_COPIED_AT_ONCE = 2**20
_OWNER_ONLY = 0o600


class _Counting(io.RawIOBase):
    """Reads exactly so many octets, and hashes them on the way."""

    def __init__(self, source: BinaryIO, size: int) -> None:
        super().__init__()
        self._source, self._left = source, size
        self.digest = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        octets = self._source.read(min(len(view), self._left))
        if not octets and self._left:
            raise BackupError("a file became shorter while it was copied; make the backup again")
        view[: len(octets)] = octets
        self._left -= len(octets)
        self.digest.update(octets)
        return len(octets)


def make_backup(home: Home, target: Path, passphrase: bytes | None, clock: Clock = utc_now) -> Manifest:
    """Writes a new set to `target`, which appears only when it is whole and on disk.

    Without a passphrase HOME/secrets is left out. Raises BackupError, KeyStoreError, SQLAlchemy's errors.
    """
    if target.exists() or target.is_symlink():
        raise BackupPlaceError(f"{target} is there already; a backup never takes another's place")
    if home.root.resolve() in target.resolve().parents:
        raise BackupPlaceError(
            f"{target} is inside the home: it would be in the next backup, and lost with it"
        )
    part = target.with_name(f".{target.name}.{secrets.token_hex(8)}.part")
    try:
        manifest = _write(home, part, passphrase, clock)
        os.link(part, target)  # unlike a renaming, it takes nobody's place
        sync_folder(target.parent)
    except FileExistsError as error:
        raise BackupPlaceError(f"{target} is there already; a backup never takes another's place") from error
    except OSError as error:
        raise BackupPlaceError(f"{target} can't be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
    return manifest


def _write(home: Home, path: Path, passphrase: bytes | None, clock: Clock) -> Manifest:
    with ExitStack() as stack:
        file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY), "wb")
        stack.enter_context(file)
        temporary = stack.enter_context(_workplace(home))
        engine = open_engine(home)
        stack.callback(engine.dispose)
        signer = stack.enter_context(opened_signer(home, engine))
        with _stream(file, passphrase) as stream, tarfile.open(fileobj=stream, mode="w|") as tar:
            parts, heads = _Parts(tar), dict[str, Head]()
            made_at = clock()
            for name, source in _notes(home):
                parts.add(name, source)
            for service in ORDER:
                copy = temporary / service
                heads[service] = take(home, service, copy)
                parts.add(f"{DATABASES}/{service}", copy)
                copy.unlink()
            for name, source in _files(home, with_secrets=passphrase is not None):
                parts.add(name, source)
            manifest = Manifest(
                made_at=made_at.isoformat(),
                origin=home.audit_origin,
                public_key=public_pem(signer),
                databases={service: kind_of(home, service) for service in ORDER},
                heads={
                    service: {"sequence": head.sequence, "hash": head.hash} for service, head in heads.items()
                },
                with_secrets=passphrase is not None,
                parts=tuple(parts.written),
            )
            parts.add_bytes(MANIFEST_NAME, manifest.encode())
            parts.add_bytes(SIGNATURE_NAME, sign(manifest, signer))
        file.flush()
        os.fsync(file.fileno())
        return manifest


@contextmanager
def _workplace(home: Home) -> Iterator[Path]:
    """A folder for snapshots, after what a killed backup left of its own. Raises BackupPlaceError."""
    with (home.root / ".backup.lock").open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BackupPlaceError("another backup of this home is at work") from error
        for left in home.root.glob(f"{_WORKPLACE}*"):
            shutil.rmtree(left)
        with tempfile.TemporaryDirectory(prefix=_WORKPLACE, dir=home.root) as temporary:
            yield Path(temporary)


@contextmanager
def _stream(file: BinaryIO, passphrase: bytes | None) -> Iterator[BinaryIO]:
    if passphrase is None:
        file.write(MAGIC)
        yield file
        return
    sealed = SealedWriter(file, passphrase)
    yield cast("BinaryIO", sealed)
    sealed.close()  # not after a failure: a stream without end is nobody's backup


class _Parts:
    """Adds to the tar, and keeps account."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self.written: list[Part] = []

    def add(self, name: str, source: Path) -> None:
        """One file, as it is when it is opened; one that is gone meanwhile is left out."""
        try:
            file = source.open("rb")
        except FileNotFoundError:
            return
        with file:
            entry = _entry(name, os.fstat(file.fileno()).st_size)
            counting = _Counting(file, entry.size)
            self._tar.addfile(entry, cast("BinaryIO", io.BufferedReader(counting, _COPIED_AT_ONCE)))
        self.written.append(Part(name, entry.size, counting.digest.hexdigest()))

    def add_bytes(self, name: str, content: bytes) -> None:
        """What no manifest accounts for: the manifest itself."""
        self._tar.addfile(_entry(name, len(content)), io.BytesIO(content))


def _entry(name: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, _OWNER_ONLY
    return entry


def _notes(home: Home) -> Iterator[tuple[str, Path]]:
    """The kept checkpoints, before the databases: so none is ahead of its log."""
    for path in _below(home.root / "audit"):
        yield f"home/{path.relative_to(home.root)}", path


def _files(home: Home, *, with_secrets: bool) -> Iterator[tuple[str, Path]]:
    left_out = {*_LEFT_OUT, "audit", *(() if with_secrets else (_SECRETS,))}
    for path in sorted(home.root.iterdir()):
        if path.name in left_out or path.name.startswith((".", *(f"{name}.sqlite3" for name in ORDER))):
            continue
        for file in [path] if path.is_file() and not path.is_symlink() else _below(path):
            yield f"home/{file.relative_to(home.root)}", file
    for file in _below(home.crls):
        yield f"home/crl/{file.relative_to(home.crls)}", file


def _below(folder: Path) -> list[Path]:
    """Plain files, in order; what is hidden is somebody's work at hand."""
    if folder.is_symlink() or not folder.is_dir():
        return []
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink() and not path.name.startswith(".")
    )
