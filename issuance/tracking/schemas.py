"""Slips and statuses as JSON."""

from datetime import date

from pydantic import Field

from issuance.lifecycle.states import ApplicationState
from issuance.web.days import Day
from issuance.web.schemas import Answer, Request


class StatusBody(Request):
    """What only the applicant has together."""

    tracking_code: str = Field(max_length=32)
    birth_date: Day


class StatusAnswer(Answer):
    """How far it is, and nothing about whom it is for."""

    stage: ApplicationState
    promised_on: date | None


class SlipAnswer(Answer):
    """A slip: the code as it is printed, and the signed text that the QR code holds."""

    tracking_code: str
    slip: str
    good_until: date
