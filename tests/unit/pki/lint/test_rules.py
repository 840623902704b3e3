"""Lint: what the authority means passes; one change, and the rule that guards it refuses by name."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from pki import der, oids
from pki.errors import LintError
from pki.keys.algorithms import algorithm_for
from pki.keys.files import FileSigner
from pki.keys.identifiers import key_identifier, spki_of
from pki.lint import Expectation, lint
from pki.profiles import Profile
from pki.profiles.definitions import DEFINITIONS, CaRole, KeyUsageBit, ProfileDefinition, SubjectForm
from pki.profiles.extensions import PublicAddresses
from pki.profiles.names import encode_institution, encode_person, person_name
from pki.profiles.tbs import IssuerFacts, Validity, encode_tbs, validity_from

START = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
CA_KEY = FileSigner(ec.generate_private_key(ec.SECP256R1()))
SPKI = spki_of(ec.generate_private_key(ec.SECP256R1()).public_key())
OTHER_SPKI = spki_of(ec.generate_private_key(ec.SECP256R1()).public_key())
ADDRESSES = PublicAddresses("http://pki.example")
SERIAL = 0x5B6F1D0C9E8A7B4433221100AABBCCDD
ISSUER = IssuerFacts(
    "citizen",
    encode_institution("Test CA"),
    key_identifier(spki_of(CA_KEY.public_key)),
    Validity(START - timedelta(days=1), START + timedelta(days=365 * 12)),
    algorithm_for(CA_KEY.public_key).identifier,
)
PERSON = encode_person(person_name("0012345679", "سارا", "محمدی"))


def subject_for(definition: ProfileDefinition) -> bytes:
    if definition.self_signed:
        return ISSUER.subject
    common_names = {SubjectForm.CARD: "7c0ba9e4-0ac4-4dc7-9a8c-2d4f3a3ab1f0", SubjectForm.HOST: "pki.example"}
    return PERSON if definition.person else encode_institution(common_names.get(definition.subject, "Other"))


def meant(definition: ProfileDefinition) -> dict[str, Any]:
    return {
        "definition": definition,
        "serial": SERIAL,
        "subject": subject_for(definition),
        "spki": SPKI,
        "validity": validity_from(START, definition.life, None),
        "issuer": ISSUER,
        "addresses": ADDRESSES,
        "crl_scope": "citizen",
    }


def expectation(definition: ProfileDefinition, issuer: IssuerFacts = ISSUER) -> Expectation:
    subject = hashlib.sha256(subject_for(definition)).digest()
    return Expectation(definition, issuer, hashlib.sha256(SPKI).digest(), subject, ADDRESSES)


ALL_BUT_ROOTS = [definition.profile for definition in DEFINITIONS.values() if not definition.self_signed]


@pytest.mark.parametrize("profile", ALL_BUT_ROOTS)
def test_what_is_meant_passes(profile: Profile) -> None:
    definition = DEFINITIONS[profile]
    validity = validity_from(START, definition.life, ISSUER.validity)
    lint(encode_tbs(**{**meant(definition), "validity": validity}), expectation(definition))


def changed_definition(**changes: Any) -> Callable[[dict[str, Any]], None]:
    def change(arguments: dict[str, Any]) -> None:
        arguments["definition"] = replace(arguments["definition"], **changes)

    return change


def changed_issuer(**changes: Any) -> Callable[[dict[str, Any]], None]:
    def change(arguments: dict[str, Any]) -> None:
        arguments["issuer"] = replace(arguments["issuer"], **changes)

    return change


def changed(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda arguments: arguments.update(changes)


END = START + timedelta(days=100)
BROKEN = [
    ("serial", changed(serial=0)),
    ("serial", changed(serial=-SERIAL)),
    ("serial", changed(serial=SERIAL >> 8)),
    ("serial", changed(serial=SERIAL << 8)),
    ("serial", changed(serial=1 << 126)),
    ("serial", changed(serial=(1 << 127) - 1)),
    ("validity", changed(validity=Validity(END, START))),
    ("validity", changed(validity=Validity(START - timedelta(days=2), END))),
    ("validity", changed(validity=Validity(START, START + timedelta(days=365 * 5 + 3)))),
    ("issuer", changed_issuer(subject=encode_institution("Another CA"))),
    (
        "signature_algorithm",
        changed_issuer(signature_algorithm=der.sequence((der.object_identifier(oids.SHA1),))),
    ),
    ("public_key", changed(spki=OTHER_SPKI)),
    ("subject", changed(subject=encode_person(person_name("0012345679", "زهرا", "محمدی")))),
    ("subject", changed(subject=encode_institution("Not a person"))),
    ("basic_constraints", changed_definition(ca=CaRole(None))),
    ("key_usage", changed_definition(key_usage=frozenset({KeyUsageBit.NON_REPUDIATION}))),
    (
        "key_usage",
        changed_definition(key_usage=frozenset({KeyUsageBit.DIGITAL_SIGNATURE, KeyUsageBit.KEY_CERT_SIGN})),
    ),
    ("extended_key_usage", changed_definition(key_purposes=())),
    ("extended_key_usage", changed_definition(key_purposes=(oids.CLIENT_AUTH, "1.3.6.1.5.5.7.3.1"))),
    ("policies", changed_definition(policies=(oids.NCP_PLUS,))),
    ("no_check", changed_definition(no_check=True)),
    ("qc_statements", changed_definition(qualified=True)),
    ("authority_key_identifier", changed_issuer(key_identifier=bytes(20))),
    ("authority_key_identifier", changed_definition(self_signed=True)),
    ("crl_distribution_points", changed_definition(crl_pointer=False)),
    ("crl_distribution_points", changed(crl_scope="root")),
    ("crl_distribution_points", changed(crl_scope="citizen-p0001")),
    ("authority_info_access", changed_definition(ocsp_pointer=False)),
    ("authority_info_access", changed_definition(issuer_pointer=False)),
]


@pytest.mark.parametrize(("rule", "change"), BROKEN)
def test_one_change_is_refused_by_its_rule(rule: str, change: Callable[[dict[str, Any]], None]) -> None:
    definition = DEFINITIONS[Profile.AUTHENTICATION]
    arguments = meant(definition)
    change(arguments)
    with pytest.raises(LintError) as caught:
        lint(encode_tbs(**arguments), expectation(definition))
    assert caught.value.rule == rule


def test_a_child_never_outlives_its_issuer() -> None:
    definition = DEFINITIONS[Profile.AUTHENTICATION]
    dying = replace(ISSUER, validity=Validity(ISSUER.validity.not_before, END - timedelta(seconds=1)))
    arguments = {**meant(definition), "issuer": dying, "validity": Validity(START, END)}
    with pytest.raises(LintError, match="ends after the issuer's"):
        lint(encode_tbs(**arguments), expectation(definition, dying))


@pytest.mark.parametrize(
    ("code", "why"), [("0012345670", "check digit"), ("1111111111", "one digit"), ("0000000000", "one digit")]
)
def test_a_national_code_that_none_can_have_is_refused(code: str, why: str) -> None:
    definition = DEFINITIONS[Profile.AUTHENTICATION]
    subject = encode_person(person_name(code, "سارا", "محمدی"))
    wanted = replace(expectation(definition), subject_hash=hashlib.sha256(subject).digest())
    with pytest.raises(LintError, match=why):
        lint(encode_tbs(**{**meant(definition), "subject": subject}), wanted)


def test_an_unfolded_name_is_refused() -> None:
    definition = DEFINITIONS[Profile.AUTHENTICATION]
    subject = PERSON.replace("محمدی".encode(), "محمدي".encode())
    wanted = replace(expectation(definition), subject_hash=hashlib.sha256(subject).digest())
    with pytest.raises(LintError, match="folded"):
        lint(encode_tbs(**{**meant(definition), "subject": subject}), wanted)


TBS = encode_tbs(**meant(DEFINITIONS[Profile.AUTHENTICATION]))


@given(position=st.integers(0, len(TBS) - 1), flip=st.integers(1, 255))
def test_a_changed_byte_passes_only_where_it_means_the_serial_or_an_earlier_end(
    position: int, flip: int
) -> None:
    tbs = bytearray(TBS)
    tbs[position] ^= flip
    free = range(TBS.index(SERIAL.to_bytes(16, "big")), len(ISSUER.subject) + 90)
    try:
        lint(bytes(tbs), expectation(DEFINITIONS[Profile.AUTHENTICATION]))
    except LintError:
        return
    assert position in free  # the serial's random bits, or the digits of the two times


@given(st.binary(max_size=300))
def test_garbage_is_refused(data: bytes) -> None:
    with pytest.raises(LintError):
        lint(data, expectation(DEFINITIONS[Profile.AUTHENTICATION]))
