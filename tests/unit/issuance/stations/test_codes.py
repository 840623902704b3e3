"""One-time codes as they are typed, and what is kept of them."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issuance.stations.codes import Code, new_code, read_code


@given(st.binary(min_size=10, max_size=10), st.booleans())
def test_what_is_read_aloud_is_read_back(random: bytes, small: bool) -> None:
    code = new_code(lambda _length: random)
    typed = code.text.lower().replace("-", " ") if small else code.text
    assert read_code(typed) == code
    assert read_code(code.text.replace("0", "O").replace("1", "l")) == code


def test_the_digest_is_of_this_code_alone() -> None:
    code, other = new_code(os.urandom), new_code(os.urandom)
    assert code.matches(code.digest)
    assert not code.matches(other.digest)
    assert not Code(other.locator, code.secret).matches(code.digest)
    assert code.secret not in repr(code)
    assert code.secret not in code.digest


@pytest.mark.parametrize("typed", ["", "A", "ABCDEFGH-JKMN", "گ" * 24, "A" * 25, "A" * 10_000])
def test_what_can_be_no_code(typed: str) -> None:
    assert read_code(typed) is None


@given(st.text())
def test_anything_typed_is_a_code_or_none(typed: str) -> None:
    read = read_code(typed)
    assert read is None or len(read.text) == 28
