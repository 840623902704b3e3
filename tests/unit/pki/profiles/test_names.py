"""Subjects: Persian names as they are folded, bounded by characters, and read again."""

import unicodedata

import pytest
from asn1crypto import x509 as asn1_x509
from hypothesis import given
from hypothesis import strategies as st

from pki import der
from pki.errors import SubjectError
from pki.profiles.names import (
    MAX_COMMON_NAME,
    encode_institution,
    encode_person,
    fold,
    person_name,
    read_name,
    read_person,
)

PERSIAN = "ابپتثجچحخدذرزژسشصضطظعغفقکگلمنوهیآءئؤ"


@pytest.mark.parametrize(
    ("given", "folded"),
    [
        ("علي", "علی"),
        ("مصطفى", "مصطفی"),
        ("كاظمي", "کاظمی"),
        ("  سید   محمد ", "سید محمد"),
        ("محمدی\u200cنژاد", "محمدی\u200cنژاد"),
        ("ا\u0653رش", "آرش"),  # alef and madda, composed
        ("O'Neil-Smith", "O'Neil-Smith"),
    ],
)
def test_names_are_folded_to_persian_and_composed(given: str, folded: str) -> None:
    assert fold("given_name", given) == folded


@pytest.mark.parametrize(
    "value",
    [
        "",
        "   ",
        "علی\x00",
        "علی\u202eرضا",
        "علی\u200f",
        "علی1",
        "علی۱",
        "<b>",
        "-'.",
        "\u200c",
        "ع" * 129,
        "\ud800",
    ],
)
def test_what_is_no_name_is_refused_and_not_repeated(value: str) -> None:
    with pytest.raises(SubjectError) as caught:
        fold("surname", value)
    assert caught.value.field == "surname"
    assert not value.strip() or value not in str(caught.value)


@pytest.mark.parametrize("code", ["", "123456789", "12345678901", "۰۰۱۲۳۴۵۶۷۹", "00123456a9", "²012345679"])
def test_a_national_code_has_ten_ascii_digits(code: str) -> None:
    with pytest.raises(SubjectError):
        person_name(code, "سارا", "محمدی")


def test_sixty_characters_stay_whole_in_their_fields_and_the_common_name_keeps_its_bound() -> None:
    given_name, surname = "ا" * 60, "ب" * 60
    name = person_name("0012345679", given_name, surname)
    assert (name.given_name, name.surname) == (given_name, surname)
    assert name.common_name == given_name  # cut at the space


def test_a_common_name_of_64_characters_and_128_bytes_is_whole() -> None:
    name = person_name("0012345679", "ا" * 31, "ب" * 32)
    assert len(name.common_name) == MAX_COMMON_NAME
    assert len(name.common_name.encode()) > MAX_COMMON_NAME


@given(
    given_name=st.text(PERSIAN, min_size=1, max_size=128), surname=st.text(PERSIAN, min_size=1, max_size=128)
)
def test_whatever_is_encoded_is_read_back(given_name: str, surname: str) -> None:
    name = person_name("0012345679", given_name, surname)
    encoded = encode_person(name)
    assert read_person(encoded) == name
    assert unicodedata.is_normalized("NFC", name.common_name)
    assert len(name.common_name) <= MAX_COMMON_NAME
    native = asn1_x509.Name.load(encoded).native
    assert native["serial_number"] == "PNOIR-0012345679"
    assert (native["given_name"], native["surname"]) == (name.given_name, name.surname)


def test_a_person_is_not_shown() -> None:
    assert "سارا" not in repr(person_name("0012345679", "سارا", "محمدی"))


def test_an_institution_is_no_person() -> None:
    with pytest.raises(SubjectError):
        read_person(encode_institution("Hoviat Citizen CA"))


@given(st.binary(max_size=120))
def test_garbage_is_refused(data: bytes) -> None:
    with pytest.raises(SubjectError):
        read_person(data)


@pytest.mark.parametrize(
    "name",
    [
        bytes(5000),
        b"\x30\x02\x30\x00",
        b"\x30\x04\x31\x02\x30\x00",
        bytes.fromhex("300d310b300906035504030c02fffe"),  # CN that is not UTF-8
        bytes.fromhex("300d310b300906035504031e020041"),  # CN as BMPString
    ],
)
def test_names_in_forms_we_never_write_are_refused(name: bytes) -> None:
    with pytest.raises(der.DerError):
        read_name(name)
