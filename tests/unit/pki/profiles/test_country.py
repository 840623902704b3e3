"""The country's file, and the names that are made of it."""

from importlib.resources import files

import pytest
from asn1crypto import x509 as asn1_x509

from pki.errors import ProfileError
from pki.hierarchy import Role
from pki.profiles.country import COUNTRY, read_country
from pki.profiles.names import encode_ca

TEXT = (files("pki.profiles") / "countries" / "ir.toml").read_text("utf-8")


def test_iran() -> None:
    assert (COUNTRY.code, COUNTRY.document_issuer, COUNTRY.person_prefix) == ("IR", "IRN", "PNOIR-")
    assert set(COUNTRY.ca_names) == set(Role)
    assert len(set(COUNTRY.ca_names.values())) == len(Role)


WRONG = [
    ("code", 'code = "IR"', 'code = "ir"'),
    ("code", 'code = "IR"', 'code = "IRN"'),
    ("code", 'code = "IR"', 'code = "I1"'),
    ("code", 'code = "IR"', ""),
    ("document_issuer", 'document_issuer = "IRN"', 'document_issuer = "IR"'),
    ("organization", 'organization = "Hoviat"', f'organization = "{"x" * 65}"'),
    ("legislation", 'legislation = ["IR"]', 'legislation = ["Iran"]'),
    ("disclosure_language", 'disclosure_language = "en"', 'disclosure_language = "EN"'),
    ("ca_names.root", 'root = "Hoviat Root CA"', ""),
    ("ca_names.root", 'root = "Hoviat Root CA"', 'root = ""'),
    ("ca_names.bank", 'root = "Hoviat Root CA"', 'root = "R"\nbank = "B"'),
    ("resident_digits", "resident_digits = 12", "resident_digits = 10"),
    ("resident_digits", "resident_digits = 12", "resident_digits = 41"),
    ("resident_digits", "resident_digits = 12", ""),
    ("capital", 'code = "IR"', 'code = "IR"\ncapital = "Tehran"'),
]


@pytest.mark.parametrize(("field", "line", "wrong"), WRONG)
def test_a_wrong_line_is_refused_by_its_field(field: str, line: str, wrong: str) -> None:
    assert line in TEXT
    with pytest.raises(ProfileError) as caught:
        read_country("xx.toml", TEXT.replace(line, wrong).encode())
    assert (caught.value.file, caught.value.field) == ("xx.toml", field)


def test_another_country_is_another_file() -> None:
    utopia = read_country("ut.toml", TEXT.replace('"IR"', '"UT"').replace('"IRN"', '"UTO"').encode())
    assert (utopia.person_prefix, utopia.legislation) == ("PNOUT-", ("UT",))


def test_a_ca_is_named_by_role_and_generation() -> None:
    name = asn1_x509.Name.load(encode_ca(Role.CITIZEN_SIGNATURE, 2)).native
    assert name["common_name"] == "Hoviat Citizen Signature CA G2"
    assert (name["country_name"], name["organization_name"]) == ("IR", "Hoviat")


def test_a_country_signing_ca_keeps_its_name() -> None:
    assert encode_ca(Role.CSCA, 1) == encode_ca(Role.CSCA, 2)
