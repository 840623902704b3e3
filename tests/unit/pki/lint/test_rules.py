"""Each rule refuses what it is there for, by its name, and lets what is meant pass."""

import hashlib
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

import pytest

from pki import der, oids
from pki.errors import LintError
from pki.hierarchy import Role
from pki.keys.identifiers import spki_of
from pki.keys.kinds import KeyKind
from pki.lint import lint
from pki.lint.candidate import Recorded, read_candidate, read_shared
from pki.lint.rules import MODULES, repository_scheme
from pki.profiles import Profile
from pki.profiles.definitions import DEFINITIONS
from pki.profiles.extensions import distribution_points
from pki.profiles.names import encode_ca, encode_institution, encode_person, person_name
from pki.profiles.tbs import Validity
from tests.unit.pki.lint.surgery import (
    ALGORITHM,
    ISSUER,
    SERIAL,
    SPKI,
    SUBJECT,
    VALIDITY,
    add,
    change_extension,
    extensions_of,
    flip_critical,
    replaced,
    value_of,
    with_extensions,
    with_part,
    with_value,
    without,
)
from tests.unit.pki.profiles import samples
from tests.unit.pki.profiles.samples import every_kind, expectation, key_of, sample_tbs

Change = Callable[[bytes], bytes]
START = samples.START
AUTHENTICATION, SIGNATURE = Profile.AUTHENTICATION, Profile.SIGNATURE
CARD, SERVICE = Profile.CARD_AUTHENTICATION, Profile.SERVICE
DOCUMENT_SIGNER, LINK = Profile.DOCUMENT_SIGNER, Profile.CSCA_LINK


class Broken(NamedTuple):
    """A sample of a profile, one change, and the rule that must see it."""

    rule: str
    profile: Profile
    change: Change


def kind_for(profile: Profile) -> KeyKind:
    return min(DEFINITIONS[profile].keys, key=lambda kind: kind.value)


@pytest.mark.parametrize(("profile", "kind"), every_kind())
def test_what_is_meant_passes(profile: Profile, kind: KeyKind) -> None:
    definition = DEFINITIONS[profile]
    lint(sample_tbs(definition, kind), expectation(definition, kind))


def part(place: int, value: bytes) -> Change:
    return lambda tbs: with_part(tbs, place, value)


def extension(dotted: str, change: Change) -> Change:
    return lambda tbs: change_extension(tbs, dotted, change)


def extra(added: bytes) -> Change:
    return lambda tbs: add(tbs, added)


def times(start: timedelta, end: timedelta) -> Change:
    return part(VALIDITY, der.sequence((der.time(START + start), der.time(START + end))))


def inside(dotted: str, change: Change) -> Change:
    """Changes an extension's value as a whole."""
    return lambda tbs: change_extension(tbs, dotted, with_value(change(value_of(tbs, dotted))))


def items(change: Callable[[list[bytes]], list[bytes]]) -> Change:
    """Changes the list of items in a SEQUENCE."""
    return lambda value: der.sequence(
        change([item.raw for item in der.parse(value, der.SEQUENCE).children()])
    )


def uri(text: str) -> bytes:
    return der.context(6, text.encode(), constructed=False)


def nothing(_: bytes) -> bytes:
    return b""


def too_much(_: bytes) -> bytes:
    return bytes(20_000)


def turned(tbs: bytes) -> bytes:
    return with_extensions(tbs, list(reversed(extensions_of(tbs).values())))


OTHER_KEY = spki_of(key_of(KeyKind.P256, 99).public_key)
DAY, YEAR = timedelta(days=1), timedelta(days=365)
NULL = der.encode(der.NULL, b"")
PRINTABLE, SET = 0x13, 0x31
SEMANTICS, COMPLIANCE, SSCD, PDS, TYPE, LEGISLATION = range(6)


def dropped(place: int) -> Change:
    return inside(oids.QC_STATEMENTS, items(lambda found: found[:place] + found[place + 1 :]))


def policy(dotted: str, *more: bytes) -> bytes:
    return der.sequence((der.object_identifier(dotted), *more))


