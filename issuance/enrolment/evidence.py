"""Documents that were shown for an application."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from issuance.enrolment.errors import CardNotStoppedError, EvidenceMissingError, UnknownDocumentError
from issuance.enrolment.kinds import RULES, ApplicationKind, ReplacementCause, missing
from issuance.enrolment.models import REFERENCE_LENGTH, Application, Evidence
from issuance.lifecycle.cards import get_card
from issuance.lifecycle.states import CardState
from issuance.registry.text import ascii_digits, fold


@dataclass(frozen=True)
class Shown:
    """A document at the counter, and its number where it has one."""

    document: str
    reference: str = field(default="", repr=False)


def note(application: Application, shown: Sequence[Shown], username: str, now: datetime) -> None:
    """Adds what was shown; the same document again replaces its entry. Raises UnknownDocumentError."""
    there = {evidence.document: evidence for evidence in application.evidence}
    for each in shown:
        reference = _reference(each)
        entry = there.get(each.document)
        if entry is None:
            entry = there[each.document] = Evidence(document=each.document)
            application.evidence.append(entry)
        entry.reference, entry.seen_by, entry.seen_at = reference, username, now


def require_complete(application: Application) -> None:
    """Raises EvidenceMissingError where the kind needs more."""
    rule = RULES.rule(*kind_of(application))
    lacking = missing(rule, (evidence.document for evidence in application.evidence))
    if lacking:
        raise EvidenceMissingError(lacking)


def require_stopped(session: Session, application: Application) -> None:
    """Raises CardNotStoppedError while a card that was lost or stolen is in use."""

    if application.replaces is None or not RULES.rule(*kind_of(application)).stopped_first:
        return
    if get_card(session, application.replaces).state == CardState.ACTIVE:
        raise CardNotStoppedError(application.replaces)


def kind_of(application: Application) -> tuple[ApplicationKind, ReplacementCause | None]:
    """Kind and cause as values."""
    cause = None if application.cause is None else ReplacementCause(application.cause)
    return ApplicationKind(application.kind), cause


def _reference(shown: Shown) -> str:
    document = RULES.documents.get(shown.document)
    if document is None:
        raise UnknownDocumentError(shown.document, "there is no such document")
    reference = ascii_digits(fold(shown.reference))
    if len(reference) > REFERENCE_LENGTH:
        raise UnknownDocumentError(shown.document, f"its number has more than {REFERENCE_LENGTH} characters")
    if document.has_number != bool(reference):
        raise UnknownDocumentError(
            shown.document, "its number is missing" if document.has_number else "it has no number"
        )
    return reference
