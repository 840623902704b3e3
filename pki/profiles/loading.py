"""Reads a profile's TOML file: every key known, of its type and within its bounds, or ProfileError.

    title = "Citizen signature"           purpose = "…"
    issued_by = ["citizen-sign"]          roles of `pki.hierarchy`
    subject = "person"                    `SubjectForm`
    life = { years = 5 }                  private_key_use likewise
    keys = ["secp256r1", "rsa2048"]       `KeyKind`
    key_usage = ["nonRepudiation"]        RFC 5280 §4.2.1.3
    key_purposes = ["clientAuth"]         names of `pki.profiles.identifiers`, or dotted
    policies = ["qcp-n-qscd"]             likewise
    ca = { path_length = 0 }              `{}` for a CA without a bound
and the flags of `ProfileDefinition`, false unless set.
"""

from dataclasses import fields
from enum import Enum
from typing import TypeVar

from pki.hierarchy import Role
from pki.keys.kinds import KeyKind
from pki.profiles.identifiers import KEY_PURPOSES, POLICIES, is_dotted
from pki.profiles.profile import Profile
from pki.profiles.shape import KEY_USAGE_NAMES, CaRole, KeyUsageBit, Life, ProfileDefinition, SubjectForm
from pki.profiles.table import Table
from pki.profiles.toml import parse_toml

MAX_YEARS = 40
MAX_DAYS = 366
MAX_PATH_LENGTH = 4
MAX_TEXT = 300
_DOCUMENT_TYPE_CHARS = 2  # ICAO Doc 9303-12 §7.1.1.6
_FLAGS = tuple(field.name for field in fields(ProfileDefinition) if field.default is False)

EnumT = TypeVar("EnumT", bound=Enum)


def read_profile(file: str, text: bytes, profile: Profile) -> ProfileDefinition:
    """The profile in a TOML file; `file` is its name, for errors. Raises ProfileError."""
    table = Table(file, parse_toml(file, text))
    definition = ProfileDefinition(
        profile=profile,
        title=table.text("title", MAX_TEXT),
        purpose=table.text("purpose", MAX_TEXT),
        issued_by=frozenset(_members(table, "issued_by", Role)),
        subject=_member(table, "subject", table.text("subject", MAX_TEXT), SubjectForm),
        life=_life(table.table("life")),
        keys=frozenset(_members(table, "keys", KeyKind)),
        key_usage=frozenset(_key_usage(table)),
        key_purposes=_identifiers(table, "key_purposes", KEY_PURPOSES),
        policies=_identifiers(table, "policies", POLICIES),
        ca=_ca(table.table("ca")) if table.has("ca") else None,
        private_key_use=_life(table.table("private_key_use")) if table.has("private_key_use") else None,
        document_types=_document_types(table),
        **{flag: table.flag(flag) for flag in _FLAGS},
    )
    table.refuse_unknown()
    return definition


def _members(table: Table, key: str, kind: type[EnumT]) -> list[EnumT]:
    values = table.texts(key)
    if not values:
        raise table.error(key, "must name at least one")
    return [_member(table, key, value, kind) for value in values]


def _member(table: Table, key: str, value: str, kind: type[EnumT]) -> EnumT:
    try:
        return kind(value)
    except ValueError as error:
        known = ", ".join(str(member.value) for member in kind)
        raise table.error(key, f"must be one of: {known}") from error


def _life(table: Table) -> Life:
    life = Life(years=table.integer("years", 0, MAX_YEARS, 0), days=table.integer("days", 0, MAX_DAYS, 0))
    table.refuse_unknown()
    if life == Life():
        raise table.error("", "must be longer than nothing")
    return life


def _ca(table: Table) -> CaRole:
    bound = table.integer("path_length", 0, MAX_PATH_LENGTH, None) if table.has("path_length") else None
    table.refuse_unknown()
    return CaRole(bound)


def _key_usage(table: Table) -> list[KeyUsageBit]:
    bits = {name: bit for bit, name in KEY_USAGE_NAMES.items()}
    names = table.texts("key_usage")
    if not names or not set(names) <= set(bits):
        raise table.error("key_usage", f"must be some of: {', '.join(bits)}")
    return [bits[name] for name in names]


def _identifiers(table: Table, key: str, known: dict[str, str]) -> tuple[str, ...]:
    values = table.texts(key) if table.has(key) else ()
    for value in values:
        if value not in known and not is_dotted(value):
            raise table.error(key, f"must be dotted identifiers or some of: {', '.join(known)}")
    return tuple(known.get(value, value) for value in values)


def _document_types(table: Table) -> tuple[str, ...]:
    codes = table.texts("document_types") if table.has("document_types") else ()
    for code in codes:
        plain = code.isascii() and code.isalnum() and code == code.upper()
        if not plain or len(code) > _DOCUMENT_TYPE_CHARS:
            raise table.error("document_types", "must be one or two capitals as the MRZ has them")
    return tuple(codes)