BROKEN = [
    Broken("serial", AUTHENTICATION, part(SERIAL, der.integer(0))),
    Broken("serial", AUTHENTICATION, part(SERIAL, der.integer(-samples.SERIAL))),
    Broken("serial", AUTHENTICATION, part(SERIAL, der.integer(samples.SERIAL >> 8))),
    Broken("serial", AUTHENTICATION, part(SERIAL, der.integer(samples.SERIAL << 8))),
    Broken("serial", AUTHENTICATION, part(SERIAL, der.integer(1 << 126))),
    Broken("serial", AUTHENTICATION, part(SERIAL, der.integer((1 << 127) - 1))),
    Broken("serial", AUTHENTICATION, part(SERIAL, der.encode(der.INTEGER, b""))),
    Broken("encoding", AUTHENTICATION, part(SERIAL, der.encode(der.INTEGER, bytes(2) + b"\x01" * 14))),
    Broken("encoding", AUTHENTICATION, lambda tbs: tbs + b"\x00"),
    Broken("encoding", AUTHENTICATION, lambda tbs: tbs[:-1]),
    Broken("encoding", AUTHENTICATION, nothing),
    Broken("encoding", AUTHENTICATION, too_much),
    Broken("encoding", AUTHENTICATION, extra(der.extension(oids.SUBJECT_KEY_IDENTIFIER, bytes(22)))),
    Broken("validity", AUTHENTICATION, times(DAY, -DAY)),
    Broken("validity", AUTHENTICATION, times(-100 * DAY, DAY)),
    Broken("validity", AUTHENTICATION, times(0 * DAY, 5 * YEAR + 3 * DAY)),
    Broken("encoding", AUTHENTICATION, part(VALIDITY, der.sequence((der.generalized_time(START),) * 2))),
    Broken("issuer", AUTHENTICATION, part(ISSUER, encode_institution("Another CA"))),
    Broken(
        "signature_algorithm",
        AUTHENTICATION,
        part(ALGORITHM, der.sequence((der.object_identifier(oids.ECDSA_WITH_SHA384),))),
    ),
    Broken("public_key", AUTHENTICATION, part(SPKI, OTHER_KEY)),
    Broken("subject", AUTHENTICATION, part(SUBJECT, encode_institution("Not a person"))),
    Broken(
        "subject",
        AUTHENTICATION,
        part(SUBJECT, encode_person(person_name("0012345679", "زهرا", "محمدی"))),
    ),
    Broken("subject", Profile.ROOT_CA, part(SUBJECT, encode_ca(Role.ROOT, 2))),
    Broken("subject_key_identifier", AUTHENTICATION, extension(oids.SUBJECT_KEY_IDENTIFIER, without)),
    Broken("subject_key_identifier", AUTHENTICATION, extension(oids.SUBJECT_KEY_IDENTIFIER, flip_critical)),
    Broken(
        "subject_key_identifier",
        AUTHENTICATION,
        extension(oids.SUBJECT_KEY_IDENTIFIER, with_value(der.encode(der.OCTET_STRING, bytes(20)))),
    ),
    Broken("private_key_use", AUTHENTICATION, extra(der.extension(oids.PRIVATE_KEY_USAGE_PERIOD, NULL))),
    Broken("private_key_use", DOCUMENT_SIGNER, extension(oids.PRIVATE_KEY_USAGE_PERIOD, without)),
    Broken("private_key_use", DOCUMENT_SIGNER, extension(oids.PRIVATE_KEY_USAGE_PERIOD, flip_critical)),
    Broken(
        "private_key_use",
        DOCUMENT_SIGNER,
        extension(oids.PRIVATE_KEY_USAGE_PERIOD, replaced(b"20270224", b"20280224")),
    ),
    Broken("private_key_use", DOCUMENT_SIGNER, extension(oids.PRIVATE_KEY_USAGE_PERIOD, with_value(NULL))),
    Broken(  # a blank for a digit, which strptime takes
        "private_key_use",
        DOCUMENT_SIGNER,
        extension(oids.PRIVATE_KEY_USAGE_PERIOD, replaced(b"20270224", b"2027 224")),
    ),
    Broken("name_change", LINK, extra(der.extension(oids.ICAO_NAME_CHANGE, NULL))),
    Broken("name_change", AUTHENTICATION, extra(der.extension(oids.ICAO_NAME_CHANGE, NULL))),
    Broken("extension_set", AUTHENTICATION, extra(der.extension("2.5.29.54", der.integer(0)))),
    Broken("extension_set", AUTHENTICATION, extra(der.extension("2.5.29.46", der.sequence(())))),
    Broken("encoding", AUTHENTICATION, extra(der.extension(oids.OCSP_NOCHECK, NULL) * 2)),
    Broken("basic_constraints", Profile.ISSUING_CA, extension(oids.BASIC_CONSTRAINTS, without)),
    Broken("basic_constraints", Profile.ISSUING_CA, extension(oids.BASIC_CONSTRAINTS, flip_critical)),
    Broken(
        "basic_constraints",
        Profile.ISSUING_CA,
        extension(oids.BASIC_CONSTRAINTS, replaced(b"\x02\x01\0", b"\x02\x01\1")),
    ),
    Broken(
        "basic_constraints", AUTHENTICATION, extra(der.extension(oids.BASIC_CONSTRAINTS, der.sequence(())))
    ),
    Broken("key_usage", AUTHENTICATION, extension(oids.KEY_USAGE, without)),
    Broken("key_usage", AUTHENTICATION, extension(oids.KEY_USAGE, flip_critical)),
    Broken("key_usage", AUTHENTICATION, extension(oids.KEY_USAGE, with_value(bytes.fromhex("030206c0")))),
    Broken("key_usage", SIGNATURE, extension(oids.KEY_USAGE, with_value(bytes.fromhex("03020780")))),
    Broken("key_usage", AUTHENTICATION, extension(oids.KEY_USAGE, with_value(bytes.fromhex("03020284")))),
    Broken("key_purposes", AUTHENTICATION, extension(oids.EXTENDED_KEY_USAGE, without)),
    Broken("key_purposes", AUTHENTICATION, extension(oids.EXTENDED_KEY_USAGE, flip_critical)),
    Broken("key_purposes", CARD, extension(oids.EXTENDED_KEY_USAGE, flip_critical)),
    Broken(
        "key_purposes",
        AUTHENTICATION,
        inside(
            oids.EXTENDED_KEY_USAGE, items(lambda found: [*found, der.object_identifier(oids.SERVER_AUTH)])
        ),
    ),
    Broken(
        "key_purposes",
        AUTHENTICATION,
        inside(oids.EXTENDED_KEY_USAGE, items(lambda found: [*found, der.object_identifier("2.5.29.37.0")])),
    ),
    Broken("policies", AUTHENTICATION, extension(oids.CERTIFICATE_POLICIES, without)),
    Broken("policies", AUTHENTICATION, extension(oids.CERTIFICATE_POLICIES, flip_critical)),
    Broken("policies", AUTHENTICATION, inside(oids.CERTIFICATE_POLICIES, items(lambda found: found[:1]))),
    Broken("policies", AUTHENTICATION, inside(oids.CERTIFICATE_POLICIES, items(lambda found: found[::-1]))),
    Broken(
        "policies",
        AUTHENTICATION,
        inside(
            oids.CERTIFICATE_POLICIES,
            items(
                lambda found: [
                    found[0],
                    policy(
                        oids.HOVIAT_AUTHENTICATION_POLICY,
                        der.sequence((policy("1.3.6.1.5.5.7.2.1", der.encode(0x16, b"http://x.example")),)),
                    ),
                ]
            ),
        ),
    ),
    Broken("authority_key_identifier", AUTHENTICATION, extension(oids.AUTHORITY_KEY_IDENTIFIER, without)),
    Broken(
        "authority_key_identifier", AUTHENTICATION, extension(oids.AUTHORITY_KEY_IDENTIFIER, flip_critical)
    ),
    Broken(
        "authority_key_identifier",
        AUTHENTICATION,
        extension(
            oids.AUTHORITY_KEY_IDENTIFIER,
            with_value(der.sequence((der.context(0, bytes(20), constructed=False),))),
        ),
    ),
    Broken("authority_key_identifier", Profile.ROOT_CA, extension(oids.AUTHORITY_KEY_IDENTIFIER, without)),
    Broken(
        "authority_key_identifier",
        Profile.CSCA,
        extension(
            oids.AUTHORITY_KEY_IDENTIFIER,
            with_value(der.sequence((der.context(0, bytes(20), constructed=False),))),
        ),
    ),
    Broken("crl_distribution_point", AUTHENTICATION, extension(oids.CRL_DISTRIBUTION_POINTS, without)),
    Broken("crl_distribution_point", AUTHENTICATION, extension(oids.CRL_DISTRIBUTION_POINTS, flip_critical)),
    Broken(
        "crl_distribution_point",
        AUTHENTICATION,
        extension(oids.CRL_DISTRIBUTION_POINTS, replaced(b"-p3293", b"-p3294")),
    ),
    Broken(
        "crl_distribution_point",
        AUTHENTICATION,
        inside(oids.CRL_DISTRIBUTION_POINTS, items(lambda found: found * 2)),
    ),
    Broken("crl_distribution_point", AUTHENTICATION, part(SERIAL, der.integer(samples.SERIAL - 1))),
    Broken(
        "crl_distribution_point",
        Profile.OCSP_RESPONDER,
        lambda tbs: add(tbs, crl_extension()),
    ),
    Broken("authority_info_access", AUTHENTICATION, extension(oids.AUTHORITY_INFO_ACCESS, without)),
    Broken("authority_info_access", AUTHENTICATION, extension(oids.AUTHORITY_INFO_ACCESS, flip_critical)),
    Broken(
        "authority_info_access", AUTHENTICATION, inside(oids.AUTHORITY_INFO_ACCESS, items(lambda f: f[:1]))
    ),
    Broken(
        "authority_info_access", AUTHENTICATION, inside(oids.AUTHORITY_INFO_ACCESS, items(lambda f: f[::-1]))
    ),
    Broken(
        "authority_info_access",
        AUTHENTICATION,
        extension(oids.AUTHORITY_INFO_ACCESS, replaced(b"example.com", b"example.org")),
    ),
    *(
        Broken("repository_scheme", profile, extension(pointer, replaced(b"http://p", scheme)))
        for profile, pointer in (
            (AUTHENTICATION, oids.CRL_DISTRIBUTION_POINTS),
            (AUTHENTICATION, oids.AUTHORITY_INFO_ACCESS),
            (Profile.ISSUING_CA, oids.CRL_DISTRIBUTION_POINTS),
            (Profile.ISSUING_CA, oids.AUTHORITY_INFO_ACCESS),
            (Profile.CSCA, oids.CRL_DISTRIBUTION_POINTS),
        )
        for scheme in (b"https://", b"ldap://p", b"HTTP://p", b"//http:p")
    ),
    Broken(  # a name of another kind
        "repository_scheme",
        AUTHENTICATION,
        extension(oids.AUTHORITY_INFO_ACCESS, replaced(b"\x86", b"\x82")),
    ),
    Broken("qc_statements", SIGNATURE, extension(oids.QC_STATEMENTS, without)),
    Broken("qc_statements", SIGNATURE, extension(oids.QC_STATEMENTS, flip_critical)),
    *(Broken("qc_statements", SIGNATURE, dropped(place)) for place in range(6)),
    Broken("qc_statements", SIGNATURE, inside(oids.QC_STATEMENTS, items(lambda found: found[:1] + found))),
    Broken("qc_statements", SIGNATURE, inside(oids.QC_STATEMENTS, items(lambda found: found[::-1]))),
    Broken("qc_statements", SIGNATURE, extension(oids.QC_STATEMENTS, replaced(b"https", b"httpx"))),
    Broken("qc_statements", SIGNATURE, extension(oids.QC_STATEMENTS, replaced(b"\x13\x02en", b"\x13\x02fa"))),
    Broken("qc_statements", SIGNATURE, extension(oids.QC_STATEMENTS, replaced(b"\x13\x02IR", b"\x13\x02DE"))),
    Broken(
        "qc_statements",
        SIGNATURE,
        extension(oids.QC_STATEMENTS, replaced(b"\xec\x49\x01\x01", b"\xec\x49\x01\x02")),
    ),
    Broken(
        "qc_statements",
        SIGNATURE,
        inside(
            oids.QC_STATEMENTS,
            items(lambda found: [*found[:1], policy(oids.QC_COMPLIANCE, NULL), *found[2:]]),
        ),
    ),
    Broken("qc_statements", SIGNATURE, extension(oids.QC_STATEMENTS, with_value(NULL))),
    Broken("qc_statements", AUTHENTICATION, extra(der.extension(oids.QC_STATEMENTS, der.sequence(())))),
    Broken("no_check", Profile.OCSP_RESPONDER, extension(oids.OCSP_NOCHECK, without)),
    Broken("no_check", Profile.OCSP_RESPONDER, extension(oids.OCSP_NOCHECK, flip_critical)),
    Broken("no_check", AUTHENTICATION, extra(der.extension(oids.OCSP_NOCHECK, NULL))),
    Broken("alternative_name", CARD, extension(oids.SUBJECT_ALT_NAME, without)),
    Broken("alternative_name", CARD, extension(oids.SUBJECT_ALT_NAME, flip_critical)),
    Broken("alternative_name", CARD, extension(oids.SUBJECT_ALT_NAME, replaced(b"7c0b", b"7c0c"))),
    Broken("alternative_name", SERVICE, extension(oids.SUBJECT_ALT_NAME, replaced(b"registry", b"verifier"))),
    Broken(
        "alternative_name",
        SERVICE,
        inside(
            oids.SUBJECT_ALT_NAME,
            items(lambda found: [*found, der.context(2, b"x.example", constructed=False)]),
        ),
    ),
    Broken("country_names", DOCUMENT_SIGNER, extension(oids.SUBJECT_ALT_NAME, without)),
    Broken("country_names", DOCUMENT_SIGNER, extension(oids.ISSUER_ALT_NAME, without)),
    Broken("country_names", DOCUMENT_SIGNER, extension(oids.ISSUER_ALT_NAME, flip_critical)),
    Broken("country_names", DOCUMENT_SIGNER, extension(oids.ISSUER_ALT_NAME, replaced(b"IRN", b"UTO"))),
    Broken("country_names", DOCUMENT_SIGNER, inside(oids.SUBJECT_ALT_NAME, items(lambda found: found[:1]))),
    Broken(
        "country_names",
        AUTHENTICATION,
        extra(der.extension(oids.SUBJECT_ALT_NAME, der.sequence((uri("http://x.example"),)))),
    ),
    Broken("document_types", DOCUMENT_SIGNER, extension(oids.ICAO_DOCUMENT_TYPE_LIST, without)),
    Broken("document_types", DOCUMENT_SIGNER, extension(oids.ICAO_DOCUMENT_TYPE_LIST, flip_critical)),
    Broken(
        "document_types",
        DOCUMENT_SIGNER,
        extension(oids.ICAO_DOCUMENT_TYPE_LIST, replaced(b"\x13\x01I", b"\x13\x01P")),
    ),
    Broken(
        "document_types",
        DOCUMENT_SIGNER,
        extension(oids.ICAO_DOCUMENT_TYPE_LIST, replaced(b"\x02\x01\0", b"\x02\x01\1")),
    ),
    Broken("document_types", DOCUMENT_SIGNER, extension(oids.ICAO_DOCUMENT_TYPE_LIST, with_value(NULL))),
    Broken("document_types", AUTHENTICATION, extra(der.extension(oids.ICAO_DOCUMENT_TYPE_LIST, NULL))),
    Broken("canonical", AUTHENTICATION, turned),
]


