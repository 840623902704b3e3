"""Applications as JSON."""

from datetime import date, datetime
from typing import Annotated

from pydantic import Base64Bytes, Field

from issuance.approval.reasons import Reason
from issuance.enrolment.evidence import Shown
from issuance.enrolment.kinds import DOCUMENT_LENGTH, ApplicationKind, ReplacementCause
from issuance.enrolment.models import NOTE_LENGTH, REFERENCE_LENGTH, Application, RegisterAnswer
from issuance.enrolment.portrait import MAX_BYTES
from issuance.enrolment.service import MAX_LATIN_NAME
from issuance.lifecycle.states import ApplicationState
from issuance.web.days import Day
from issuance.web.schemas import Answer, Request
from pki.jalali import to_jalali

_MAX_CODE = 32
_MAX_BASE64 = MAX_BYTES * 4 // 3 + 1024
_MAX_DOCUMENTS = 16
_LATIN = Field(default=None, max_length=MAX_LATIN_NAME)

Version = Annotated[int, Field(ge=1, le=2**31 - 1)]
"""Of an application, as it was looked at."""


class EvidenceBody(Request):
    """A document that was shown; its number where it has one."""

    document: str = Field(min_length=1, max_length=DOCUMENT_LENGTH)
    reference: str = Field(default="", max_length=REFERENCE_LENGTH, repr=False)

    def shown(self) -> Shown:
        """The same for the service."""
        return Shown(self.document, self.reference)


_Evidence = Annotated[list[EvidenceBody], Field(max_length=_MAX_DOCUMENTS)]


class NewApplicationBody(Request):
    """What a clerk captures; the portrait is a JPEG in base 64."""

    national_code: str = Field(max_length=_MAX_CODE)
    birth_date: Day
    portrait: Base64Bytes = Field(max_length=_MAX_BASE64, repr=False)
    latin_given_name: str | None = _LATIN
    latin_surname: str | None = _LATIN
    kind: ApplicationKind = ApplicationKind.NEW
    cause: ReplacementCause | None = None
    evidence: _Evidence = Field(default=[])


class CorrectionBody(Request):
    """What a clerk changes; what is left out stays."""

    portrait: Base64Bytes | None = Field(default=None, max_length=_MAX_BASE64, repr=False)
    latin_given_name: str | None = _LATIN
    latin_surname: str | None = _LATIN
    evidence: _Evidence = Field(default=[])
    version: Version | None = None


class SeenBody(Request):
    """What was looked at."""

    version: Version | None = None


class LeaseBody(Request):
    """Whether it is taken from whoever edits it now: a supervisor's right, and on record."""

    take_over: bool = False


class CitizenAnswer(Answer):
    """A person, as the civil register confirmed them."""

    national_code: str
    given_name: str
    surname: str
    father_name: str
    latin_given_name: str
    latin_surname: str
    birth_date: date
    birth_date_jalali: str
    birth_precision: str
    sex: str


class EvidenceAnswer(Answer):
    """A document that was shown."""

    document: str
    reference: str
    seen_by: str
    seen_at: datetime


class ApplicationAnswer(Answer):
    """An application, without its portrait."""

    id: str
    office: str
    version: int
    kind: ApplicationKind
    cause: ReplacementCause | None
    replaces: str | None
    state: ApplicationState
    citizen: CitizenAnswer
    evidence: list[EvidenceAnswer]
    enrolled_by: str
    edited_by: str | None
    portrait_by: str | None
    created_at: datetime
    submitted_at: datetime | None
    tracking_code: str | None
    undecided_matches: int
    decided_by: str | None
    decided_at: datetime | None
    decision_note: str = Field(max_length=NOTE_LENGTH)
    decision_reasons: list[Reason]


MOST_PAGES = 100_000
SEARCH_LENGTH = 64


class SearchBody(Request):
    """Whom or what to look for, as the list's search takes it."""

    words: str = Field(min_length=1, max_length=SEARCH_LENGTH)
    state: ApplicationState | None = None
    page: int = Field(default=1, ge=1, le=MOST_PAGES)


class PageAnswer(Answer):
    """One page of applications, newest first."""

    applications: list[ApplicationAnswer]
    page: int
    pages: int
    total: int


class RegisterAnswerAnswer(Answer):
    """What the civil register said, and when."""

    number: int
    asked_at: datetime
    asked_by: str
    revision: int
    taken_over: bool
    record: dict[str, object]


class RegisterAnswersAnswer(Answer):
    """All that it said, oldest first."""

    answers: list[RegisterAnswerAnswer]


class AcceptedAnswer(Answer):
    """What changed when the civil register's record was taken over."""

    changed: list[str]
    application: ApplicationAnswer


def application_answer(application: Application) -> ApplicationAnswer:
    """The answer for an application with its citizen and evidence; Latin names are those of the card."""
    return ApplicationAnswer(
        id=application.id,
        office=application.office,
        version=application.version,
        kind=ApplicationKind(application.kind),
        cause=None if application.cause is None else ReplacementCause(application.cause),
        replaces=application.replaces,
        state=ApplicationState(application.state),
        citizen=_citizen_answer(application),
        evidence=[EvidenceAnswer.model_validate(each) for each in application.evidence],
        enrolled_by=application.enrolled_by,
        edited_by=application.edited_by,
        portrait_by=application.portrait_by,
        created_at=application.created_at,
        submitted_at=application.submitted_at,
        tracking_code=application.tracking_code,
        undecided_matches=application.undecided_matches,
        decided_by=application.decided_by,
        decided_at=application.decided_at,
        decision_note=application.decision_note,
        decision_reasons=[Reason(reason) for reason in application.decision_reasons.split()],
    )


def register_answer(answer: RegisterAnswer) -> RegisterAnswerAnswer:
    """What the civil register said, as JSON."""
    return RegisterAnswerAnswer.model_validate(answer)


def _citizen_answer(application: Application) -> CitizenAnswer:
    citizen = application.citizen
    return CitizenAnswer(
        national_code=citizen.national_code,
        given_name=citizen.given_name,
        surname=citizen.surname,
        father_name=citizen.father_name,
        latin_given_name=application.latin_given_name,
        latin_surname=application.latin_surname,
        birth_date=citizen.birth_date,
        birth_date_jalali=to_jalali(citizen.birth_date),
        birth_precision=citizen.birth_precision,
        sex=citizen.sex,
    )
