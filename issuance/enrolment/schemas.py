"""Applications as JSON."""

from datetime import date, datetime

from pydantic import Base64Bytes, Field

from issuance.enrolment.models import Application
from issuance.enrolment.portrait import MAX_BYTES
from issuance.enrolment.service import MAX_LATIN_NAME
from issuance.lifecycle.states import ApplicationState
from issuance.web.schemas import Answer, Request
from pki.jalali import to_jalali

_MAX_CODE = 32
_MAX_BASE64 = MAX_BYTES * 4 // 3 + 1024
_LATIN = Field(default=None, max_length=MAX_LATIN_NAME)


class NewApplicationBody(Request):
    """What a clerk captures; the portrait is a JPEG in base 64."""

    national_code: str = Field(max_length=_MAX_CODE)
    birth_date: date
    portrait: Base64Bytes = Field(max_length=_MAX_BASE64, repr=False)
    latin_given_name: str | None = _LATIN
    latin_surname: str | None = _LATIN


class CorrectionBody(Request):
    """What a clerk changes; what is left out stays."""

    portrait: Base64Bytes | None = Field(default=None, max_length=_MAX_BASE64, repr=False)
    latin_given_name: str | None = _LATIN
    latin_surname: str | None = _LATIN


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
    sex: str


class ApplicationAnswer(Answer):
    """An application, without its portrait."""

    id: str
    office: str
    state: ApplicationState
    citizen: CitizenAnswer
    enrolled_by: str
    created_at: datetime
    submitted_at: datetime | None
    decided_by: str | None
    decided_at: datetime | None
    decision_note: str


class PageAnswer(Answer):
    """One page of applications, newest first."""

    applications: list[ApplicationAnswer]
    page: int
    pages: int
    total: int


def application_answer(application: Application) -> ApplicationAnswer:
    """The answer for an application whose citizen is loaded; Latin names are those of the card."""
    citizen = application.citizen
    return ApplicationAnswer(
        id=application.id,
        office=application.office,
        state=ApplicationState(application.state),
        citizen=CitizenAnswer(
            national_code=citizen.national_code,
            given_name=citizen.given_name,
            surname=citizen.surname,
            father_name=citizen.father_name,
            latin_given_name=application.latin_given_name,
            latin_surname=application.latin_surname,
            birth_date=citizen.birth_date,
            birth_date_jalali=to_jalali(citizen.birth_date),
            sex=citizen.sex,
        ),
        enrolled_by=application.enrolled_by,
        created_at=application.created_at,
        submitted_at=application.submitted_at,
        decided_by=application.decided_by,
        decided_at=application.decided_at,
        decision_note=application.decision_note,
    )
