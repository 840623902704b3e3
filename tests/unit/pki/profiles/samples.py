"""One signed certificate of any profile and kind of key, without database or home; and its issuers."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from pki.hierarchy import Role, crl_scope, issuer_name
from pki.keys.algorithms import algorithm_for, sign_structure
from pki.keys.files import FileSigner
from pki.keys.identifiers import key_identifier, spki_of
from pki.keys.kinds import KeyKind, kind_of
from pki.lint import Expectation, lint
from pki.profiles import Profile
from pki.profiles.definitions import DEFINITIONS, ProfileDefinition, SubjectForm
from pki.profiles.extensions import PublicAddresses
from pki.profiles.identities import ForeignIdentity, Scheme, resident
from pki.profiles.names import encode_ca, encode_card, encode_institution, encode_person, person_name
from pki.profiles.tbs import IssuerFacts, encode_tbs, validity_from

START = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
ADDRESSES = PublicAddresses("http://pki.hoviat.example.com")
SERIAL = 0x5B6F1D0C9E8A7B4433221100AABBCCDD
CARD = UUID("7c0ba9e4-0ac4-4dc7-9a8c-2d4f3a3ab1f0")
SHARDS = 4096
PERSON = encode_person(person_name("0012345679", "سارا", "محمدی"))

_RSA_BITS = {KeyKind.RSA2048: 2048, KeyKind.RSA3072: 3072, KeyKind.RSA4096: 4096}
_SHARDED = {Role.CITIZEN_AUTHENTICATION, Role.CITIZEN_SIGNATURE, Role.CARD}
_ROOTS = {Role.ROOT: Profile.ROOT_CA, Role.CSCA: Profile.CSCA}


@cache
def key_of(kind: KeyKind, number: int = 0) -> FileSigner:
    """The test run's key of a kind; another for each number."""
    del number
    if kind in _RSA_BITS:
        return FileSigner(rsa.generate_private_key(65537, _RSA_BITS[kind]))
    return FileSigner.generate(ec.SECP256R1() if kind is KeyKind.P256 else ec.SECP384R1())


@cache
def issuer_key(role: Role, generation: int = 1) -> FileSigner:
    kind = KeyKind.P384 if role is Role.ROOT else KeyKind.P256
    return key_of(kind, hash((role, generation)))


@cache
def issuer_facts(role: Role, generation: int = 1, start: datetime = START) -> IssuerFacts:
    key = issuer_key(role, generation).public_key
    life = DEFINITIONS[_ROOTS.get(role, Profile.ISSUING_CA)].life
    return IssuerFacts(
        issuer_name(role, generation),
        encode_ca(role, generation),
        key_identifier(spki_of(key)),
        validity_from(start - timedelta(days=30), life, None),
        algorithm_for(key).identifier,
        SHARDS if role in _SHARDED else 1,
    )


def role_for(definition: ProfileDefinition) -> Role:
    """One of the roles that issue the profile, always the same."""
    return min(definition.issued_by, key=lambda role: role.value)


def subject_for(definition: ProfileDefinition) -> bytes:
    role = role_for(definition)
    named = {
        Profile.ROOT_CA: encode_ca(Role.ROOT, 1),
        Profile.CSCA: encode_ca(Role.CSCA, 1),
        Profile.CSCA_LINK: encode_ca(Role.CSCA, 2),
        Profile.CROSS_CA: encode_ca(Role.ROOT, 2),
        Profile.ISSUING_CA: encode_ca(Role.CITIZEN_SIGNATURE, 1),
    }
    forms = {
        SubjectForm.PERSON: PERSON,
        SubjectForm.CARD: encode_card(CARD),
        SubjectForm.HOST: encode_institution("registry.hoviat.example.com"),
        SubjectForm.INSTITUTION: encode_institution(f"Sample {definition.profile.value} of {role.value}"),
    }
    return named.get(definition.profile, forms[definition.subject])


def subject_key(definition: ProfileDefinition, kind: KeyKind) -> FileSigner:
    """A root certifies its own key; the others are certified for a key of their own."""
    own = issuer_key(role_for(definition))
    return own if definition.self_signed and kind_of(own.public_key) is kind else key_of(kind)


def signing_key(definition: ProfileDefinition, kind: KeyKind) -> FileSigner:
    return subject_key(definition, kind) if definition.self_signed else issuer_key(role_for(definition))


@cache
def facts_for(definition: ProfileDefinition, kind: KeyKind, start: datetime = START) -> IssuerFacts:
    """The issuer of the profile's sample: a root's is itself, with its own kind of key."""
    facts = issuer_facts(role_for(definition), start=start)
    if not definition.self_signed:
        return facts
    key = subject_key(definition, kind).public_key
    return replace(
        facts,
        key_identifier=key_identifier(spki_of(key)),
        signature_algorithm=algorithm_for(key).identifier,
    )


