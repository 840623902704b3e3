"""The country whose certificates these are: data (`countries/`), not code."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from pki.hierarchy import Role
from pki.profiles.table import Table
from pki.profiles.toml import parse_toml

_ALPHA_2, _ALPHA_3 = 2, 3  # ISO 3166-1; ICAO Doc 9303-3 §5
MAX_ORGANIZATION = 64  # ub-organization-name, RFC 5280 Appendix A.1
MIN_RESIDENT_DIGITS, MAX_RESIDENT_DIGITS = 11, 40
MAX_CA_NAME = 59
"""ub-common-name of 64 less ` G999`."""


@dataclass(frozen=True)
class Country:
    """What certificates say of the country and of the organisation that answers for them."""

    code: str
    """ISO 3166 alpha-2: countryName, and part of a citizen's serialNumber."""
    document_issuer: str
    """ICAO Doc 9303-3 §5: the issuing state as the machine readable zone writes it."""
    organization: str
    legislation: tuple[str, ...]
    """ISO 3166 alpha-2: under whose law signature certificates are qualified (QcCClegislation)."""
    disclosure_language: str
    """ISO 639-1: the language of the PKI disclosure statement (QcPDS)."""
    resident_digits: int
    """How many digits the personal number has that foreign nationals get here; not as many as a citizen's."""
    ca_names: Mapping[Role, str]
    """The common name of each CA, before its generation."""

    @property
    def person_prefix(self) -> str:
        """semanticsIdentifier for natural persons: type PNO and the country (ETSI EN 319 412-1 §5.1.3)."""
        return f"PNO{self.code}-"


def read_country(file: str, text: bytes) -> Country:
    """A country file; `file` is its name, for errors. Raises ProfileError."""
    table = Table(file, parse_toml(file, text))
    names = table.table("ca_names")
    country = Country(
        _letters(table, "code", _ALPHA_2),
        _letters(table, "document_issuer", _ALPHA_3),
        table.text("organization", MAX_ORGANIZATION),
        tuple(_checked(table, "legislation", code, _ALPHA_2) for code in table.texts("legislation")),
        _letters(table, "disclosure_language", _ALPHA_2, capitals=False),
        table.integer("resident_digits", MIN_RESIDENT_DIGITS, MAX_RESIDENT_DIGITS, None),
        {role: names.text(role.value, MAX_CA_NAME) for role in Role},
    )
    names.refuse_unknown()
    table.refuse_unknown()
    return country


def _letters(table: Table, key: str, count: int, *, capitals: bool = True) -> str:
    return _checked(table, key, table.text(key, count), count, capitals=capitals)


def _checked(table: Table, key: str, value: str, count: int, *, capitals: bool = True) -> str:
    right_case = value.isupper() if capitals else value.islower()
    if not (value.isascii() and value.isalpha() and right_case and len(value) == count):
        raise table.error(key, f"must have {count} {'capital' if capitals else 'small'} letters")
    return value


COUNTRY = read_country("ir.toml", (files(__package__) / "countries" / "ir.toml").read_bytes())


def _country_codes() -> frozenset[str]:
    text = (files(__package__) / "countries" / "iso3166.toml").read_text("ascii")
    return frozenset(tomllib.loads(text)["codes"])


COUNTRY_CODES = _country_codes()
"""ISO 3166-1 alpha-2."""
