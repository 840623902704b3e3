"""What all request and answer bodies have in common."""

from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, ConfigDict

from issuance.offices.models import OFFICE_CODE_LENGTH


class Request(BaseModel):
    """A request body: no field that is not known, and no value in an error's text."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, str_strip_whitespace=True)


class Answer(BaseModel):
    """An answer body."""

    model_config = ConfigDict(from_attributes=True)


class Nothing(Request):
    """A body without content: `{}`."""


OfficeAsked = Annotated[str | None, Query(pattern=r"^[0-9A-Za-z-]+$", max_length=OFFICE_CODE_LENGTH)]
"""Whose list; nothing: the operator's own office's."""