def sample_tbs(
    definition: ProfileDefinition,
    kind: KeyKind,
    subject: bytes | None = None,
    serial: int = SERIAL,
    start: datetime = START,
    addresses: PublicAddresses = ADDRESSES,
) -> bytes:
    facts = facts_for(definition, kind, start)
    limit = None if definition.self_signed else facts.validity
    return encode_tbs(
        definition,
        serial,
        subject or subject_for(definition),
        spki_of(subject_key(definition, kind).public_key),
        validity_from(start, definition.life, limit),
        facts,
        addresses,
        crl_scope(facts.name, facts.shards, serial),
    )


EDGE_NAMES: dict[str, tuple[str | None, str | None]] = {
    "longest": ("ع" * 128, "غ" * 128),
    "a common name of 64 characters and 127 bytes": ("ع" * 31, "غ" * 32),
    "combining marks": ("آ\u0651" * 10, "محمدی\u200cنژاد"),
    "Latin": ("É" * 64, "O'Neil-Smith"),
    "shortest": ("ا", "ب"),
    "one name, a surname": (None, "محمدی"),
    "one name, given": ("سارا", None),
    "one long name": (None, "غ" * 128),
}
"""Lawful names at the edges: given name and surname."""
FOREIGNERS = {
    "resident": resident("123456789012"),
    "passport": ForeignIdentity(Scheme.PASSPORT, "DE", "C01X00T47"),
    "identity card": ForeignIdentity(Scheme.IDENTITY_CARD, "BE", "590082394654"),
    "personal number": ForeignIdentity(Scheme.PERSONAL_NUMBER, "TR", "10000000146"),
    "tax number": ForeignIdentity(Scheme.TAX_NUMBER, "PL", "12345678"),
}


def named_certificate(
    definition: ProfileDefinition,
    names: tuple[str | None, str | None],
    start: datetime = START,
    identity: str | ForeignIdentity = "0012345679",
) -> bytes:
    """A person's certificate, linted as the authority would."""
    subject = encode_person(person_name(identity, *names))
    tbs = sample_tbs(definition, KeyKind.P256, subject, start=start)
    facts = facts_for(definition, KeyKind.P256, start)
    lint(tbs, expectation(definition, KeyKind.P256, subject, facts))
    return sign_structure(signing_key(definition, KeyKind.P256), tbs)


def sample_certificate(
    definition: ProfileDefinition,
    kind: KeyKind,
    start: datetime = START,
    addresses: PublicAddresses = ADDRESSES,
) -> bytes:
    """Signed once: ECDSA signs differently each time."""
    return _signed(definition, kind, start, addresses)


@cache
def _signed(
    definition: ProfileDefinition, kind: KeyKind, start: datetime, addresses: PublicAddresses
) -> bytes:
    tbs = sample_tbs(definition, kind, start=start, addresses=addresses)
    return sign_structure(signing_key(definition, kind), tbs)


def ca_certificate(role: Role, start: datetime = START) -> bytes:
    """The certificate of the CA that signs the samples: a root's own, or one by the root."""
    profile = _ROOTS.get(role, Profile.ISSUING_CA)
    definition = DEFINITIONS[profile]
    signer = Role.ROOT if profile is Profile.ISSUING_CA else role
    tbs = encode_tbs(
        definition,
        SERIAL + hash(role.value) % 2**16,
        encode_ca(role, 1),
        spki_of(issuer_key(role).public_key),
        issuer_facts(role, start=start).validity,
        issuer_facts(signer, start=start),
        ADDRESSES,
        issuer_name(signer, 1),
    )
    return sign_structure(issuer_key(signer), tbs)


def expectation(
    definition: ProfileDefinition,
    kind: KeyKind,
    subject: bytes | None = None,
    issuer: IssuerFacts | None = None,
    addresses: PublicAddresses = ADDRESSES,
) -> Expectation:
    """What the authority would mean by the sample."""
    spki = spki_of(subject_key(definition, kind).public_key)
    return Expectation(
        definition,
        issuer or facts_for(definition, kind),
        hashlib.sha256(spki).digest(),
        hashlib.sha256(subject or subject_for(definition)).digest(),
        addresses,
    )


def every_kind() -> Iterator[tuple[Profile, KeyKind]]:
    """Each profile with each kind of key that it takes."""
    for profile, definition in DEFINITIONS.items():
        for kind in sorted(definition.keys, key=lambda kind: kind.value):
            yield profile, kind
