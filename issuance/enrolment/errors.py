"""What is refused while an application is made."""

from datetime import datetime

from issuance.errors import AccessError, InvalidInputError, StateError


class UnknownDocumentError(InvalidInputError):
    """The country's rules know no such document, or it lacks its number."""

    kind = "unknown-document"

    def __init__(self, document: str, fault: str) -> None:
        super().__init__(f"{document!a}: {fault}")
        self.document = document


class EvidenceMissingError(StateError):
    """`documents` were not shown, and this kind of application needs them."""

    kind = "evidence-missing"

    def __init__(self, documents: tuple[str, ...]) -> None:
        super().__init__(f"not shown yet: {', '.join(documents)}")
        self.documents = documents


class NotTakenOverError(AccessError):
    """A supervisor edits what somebody else enrolled only once they have taken it over, which is recorded."""

    kind = "not-taken-over"

    def __init__(self) -> None:
        super().__init__("somebody else enrolled it: take it over first")


class BeingEditedError(StateError):
    """Somebody else has the application open for editing, `until` then at the latest."""

    kind = "being-edited"

    def __init__(self, holder: str, until: datetime) -> None:
        super().__init__(f"{holder} is editing this application")
        self.holder = holder
        self.until = until


class VersionConflictError(StateError):
    """What was looked at is not what is there any more."""

    kind = "version-conflict"

    def __init__(self, seen: int, now: int) -> None:
        super().__init__(f"version {seen} was looked at, version {now} is there: look again")
        self.seen = seen
        self.now = now


class NoCardToReplaceError(StateError):
    """The person has no card that this kind of application could replace."""

    kind = "no-card-to-replace"

    def __init__(self) -> None:
        super().__init__("this person has no card that could be replaced")


class CardNotStoppedError(StateError):
    """A lost or stolen card is still in use; `card_number` has to be suspended or revoked first."""

    kind = "card-not-stopped"

    def __init__(self, card_number: str) -> None:
        super().__init__(f"card {card_number} is still in use; suspend or revoke it first")
        self.card_number = card_number
