"""Why somebody looks at a person's record: a closed list, and how a request says it."""

import re
from dataclasses import dataclass
from enum import StrEnum, unique

from issuance.lookups.errors import PurposeError, PurposeMissingError

CASE_LENGTH = 40
_CASE = rf"[0-9A-Za-z/._-]{{1,{CASE_LENGTH}}}"
_SAID = re.compile(rf"([a-z-]{{1,24}})(?:; ?case=({_CASE}))?", re.ASCII)


@unique
class Purpose(StrEnum):
    """What the look is for."""

    ENROLMENT = "enrolment"
    DECISION = "decision"
    PRODUCTION = "production"
    DELIVERY = "delivery"
    HOLDER_REQUEST = "holder-request"
    """The person is there, writes or calls."""
    CORRECTION = "correction"
    INVESTIGATION = "investigation"
    """Of fraud or misuse, under a case."""
    COURT_ORDER = "court-order"
    AUDIT = "audit"


WITH_CASE = frozenset({Purpose.INVESTIGATION, Purpose.COURT_ORDER, Purpose.AUDIT})
"""Purposes that are nothing without a case's number."""


def pattern() -> str:
    """What `parse` takes, as a regular expression for the API's description (ECMA-262)."""
    alone = "|".join(purpose.value for purpose in Purpose if purpose not in WITH_CASE)
    of_a_case = "|".join(purpose.value for purpose in Purpose if purpose in WITH_CASE)
    return f"^(?:(?:{alone})(?:; ?case={_CASE})?|(?:{of_a_case}); ?case={_CASE})$"


@dataclass(frozen=True)
class Said:
    """A purpose and its case."""

    purpose: Purpose
    case: str | None = None


def parse(text: str | None) -> Said:
    """Reads `enrolment` or `court-order; case=1404/17`. Raises PurposeMissingError or PurposeError."""
    if not text:
        raise PurposeMissingError([purpose.value for purpose in Purpose])
    found = _SAID.fullmatch(text.strip())
    if found is None or found[1] not in list(Purpose):
        raise PurposeError("it is none of the known ones")
    said = Said(Purpose(found[1]), found[2])
    if said.purpose in WITH_CASE and said.case is None:
        raise PurposeError("it needs the number of its case")
    return said