def crl_extension() -> bytes:
    oid = der.object_identifier(oids.CRL_DISTRIBUTION_POINTS).hex()
    definition = DEFINITIONS[AUTHENTICATION]
    return extensions_of(sample_tbs(definition, KeyKind.P256))[oid]


@pytest.mark.parametrize("broken", BROKEN)
def test_one_change_is_refused_by_its_rule(broken: Broken) -> None:
    definition, kind = DEFINITIONS[broken.profile], kind_for(broken.profile)
    if broken.profile is LINK:  # one whose name stays, so that nameChange is wrong
        same = encode_ca(Role.CSCA, 1)
        tbs, expected = sample_tbs(definition, kind, same), expectation(definition, kind, same)
    else:
        tbs, expected = sample_tbs(definition, kind), expectation(definition, kind)
    lint(tbs, expected)
    with pytest.raises(LintError) as caught:
        lint(broken.change(tbs), expected)
    assert caught.value.rule == broken.rule


# Changes of what is expected, or of a subject that was ordered so.
ELSEWHERE = {"readers", "person", "national_code", "foreign_identity", "institution", "recorded"}


def test_every_rule_has_a_failing_example() -> None:
    assert {module.RULE for module in MODULES} == {broken.rule for broken in BROKEN} - {
        "encoding"
    } | ELSEWHERE


