"""Commitments: the citizen's own record opens them, and nothing else does."""

import hashlib
import hmac
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pki.auditchain.commitments import SALT_BYTES, commit, open_commitment
from pki.auditchain.errors import CommitmentError
from pki.errors import PkiError

SALT = bytes(range(SALT_BYTES))
FIELDS = {"national_code": "0012345679", "surname": "محمدی"}


def test_it_is_an_hmac_over_domain_and_canonical_text() -> None:
    text = '{"national_code":"0012345679","surname":"محمدی"}'
    message = b"hoviat audit commitment 1\x00" + text.encode()
    assert commit(SALT, FIELDS) == hmac.new(SALT, message, hashlib.sha256).hexdigest()


def test_the_record_opens_it_whatever_the_order_of_its_fields() -> None:
    open_commitment(commit(SALT, FIELDS), SALT, dict(reversed(FIELDS.items())))


@pytest.mark.parametrize(
    "fields",
    [{}, {"national_code": "0012345679"}, {**FIELDS, "surname": "محمدي"}, {**FIELDS, "more": None}],
    ids=["none", "fewer", "letter", "more"],
)
def test_other_fields_do_not_open_it(fields: dict[str, Any]) -> None:
    with pytest.raises(CommitmentError) as caught:
        open_commitment(commit(SALT, FIELDS), SALT, fields)
    assert isinstance(caught.value, PkiError)
    assert "0012345679" not in str(caught.value)


@given(st.binary(max_size=64).filter(lambda salt: salt != SALT))
def test_another_salt_does_not_open_it(salt: bytes) -> None:
    with pytest.raises(CommitmentError):
        open_commitment(commit(SALT, FIELDS), salt, FIELDS)


@pytest.mark.parametrize(
    "commitment", ["", "0" * 64, "نه", commit(SALT, FIELDS).upper(), commit(SALT, FIELDS)[:-1]]
)
def test_other_texts_are_not_it(commitment: str) -> None:
    with pytest.raises(CommitmentError):
        open_commitment(commitment, SALT, FIELDS)


@pytest.mark.parametrize("fields", [{"x": 0.5}, {1: "x"}, {"x": b"y"}])
def test_what_has_no_canonical_text_is_refused(fields: Any) -> None:
    with pytest.raises(TypeError):
        commit(SALT, fields)
    with pytest.raises(CommitmentError):
        open_commitment("0" * 64, SALT, fields)


@pytest.mark.parametrize("length", [0, 16, 31, 33, 64])
def test_a_salt_has_one_length(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        commit(bytes(length), FIELDS)


def test_two_commitments_to_the_same_person_are_not_alike() -> None:
    assert commit(SALT, FIELDS) != commit(bytes(SALT_BYTES), FIELDS)
