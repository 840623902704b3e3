"""Subjects: Persian names as they are folded, bounded by characters, and read again."""

import unicodedata
from typing import Any

import pytest
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from pki import der
from pki.authority import PersonSubject
from pki.bootstrap import Pki
from pki.errors import SubjectError
from pki.profiles import Profile
from pki.profiles.identities import ForeignIdentity, Scheme, read_identity
from pki.profiles.names import (
    MAX_COMMON_NAME,
    encode_institution,
    encode_person,
    fold,
    person_name,
    read_name,
    read_person,
)
from tests.unit.pki.profiles.samples import FOREIGNERS

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
        "\u0651علی",
        "علی\u200d",
        "علی\u2069",
        "علی😀",
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


@pytest.mark.parametrize(("given_name", "surname"), [(None, "محمدی"), ("سارا", None)])
def test_a_single_name_stands_where_the_register_has_it(given_name: str | None, surname: str | None) -> None:
    name = person_name("0012345679", given_name, surname)
    encoded = encode_person(name)
    assert read_person(encoded) == name
    assert name.common_name == (given_name or surname)
    native = asn1_x509.Name.load(encoded).native
    assert ("given_name" in native, "surname" in native) == (given_name is not None, surname is not None)
    assert "pseudonym" not in native


@pytest.mark.parametrize(("given_name", "surname"), [(None, None), ("", None), (None, " "), ("", "محمدی")])
def test_what_is_empty_is_no_single_name(given_name: str | None, surname: str | None) -> None:
    with pytest.raises(SubjectError):
        person_name("0012345679", given_name, surname)


MARKED = "ب\u0651\u064e"
ORDERED = unicodedata.normalize("NFC", MARKED)


def test_a_common_name_is_shortened_at_a_space_or_between_letters() -> None:
    assert person_name("0012345679", "ا" * 40, "ب" * 40).common_name == "ا" * 40
    assert person_name("0012345679", "ا" * 100, "ب").common_name == "ا" * 64
    assert person_name("0012345679", None, MARKED * 40).common_name == ORDERED * 21
    assert person_name("0012345679", None, "ا" * 63 + "-" + "ب" * 9).common_name == "ا" * 63


@given(name=st.text(PERSIAN + "\u064b\u0651\u0670\u0301e-' \u200c", min_size=1, max_size=128))
def test_a_shortened_name_is_a_lawful_one(name: str) -> None:
    try:
        whole = person_name("0012345679", None, name)
    except SubjectError:
        return
    shown = whole.common_name
    assert 1 <= len(shown) <= MAX_COMMON_NAME
    assert whole.surname is not None
    assert whole.surname.startswith(shown)
    assert unicodedata.is_normalized("NFC", shown)


@pytest.mark.parametrize("identity", FOREIGNERS.values(), ids=FOREIGNERS)
def test_a_foreign_national_has_a_semantics_identifier(identity: ForeignIdentity) -> None:
    name = person_name(identity, "Élise", "O\u2019Neil")
    encoded = encode_person(name)
    assert read_person(encoded) == name
    native = asn1_x509.Name.load(encoded).native
    assert native["country_name"] == "IR"
    assert native["serial_number"] == f"{identity.scheme.value}{identity.country}-{identity.number}"
    assert identity.number not in repr(name)
    assert identity.number not in repr(identity)


@pytest.mark.parametrize(
    ("scheme", "country", "number"),
    [
        (Scheme.PERSONAL_NUMBER, "IR", "12345678901"),
        (Scheme.PERSONAL_NUMBER, "IR", "1234567890123"),
        (Scheme.PERSONAL_NUMBER, "IR", "١٢٣٤٥٦٧٨٩٠١٢"),
        (Scheme.IDENTITY_CARD, "IR", "123456789012"),
        (Scheme.PASSPORT, "IR", "A12345678"),
        (Scheme.PERSONAL_NUMBER, "IR", "0012345679"),
        (Scheme.PASSPORT, "XX", "A1"),
        (Scheme.PASSPORT, "de", "A1"),
        (Scheme.PASSPORT, "", "A1"),
        (Scheme.PASSPORT, "DEU", "A1"),
        (Scheme.PASSPORT, "DE", ""),
        (Scheme.PASSPORT, "DE", "a1"),
        (Scheme.PASSPORT, "DE", "A 1"),
        (Scheme.PASSPORT, "DE", "A1-"),
        (Scheme.PASSPORT, "DE", "\uff211"),
        (Scheme.PASSPORT, "DE", "A1\n"),
        (Scheme.PASSPORT, "DE", "A" * 41),
    ],
)
def test_an_identity_that_nobody_has_is_refused_and_not_repeated(
    scheme: Scheme, country: str, number: str
) -> None:
    with pytest.raises(SubjectError) as caught:
        person_name(ForeignIdentity(scheme, country, number), "Élise", None)
    assert caught.value.field == "identity"
    assert len(number) < 3 or number not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "-", "PNOIR", "PNOIR-1", "PASDE", "DE-1", "PASD-1", "pasDE-1", "FN:IR-"]
)
def test_what_is_no_semantics_identifier_is_not_read(text: str) -> None:
    with pytest.raises(SubjectError):
        read_identity(text)


def test_the_authority_issues_to_foreign_nationals_and_single_names(pki: Pki, citizen_request: Any) -> None:
    passport = FOREIGNERS["passport"]
    people = (
        PersonSubject("", "Élise", "O\u2019Neil", FOREIGNERS["resident"]),
        PersonSubject("", None, "محمدی", passport),
        PersonSubject("0012345679", "سارا", None),
    )
    for number, person in enumerate(people):
        for profile in (Profile.AUTHENTICATION, Profile.SIGNATURE):
            issued = pki.authority.issue(
                citizen_request(f"r{number}-{profile.value}", profile, subject=person)
            )
            subject = read_person(x509.load_der_x509_certificate(issued.der).subject.public_bytes())
            assert subject.identity == (person.foreign or person.national_code)
            assert (subject.given_name, subject.surname) == (person.given_name, person.surname)
    for wrong in (
        PersonSubject("0012345679", "A", "B", passport),
        PersonSubject("", "A", "B"),
        PersonSubject("0012345679", None, None),
    ):
        with pytest.raises(SubjectError):
            pki.authority.issue(citizen_request("wrong", subject=wrong))