@pytest.mark.parametrize("change", ["none", "serial", "start", "end"])
def test_the_bytes_are_those_of_their_row(change: str) -> None:
    definition = DEFINITIONS[AUTHENTICATION]
    tbs = sample_tbs(definition, KeyKind.P256)
    meant = expectation(definition, KeyKind.P256)
    read = read_candidate(tbs, meant)
    serial, start, end = read.serial, read.tbs.not_before, read.tbs.not_after
    recorded = {
        "none": Recorded(serial, Validity(start, end)),
        "serial": Recorded(serial ^ 1, Validity(start, end)),
        "start": Recorded(serial, Validity(start - DAY, end)),
        "end": Recorded(serial, Validity(start, end + DAY)),
    }[change]
    if change == "none":
        lint(tbs, replace(meant, recorded=recorded))
        return
    with pytest.raises(LintError) as caught:
        lint(tbs, replace(meant, recorded=recorded))
    assert caught.value.rule == "recorded"


def test_every_rule_names_its_clause() -> None:
    assert all(module.CLAUSE and module.__doc__ for module in MODULES)


def test_a_child_never_outlives_its_issuer() -> None:
    definition = DEFINITIONS[AUTHENTICATION]
    facts = samples.issuer_facts(Role.CITIZEN_AUTHENTICATION)
    dying = replace(facts, validity=Validity(facts.validity.not_before, START + DAY))
    with pytest.raises(LintError, match="ends after the issuer's"):
        lint(sample_tbs(definition, KeyKind.P256), expectation(definition, KeyKind.P256, issuer=dying))


