"""The newest signed checkpoint, kept beside the database: who changes tables can't shorten the log unseen."""

import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from pki.auditchain.errors import CheckpointError, ShorterLogError
from pki.auditchain.note import NOTE_LIMIT, Checkpoint, CheckpointKey, parse_checkpoint
from pki.auditchain.table import read_head
from pki.auditchain.tree import Record, StoredTree, grow
from pki.durable import sync_folder, write_owner_only

_OWNER_ONLY_FOLDER = 0o700
_TOKEN_BYTES = 8


@dataclass(frozen=True)
class KeptNote:
    """A file that holds one checkpoint, replaced as a whole by each newer one.

    Everything here raises CheckpointError for a file that is no checkpoint, or can't be read or written.
    """

    path: Path

    def read(self) -> Checkpoint | None:
        """The checkpoint, its signature not checked yet; None: none was kept so far."""
        try:
            with self.path.open(encoding="utf-8", newline="") as file:
                text = file.read(NOTE_LIMIT + 1)
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise CheckpointError(None, f"{self.path.name}, which is kept, can't be read") from error
        return parse_checkpoint(text)

    def keep(self, checkpoint: Checkpoint) -> None:
        """Replaces the file; it is on disk, whole, when this returns."""
        temporary = self.path.with_name(f".{self.path.name}.{secrets.token_hex(_TOKEN_BYTES)}")
        try:
            self.path.parent.mkdir(mode=_OWNER_ONLY_FOLDER, parents=True, exist_ok=True)
            try:
                write_owner_only(temporary, checkpoint.note.encode())
                temporary.replace(self.path)
            finally:
                temporary.unlink(missing_ok=True)
            sync_folder(self.path.parent)
        except OSError as error:
            raise CheckpointError(checkpoint.size, f"can't be kept in {self.path.name}") from error

    def place_aside(self, size: int | None) -> Path:
        """Where what is kept, over so many entries, can be put as evidence; None: it can't be read."""
        what = "damaged" if size is None else size
        return self.path.with_name(f"{self.path.name}.{what}-{secrets.token_hex(_TOKEN_BYTES)}")

    def set_aside(self, place: Path) -> None:
        """Puts away whatever stands there."""
        try:
            self.path.rename(place)
            sync_folder(self.path.parent)
        except OSError as error:
            raise CheckpointError(None, f"{self.path.name} can't be set aside") from error


def require_continued(
    session: Session, record: Record, noted: Checkpoint, key: CheckpointKey, size: int | None = None
) -> None:
    """Raises unless the log begins with what the noted checkpoint was signed over.

    `size`: how many entries count, where the caller has read it; others may have added more since.
    Stores the nodes that are due, in the caller's transaction and turn: a crash after a note was kept may
    have taken them. ShorterLogError, CheckpointError; TreeError or AuditChainError where the log is broken.
    """
    noted.verify([key])
    if size is None:
        size = read_head(session, record.entries).sequence
    if size < noted.size:
        raise ShorterLogError(size, noted.size)
    grow(session, record, size)
    with suppress(CheckpointError):
        noted.require_root(StoredTree(session, record).root(noted.size))
        return
    raise CheckpointError(noted.size, f"the log, of {size} entries now, does not begin with what was signed")
