"""Why a set can't be made, or not be used."""

from pki.errors import PkiError


class BackupError(PkiError):
    """Base of:

    BackupError
    ├── BackupToolError      PostgreSQL's own tool is not there, or failed
    ├── BackupDamagedError   a set is incomplete, altered, or not of this format
    ├── BackupLockedError    a set is encrypted, and this passphrase doesn't open it
    └── BackupPlaceError     where it should go is taken, or can't be written
    """


class BackupToolError(BackupError):
    """PostgreSQL's own tool is not there, or failed."""


class BackupDamagedError(BackupError):
    """The set is not what was made; `part` is where it shows, if it shows in one."""

    def __init__(self, why: str, part: str | None = None) -> None:
        super().__init__(f"this backup can't be used: {why if part is None else f'{part} {why}'}")
        self.why = why
        self.part = part


class BackupLockedError(BackupError):
    """The set is encrypted, and nobody gave its passphrase, or not the right one."""


class BackupPlaceError(BackupError):
    """Where it should go is taken, or can't be written."""
