"""Every way in which a ceremony is refused. What was refused has signed nothing.

CeremonyError
├── OfficersError       too few officers, one twice, a name that is none, or a threshold that is none
├── ShareError          an officer's share is unreadable, or not the one that this officer was given (officer)
├── CustodyError        the off-line folder is missing, damaged, taken, or inside the home (folder)
├── CeremonyOpenError   another ceremony was interrupted; it must be finished first (number, kind)
├── CeremonyPlanError   what is asked for makes no sense for this hierarchy as it is
└── TranscriptError     a transcript, or its signature, is not what a ceremony of this authority wrote
"""

from pathlib import Path

from pki.errors import PkiError


class CeremonyError(PkiError):
    """A ceremony is refused."""


class OfficersError(CeremonyError):
    """Nobody holds a ceremony alone."""


class ShareError(CeremonyError):
    """An officer's share doesn't do. Its words are never repeated."""

    def __init__(self, officer: str, detail: str) -> None:
        super().__init__(f"officer {officer}: {detail}")
        self.officer = officer
        self.detail = detail


class CustodyError(CeremonyError):
    """The off-line folder can't be used."""

    def __init__(self, folder: Path, detail: str) -> None:
        super().__init__(f"{folder}: {detail}")
        self.folder = folder
        self.detail = detail


class CeremonyOpenError(CeremonyError):
    """An interrupted ceremony is finished before another begins: the same command again goes on with it."""

    def __init__(self, number: int, kind: str) -> None:
        super().__init__(f"ceremony {number} ({kind}) was interrupted; finish it by the same command first")
        self.number = number
        self.kind = kind


class CeremonyPlanError(CeremonyError):
    """The hierarchy, as it is, has no place for what is asked."""


class TranscriptError(CeremonyError):
    """A transcript doesn't verify."""
