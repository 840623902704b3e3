"""How a request says why it looks at a person's record."""

import pytest

from issuance.lookups.errors import PurposeError, PurposeMissingError
from issuance.lookups.purposes import WITH_CASE, Purpose, Said, parse


@pytest.mark.parametrize("purpose", sorted(set(Purpose) - WITH_CASE))
def test_ordinary_purposes(purpose: Purpose) -> None:
    assert parse(purpose.value) == Said(purpose)
    assert parse(f" {purpose.value}; case=1404/17-b.2_x ") == Said(purpose, "1404/17-b.2_x")


@pytest.mark.parametrize("purpose", sorted(WITH_CASE))
def test_purposes_that_are_nothing_without_a_case(purpose: Purpose) -> None:
    with pytest.raises(PurposeError):
        parse(purpose.value)
    assert parse(f"{purpose.value};case=17") == Said(purpose, "17")


@pytest.mark.parametrize("nothing", [None, ""])
def test_nothing_said(nothing: str | None) -> None:
    with pytest.raises(PurposeMissingError) as told:
        parse(nothing)
    assert set(told.value.purposes) == {purpose.value for purpose in Purpose}


@pytest.mark.parametrize(
    "text",
    [
        "curiosity",
        "Enrolment",
        "enrolment;",
        "enrolment; case=",
        "enrolment; case=" + "1" * 41,
        "enrolment; case=a b",
        "enrolment; case=۱۴۰۴",
        "enrolment; case=1; case=2",
        "enrolment\nX: y",
        "enrolment, audit",
        "e" * 100_000,
        " ",
    ],
)
def test_what_is_no_purpose(text: str) -> None:
    with pytest.raises(PurposeError) as told:
        parse(text)
    assert text.strip() not in str(told.value) or not text.strip()
