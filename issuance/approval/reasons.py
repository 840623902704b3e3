"""Why an application is returned or refused, in codes that can be counted; a remark says the rest."""

from collections.abc import Sequence
from enum import StrEnum, unique

from issuance.enrolment.models import NOTE_LENGTH
from issuance.errors import InvalidInputError
from issuance.registry.text import fold


@unique
class Reason(StrEnum):
    """What has to be put right, or can't be."""

    PORTRAIT_UNFIT = "portrait_unfit"
    LATIN_NAME_WRONG = "latin_name_wrong"
    EVIDENCE_MISSING = "evidence_missing"
    EVIDENCE_DOUBTFUL = "evidence_doubtful"
    RECORD_CHANGED = "record_changed"
    SAME_PERSON = "same_person"
    NOT_ENTITLED = "not_entitled"
    OTHER = "other"
    """The remark says what."""


def remarks(note: str, reasons: Sequence[Reason]) -> tuple[str, tuple[Reason, ...]]:
    """Note and reasons, tidied; a note alone is for another reason. Raises InvalidInputError for neither."""
    tidy = fold(note)
    if len(tidy) > NOTE_LENGTH:
        raise InvalidInputError(f"at most {NOTE_LENGTH} characters")
    if not tidy and set(reasons) <= {Reason.OTHER}:
        raise InvalidInputError("say why")
    return tidy, tuple(dict.fromkeys(reasons)) or (Reason.OTHER,)
