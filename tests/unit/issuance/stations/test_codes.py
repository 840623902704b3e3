"""One-time codes as they are typed, and what is kept of them."""

import hashlib
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issuance.stations.codes import Code, Terms, new_code, read_code
from tests.columnkey import CIPHER

TERMS = Terms("st-1", "administrator-1", datetime(2026, 1, 1, tzinfo=UTC))


@given(st.binary(min_size=10, max_size=10), st.booleans())
def test_what_is_read_aloud_is_read_back(random: bytes, small: bool) -> None:
    code = new_code(lambda _length: random)
    typed = code.text.lower().replace("-", " ") if small else code.text
    assert read_code(typed) == code
    assert read_code(code.text.replace("0", "O").replace("1", "l")) == code


def test_the_digest_is_of_this_code_alone() -> None:
    code, other = new_code(os.urandom), new_code(os.urandom)
    digest = code.digest(CIPHER, TERMS)
    assert code.matches(CIPHER, TERMS, digest)
    assert not code.matches(CIPHER, TERMS, other.digest(CIPHER, TERMS))
    assert not Code(other.locator, code.secret).matches(CIPHER, TERMS, digest)
    for terms in (
        replace(TERMS, station="st-2"),
        replace(TERMS, created_by="administrator-2"),
        replace(TERMS, expires_at=TERMS.expires_at + timedelta(seconds=1)),
    ):
        assert not code.matches(CIPHER, terms, digest)
    assert not code.matches(CIPHER, TERMS, hashlib.sha256(code.text.encode()).hexdigest())
    assert code.secret not in repr(code)
    assert code.secret not in digest


@pytest.mark.parametrize("typed", ["", "A", "ABCDEFGH-JKMN", "گ" * 24, "A" * 25, "A" * 10_000])
def test_what_can_be_no_code(typed: str) -> None:
    assert read_code(typed) is None


@given(st.text())
def test_anything_typed_is_a_code_or_none(typed: str) -> None:
    read = read_code(typed)
    assert read is None or len(read.text) == 28
