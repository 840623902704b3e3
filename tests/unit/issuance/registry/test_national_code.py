"""The check digit as published, digits of three scripts, and what must be refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issuance.errors import InvalidNationalCodeError
from issuance.registry.nationalcode import NationalCodeFault, check_digit, normalise, validate
from issuance.registry.text import persian_digits

ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
NINE = st.from_regex(r"[0-9]{9}", fullmatch=True).filter(lambda digits: len(set(digits)) > 1)
CODES = NINE.map(lambda digits: digits + check_digit(digits))


@pytest.mark.parametrize("code", ["0084575948", "0013542419", "4311208243", "5885430578"])
def test_valid_codes(code: str) -> None:
    assert validate(code) == code


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("84575948", "0084575948"),
        ("084575948", "0084575948"),
        ("008-457594-8", "0084575948"),
        (" 0084575948\n", "0084575948"),
        ("۰۰۸۴۵۷۵۹۴۸", "0084575948"),
        ("٠٠٨٤٥٧٥٩٤٨", "0084575948"),
        ("\u200f۰۰۸۴۵۷۵۹۴۸\u200e", "0084575948"),
        ("00۸٤575948", "0084575948"),
    ],
)
def test_as_people_type_them(typed: str, code: str) -> None:
    assert validate(typed) == code


@pytest.mark.parametrize("digit", "0123456789")
def test_same_digits_pass_the_checksum_and_are_refused_by_rule(digit: str) -> None:
    code = digit * 10
    assert check_digit(code[:9]) == digit
    with pytest.raises(InvalidNationalCodeError) as refused:
        validate(code)
    assert refused.value.reason == NationalCodeFault.SAME_DIGITS


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ("", NationalCodeFault.CHARACTERS),
        ("abcdefghij", NationalCodeFault.CHARACTERS),
        ("12345678９0", NationalCodeFault.CHARACTERS),  # a full-width digit is nobody's keyboard
        ("²084575948", NationalCodeFault.CHARACTERS),
        ("1234567", NationalCodeFault.LENGTH),
        ("12345678901", NationalCodeFault.LENGTH),
        ("0" * 10_000, NationalCodeFault.LENGTH),
        ("0084575949", NationalCodeFault.CHECK_DIGIT),
    ],
)
def test_refused(typed: str, fault: NationalCodeFault) -> None:
    with pytest.raises(InvalidNationalCodeError) as refused:
        validate(typed)
    assert refused.value.reason == fault.value
    assert typed[:20] not in str(refused.value) or not typed


@given(CODES)
def test_every_script_gives_the_same_code(code: str) -> None:
    assert validate(persian_digits(code)) == validate(code.translate(ARABIC)) == validate(code) == code


@given(st.text(max_size=40))
def test_any_text_is_a_code_or_a_typed_refusal(text: str) -> None:
    try:
        code = normalise(text)
    except InvalidNationalCodeError:
        return
    assert len(code) == 10
    assert code.isascii()
    assert code.isdigit()


@given(CODES, st.integers(0, 8), st.integers(1, 9))
def test_a_slip_goes_unseen_only_where_two_remainders_share_a_check_digit(
    code: str, place: int, change: int
) -> None:
    """Remainders 1 and 10 both give the check digit 1: the reason to compare birth dates as well."""
    slipped = code[:place] + str((int(code[place]) + change) % 10) + code[place + 1 :]
    try:
        validate(slipped)
    except InvalidNationalCodeError:
        return
    assert code[-1] == "1"
