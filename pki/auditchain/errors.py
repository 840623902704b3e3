"""Every way in which the record, or what is shown of it, doesn't hold.

RecordError
├── AuditChainError      an entry isn't what was written (sequence)
│   └── ShorterLogError  the log ends before what was signed (found, signed)
├── TreeError            a stored node isn't the hash of what is below it (level, position)
├── CheckpointError      a checkpoint is malformed, forged, or not of this record (size)
├── TablesDifferError    tables and log say different things of certificates (differences)
├── ProofError           a proof doesn't lead to its checkpoint, or can't be made
└── CommitmentError      what is shown isn't what the record is committed to
"""

from pki.errors import PkiError


class RecordError(PkiError):
    """Base of what this package raises on purpose."""


class AuditChainError(RecordError):
    """The log is not what was written. `sequence` names the first entry at which that shows."""

    def __init__(self, sequence: int, why: str) -> None:
        super().__init__(f"audit entry {sequence}: {why}")
        self.sequence = sequence
        self.why = why


class ShorterLogError(AuditChainError):
    """The log has `found` entries, and a checkpoint over `signed` entries is known: it was cut off."""

    def __init__(self, found: int, signed: int) -> None:
        super().__init__(
            found + 1,
            f"is missing: the log was cut off at its end. It has {found} entries, and {signed} were signed",
        )
        self.found = found
        self.signed = signed


class TreeError(RecordError):
    """A stored node of the Merkle tree is missing, superfluous or wrong."""

    def __init__(self, level: int, position: int, why: str) -> None:
        super().__init__(f"tree node {position} of level {level}: {why}")
        self.level = level
        self.position = position
        self.why = why


class CheckpointError(RecordError):
    """A checkpoint doesn't hold. `size` is what it says its size is, where that can be read."""

    def __init__(self, size: int | None, why: str) -> None:
        super().__init__(f"checkpoint {'unreadable' if size is None else f'at size {size}'}: {why}")
        self.size = size
        self.why = why


class TablesDifferError(RecordError):
    """The log holds, and the tables say of so many certificates something else; each was named."""

    def __init__(self, differences: int) -> None:
        super().__init__(f"the log holds, and the tables differ from it in {differences:,} places")
        self.differences = differences


class ProofError(RecordError):
    """A proof can't be read, can't be made, or doesn't prove what it should."""


class CommitmentError(RecordError):
    """A salt and fields don't open a commitment."""