def test_a_key_of_a_kind_that_the_profile_does_not_take_is_refused() -> None:
    definition = replace(DEFINITIONS[AUTHENTICATION], keys=frozenset({KeyKind.P384}))
    with pytest.raises(LintError) as caught:
        lint(sample_tbs(definition, KeyKind.P256), expectation(definition, KeyKind.P256))
    assert caught.value.rule == "public_key"


@pytest.mark.parametrize("exponent", [1, 3, 65_536, 65_538])
def test_an_rsa_key_with_a_weak_exponent_is_refused(exponent: int) -> None:
    definition, kind = DEFINITIONS[AUTHENTICATION], KeyKind.RSA2048
    good = spki_of(key_of(kind).public_key)
    algorithm, bits = der.parse(good, der.SEQUENCE).children()
    modulus, _ = der.parse(bits.content[1:], der.SEQUENCE).children()
    weak = der.sequence((algorithm.raw, der.bit_string(der.sequence((modulus.raw, der.integer(exponent))))))
    wanted = replace(expectation(definition, kind), key_hash=hashlib.sha256(weak).digest())
    with pytest.raises(LintError) as caught:
        lint(with_part(sample_tbs(definition, kind), SPKI, weak), wanted)
    assert caught.value.rule == "public_key"


def test_both_readers_must_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    """No bytes are known on which they differ; a reader of ours with a fault is one."""
    faulty = (START + DAY, START + 2 * DAY)
    monkeypatch.setattr("pki.lint.reader.read_validity", lambda _content: faulty)
    definition = DEFINITIONS[AUTHENTICATION]
    with pytest.raises(LintError) as caught:
        lint(sample_tbs(definition, KeyKind.P256), expectation(definition, KeyKind.P256))
    assert caught.value.rule == "readers"


@pytest.mark.parametrize(
    ("url", "passes"), [("http://x.example/d.crl", True), ("https://x.example/d.crl", False)]
)
def test_a_delta_is_named_by_http(url: str, passes: bool) -> None:
    """No profile names one yet: `extension_set` refuses it before. This rule stands by itself."""
    definition, kind = DEFINITIONS[AUTHENTICATION], kind_for(AUTHENTICATION)
    tbs = add(sample_tbs(definition, kind), der.extension(oids.FRESHEST_CRL, distribution_points(url)))
    candidate = read_candidate(tbs, expectation(definition, kind))
    shared = read_shared(candidate, candidate.expected.crl_scope(candidate.serial))
    with nullcontext() if passes else pytest.raises(LintError, match="repository_scheme"):
        repository_scheme.check(shared)
