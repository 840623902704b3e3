"""Which card is in the reader: its own numbers tell, never its answer to reset or its reader's name."""

from dataclasses import dataclass
from uuid import UUID

from cardio.errors import ApduError, ObjectContentError, ObjectNotFoundError
from cardio.piv.session import PivSession


@dataclass(frozen=True)
class CardIdentity:
    """What tells one card from another; a card may have neither number."""

    serial: int | None
    """The manufacturer's serial number, where the card tells it."""

    guid: UUID | None
    """The card's UUID in its CHUID (SP 800-73-5 part 1, 3.1.2)."""

    def is_surely(self, other: "CardIdentity") -> bool:
        """Whether both are one card: all that either tells is the same, and it is something."""
        return self == other and (self.serial, self.guid) != (None, None)


def read_identity(session: PivSession) -> CardIdentity:
    """Asks the card; takes no PIN."""
    return CardIdentity(_serial(session), _guid(session))


def _serial(session: PivSession) -> int | None:
    try:
        return session.card_serial()
    except ApduError:  # not a command of PIV's own: many cards don't know it
        return None


def _guid(session: PivSession) -> UUID | None:
    try:
        return session.read_chuid().guid
    except (ApduError, ObjectNotFoundError, ObjectContentError):
        return None
