"""Failed tries, counted by account in the database for all servers: the bound on guessing, and its trace."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.types import String

from issuance.audit import Audit
from issuance.database import Base, Database
from issuance.operators.models import USERNAME_LENGTH
from pki.auditchain import Json
from pki.clock import Clock
from pki.store.database import UtcDateTime

MOST_CODES = 100
"""Wrong codes in a row after a right password; then no code is taken any more (NIST SP 800-63B §5.2.2)."""
NOTED_AT = frozenset({5, 20, 100})
"""Which failures in a row are told to the audit chain: a guesser doesn't flood it."""
_NOBODY = ""
"""Tries at names that nobody has: they cost the same, and are counted, too."""


class OperatorFailures(Base):
    """An account's failed tries. `username` refers to no account: `_NOBODY` is none."""

    __tablename__ = "operator_failures"

    username: Mapped[str] = mapped_column(String(USERNAME_LENGTH), primary_key=True)
    passwords: Mapped[int] = mapped_column(default=0)
    """Wrong ones in a row."""
    codes: Mapped[int] = mapped_column(default=0)
    """Wrong ones in a row, each after the right password."""
    untold: Mapped[int] = mapped_column(default=0)
    """Since the holder was last told."""
    told: Mapped[int] = mapped_column(default=0)
    """At the last sign-in."""
    told_until: Mapped[datetime | None] = mapped_column(UtcDateTime())
    """When the last of those was."""
    last_at: Mapped[datetime | None] = mapped_column(UtcDateTime())


@dataclass(frozen=True)
class Told:
    """What the holder is told at sign-in."""

    tries: int
    last_at: datetime | None


class Failures:
    """Counts in transactions of its own: a refusal rolls nothing of it back."""

    def __init__(self, database: Database, audit: Audit, clock: Clock) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock

    def password_failed(self, username: str | None) -> None:
        """`username`: None for a name that nobody has."""
        with self._database.writing() as session:
            row = _held(session, username or _NOBODY)
            row.passwords += 1
            self._note(session, row, "password", row.passwords)

    def take_code(self, username: str) -> bool:
        """Takes one of the tries at the account's codes before it is compared; False when none is left.

        Whatever many servers do at once, no more codes are compared than there are tries.
        """
        with self._database.writing() as session:
            row = _held(session, username)
            if row.codes >= MOST_CODES:
                return False
            row.codes += 1
        return True

    def code_failed(self, username: str) -> None:
        """The code of the try that was taken is wrong."""
        with self._database.writing() as session:
            row = _held(session, username)
            self._note(session, row, "code", row.codes)

    def told_at_sign_in(self, username: str) -> Told:
        """What had failed before the account's last sign-in."""
        with self._database.reading() as session:
            row = session.get(OperatorFailures, username)
        return Told(0, None) if row is None or not row.told else Told(row.told, row.told_until)

    def _note(self, session: Session, row: OperatorFailures, what: str, count: int) -> None:
        row.untold += 1
        row.last_at = self._clock()
        if count in NOTED_AT and row.username != _NOBODY:
            details: dict[str, Json] = {"factor": what, "in_a_row": count}
            subject = f"operator:{row.username}"
            self._audit.record(session, "system", "operator.sign_in_failed", subject, details)


def succeeded(session: Session, username: str, *, signs_in: bool) -> None:
    """In the transaction of a right proof: failures in a row end. At sign-in the holder is told of them."""
    values: dict[str, object] = {"passwords": 0, "codes": 0}
    if signs_in:
        values |= {"told": OperatorFailures.untold, "told_until": OperatorFailures.last_at, "untold": 0}
    session.execute(update(OperatorFailures).where(OperatorFailures.username == username).values(values))


def forget_codes(session: Session, username: str) -> None:
    """Two administrators have ended the second factor: the next one begins with all its tries."""
    session.execute(update(OperatorFailures).where(OperatorFailures.username == username).values(codes=0))


def closed() -> Select[str]:
    """Whose codes are taken no more."""
    return select(OperatorFailures.username).where(OperatorFailures.codes >= MOST_CODES)


def _held(session: Session, username: str) -> OperatorFailures:
    """The account's row, which nobody else counts in before this transaction ends."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    row = {"username": username, "passwords": 0, "codes": 0, "untold": 0, "told": 0}
    session.execute(dialect.insert(OperatorFailures).values(row).on_conflict_do_nothing())
    return session.get_one(OperatorFailures, username, with_for_update=True)
