"""Names compared (RFC 5280 §7.1), and names constrained (§4.2.1.10)."""

import pytest

from pki import der, oids
from pki.der import DerError
from pki.validation import PathPolicy, validate
from pki.validation.errors import (
    MalformedCertificateError,
    NameConstraintError,
    NameConstraintLimitError,
    UntrustedIssuerError,
)
from pki.validation.names import comparable
from tests.unit.pki.validation.making import (
    BMP,
    IA5,
    NOW,
    PRINTABLE,
    TELETEX,
    UTF8,
    Party,
    alternative_names,
    attribute,
    ca,
    certify,
    directory,
    dns,
    general,
    name,
    name_constraints,
    named,
    party,
    rdn,
    uri,
)

ZWNJ = "\u200c"
CN, ORG, COUNTRY = oids.COMMON_NAME, oids.ORGANIZATION_NAME, oids.COUNTRY_NAME

SAME = {
    "kind of string": (named("Root CA"), named("Root CA", PRINTABLE)),
    "capitals": (named("Root CA"), named("ROOT ca")),
    "spaces": (named("  Root   CA "), named("Root CA")),
    "UTF-16": (named("ریشه"), name(rdn(attribute(CN, "ریشه".encode("utf-16-be"), BMP)))),
    "compatibility": (named("ﷲ"), named("الله")),
    "joiner": (named(f"می{ZWNJ}خواهم"), named("میخواهم")),
    "folding": (named("Straße"), named("STRASSE")),
    "order within an RDN": (
        name(rdn(attribute(CN, "a"), attribute(ORG, "b"))),
        name(rdn(attribute(ORG, "b"), attribute(CN, "a"))),
    ),
    "empty": (name(), name()),
}
DIFFERENT = {
    "letters": (named("Root CA"), named("Root CB")),
    "type": (named("a"), name(rdn(attribute(ORG, "a")))),
    "order of RDNs": (
        name(rdn(attribute(CN, "a")), rdn(attribute(ORG, "b"))),
        name(rdn(attribute(ORG, "b")), rdn(attribute(CN, "a"))),
    ),
    "one RDN or two": (
        name(rdn(attribute(CN, "a"), attribute(ORG, "b"))),
        name(rdn(attribute(CN, "a")), rdn(attribute(ORG, "b"))),
    ),
    "a prefix": (named("a"), name(rdn(attribute(CN, "a")), rdn(attribute(CN, "b")))),
    "Teletex is bytes": (named("a"), named("a", TELETEX)),
    "Teletex capitals": (named("A", TELETEX), named("a", TELETEX)),
    "ye": (named("علي"), named("علی")),
    "private use": (named("\ue000A"), named("\ue000a")),
    "empty-looking and empty": (named(" "), name()),
}


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME)
def test_names_that_are_equal(one: bytes, other: bytes) -> None:
    assert comparable(one) == comparable(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT.values(), ids=DIFFERENT)
def test_names_that_differ(one: bytes, other: bytes) -> None:
    assert comparable(one) != comparable(other)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x30\x01",
        der.sequence((der.encode(0x31, b""),)),
        der.sequence((der.sequence(()),)),
        name(rdn(attribute(CN, b"\xff\xfe"))),
        name(rdn(attribute(CN, b"\xd8\x00", BMP))),
        name(rdn(attribute(CN, "ی", PRINTABLE))),
        name(*[rdn(attribute(CN, "a"))] * 129),
    ],
)
def test_what_is_no_name(raw: bytes) -> None:
    with pytest.raises(DerError):
        comparable(raw)


LONGEST = "گ" * 64
ODD = [
    named("گواهی‌نامهٔ ریشهٔ جمهوری اسلامی ایران"),
    named(LONGEST),
    named("x" * 32_768),
    named(" "),
    named(ZWNJ),
    named("\u00a0\u2003"),
    named("\x00"),
    named(""),
    name(rdn(attribute(COUNTRY, "IR", PRINTABLE)), rdn(attribute(CN, LONGEST), attribute(ORG, LONGEST))),
]


@pytest.mark.parametrize("subject", ODD, ids=range(len(ODD)))
def test_paths_through_persian_longest_and_empty_looking_names(subject: bytes) -> None:
    root, middle = (
        Party(subject),
        Party(name(rdn(attribute(ORG, "issuing")), subject[2:] and rdn(attribute(CN, LONGEST)))),
    )
    leaf = Party(subject)
    anchor = certify(root, root, *ca())
    chain = [certify(leaf, middle), certify(middle, root, *ca(0))]
    assert validate(chain, [anchor], NOW).anchor.raw == anchor
    stranger = Party(subject)
    with pytest.raises(UntrustedIssuerError):
        validate(chain[:1], [certify(stranger, stranger, *ca())], NOW)


ROOT, MIDDLE = party("root"), party("middle")
ANCHOR = certify(ROOT, ROOT, *ca())


def mail(address: str) -> bytes:
    return general(1, address.encode())


def address(*octets: int) -> bytes:
    return general(7, bytes(octets))


def judge(constraints: bytes, *names: bytes, subject: bytes = named("leaf")) -> None:
    middle = certify(MIDDLE, ROOT, *ca(), constraints)
    extensions = [alternative_names(*names)] if names else []
    validate([certify(Party(subject), MIDDLE, *extensions), middle], [ANCHOR], NOW)


COUNTRY_IR = name(rdn(attribute(COUNTRY, "IR", PRINTABLE)))
CITIZEN = name(rdn(attribute(COUNTRY, "ir", UTF8)), rdn(attribute(CN, "x")))
MAILING = name(rdn(attribute(oids.EMAIL_ADDRESS, "a@b.ir", IA5)))

INSIDE = {
    "dns same": (dns("b.ir"), dns("B.IR")),
    "dns below": (dns("b.ir"), dns("a.b.ir")),
    "dns wildcard": (dns("b.ir"), dns("*.b.ir")),
    "dns all": (dns(""), dns("c.ir")),
    "mail host": (mail("b.ir"), mail("a@B.ir")),
    "mail domain": (mail(".b.ir"), mail("a@c.b.ir")),
    "mailbox": (mail("a@b.ir"), mail("a@B.IR")),
    "uri host": (uri("b.ir"), uri("https://b.ir:8443/x?y")),
    "uri domain": (uri(".b.ir"), uri("https://u:p@a.b.ir/")),
    "ipv4": (address(10, 1, 0, 0, 255, 255, 0, 0), address(10, 1, 2, 3)),
    "ipv6": (address(*[0x20] * 16, *[255] * 8, *[0] * 8), address(*[0x20] * 8, *range(8))),
    "directory": (directory(COUNTRY_IR), directory(CITIZEN)),
}
OUTSIDE = {
    "dns other": (dns("b.ir"), dns("b.com")),
    "dns suffix of a label": (dns("b.ir"), dns("xb.ir")),
    "dns above": (dns("a.b.ir"), dns("b.ir")),
    "dns wildcard above": (dns("a.b.ir"), dns("*.b.ir")),
    "mail other": (mail("b.ir"), mail("a@c.ir")),
    "mail below a host": (mail("b.ir"), mail("a@x.b.ir")),
    "mail at a domain's top": (mail(".b.ir"), mail("a@b.ir")),
    "mailbox capital": (mail("a@b.ir"), mail("A@b.ir")),
    "uri other": (uri("b.ir"), uri("https://a.b.ir/")),
    "uri domain's top": (uri(".b.ir"), uri("https://b.ir/")),
    "uri in the user": (uri("b.ir"), uri("https://b.ir@c.ir/")),
    "ipv4 other": (address(10, 1, 0, 0, 255, 255, 0, 0), address(10, 2, 2, 3)),
    "ipv6 in ipv4": (address(0, 0, 0, 0, 0, 0, 0, 0), address(*[0] * 16)),
    "directory other": (directory(COUNTRY_IR), directory(named("x"))),
    "other name": (general(0, b"\x06\x01\x2a"), general(0, b"\x06\x01\x2a")),
}
MISWRITTEN = {
    "dns": (dns("b.ir"), dns("-b.ir")),
    "dns empty": (dns("b.ir"), dns("")),
    "dns wildcard inside": (dns("b.ir"), dns("a.*.b.ir")),
    "mail": (mail("b.ir"), mail("b.ir")),
    "mail twice": (mail("b.ir"), mail("x@c.ir@b.ir")),
    "uri without host": (uri("b.ir"), uri("urn:uuid:1")),
    "uri with an address": (uri("b.ir"), uri("https://10.0.0.1/")),
    "uri broken": (uri("b.ir"), uri("https://[")),
    "address": (address(10, 1, 0, 0, 255, 255, 0, 0), address(10, 1)),
}
NO_CONSTRAINT = {
    "dns period": dns(".b.ir"),
    "dns wildcard": dns("*.b.ir"),
    "mail": mail("@b.ir"),
    "uri": uri("https://b.ir"),
    "address": address(10, 0, 0, 0),
    "mask": address(10, 0, 0, 0, 255, 0, 255, 0),
}


@pytest.mark.parametrize(("base", "one"), INSIDE.values(), ids=INSIDE)
def test_a_name_inside_is_permitted_or_excluded(base: bytes, one: bytes) -> None:
    subject = CITIZEN if base == directory(COUNTRY_IR) else named("leaf")
    judge(name_constraints([base]), one, subject=subject)
    with pytest.raises(NameConstraintError):
        judge(name_constraints(excluded=[base]), one)


@pytest.mark.parametrize(("base", "one"), OUTSIDE.values(), ids=OUTSIDE)
def test_a_name_outside_is_not_permitted(base: bytes, one: bytes) -> None:
    subject = CITIZEN if base == directory(COUNTRY_IR) else named("leaf")
    with pytest.raises(NameConstraintError) as caught:
        judge(name_constraints([base]), one, subject=subject)
    assert caught.value.depth == 0


@pytest.mark.parametrize(("base", "one"), MISWRITTEN.values(), ids=MISWRITTEN)
def test_a_name_that_is_none_is_in_no_subtree_and_in_every_excluded_one(base: bytes, one: bytes) -> None:
    for constraints in (name_constraints([base]), name_constraints(excluded=[base])):
        with pytest.raises(NameConstraintError):
            judge(constraints, one)


@pytest.mark.parametrize("base", NO_CONSTRAINT.values(), ids=NO_CONSTRAINT)
def test_a_constraint_that_is_none_refuses_its_ca(base: bytes) -> None:
    with pytest.raises(MalformedCertificateError) as caught:
        judge(name_constraints([base]))
    assert caught.value.depth == 1


def test_an_excluded_host_is_not_reached_by_a_wildcard() -> None:
    with pytest.raises(NameConstraintError):
        judge(name_constraints(excluded=[dns("secret.b.ir")]), dns("*.b.ir"))
    judge(name_constraints(excluded=[dns("very.secret.b.ir")]), dns("*.b.ir"))


def test_other_forms_are_free() -> None:
    judge(name_constraints([dns("b.ir")], [uri("c.ir")]), mail("a@d.ir"), address(1, 2, 3, 4))


@pytest.mark.parametrize("names", [(), (mail("a@b.ir"),), (dns("b.ir"),)])
def test_addresses_in_the_subject_are_constrained(names: tuple[bytes, ...]) -> None:
    judge(name_constraints([mail("b.ir")]), *names, subject=MAILING)
    with pytest.raises(NameConstraintError):
        judge(
            name_constraints([mail("b.ir")]),
            *names,
            subject=name(rdn(attribute(oids.EMAIL_ADDRESS, "a@c.ir", IA5))),
        )


def test_every_ca_narrows() -> None:
    first = certify(MIDDLE, ROOT, *ca(), name_constraints([dns("b.ir")]))
    low = party("low")
    second = certify(low, MIDDLE, *ca(), name_constraints([dns("a.b.ir"), dns("c.ir")]))
    for host, holds in (("x.a.b.ir", True), ("b.ir", False), ("c.ir", False)):
        leaf = certify(party("leaf"), low, alternative_names(dns(host)))
        if holds:
            validate([leaf, second, first], [ANCHOR], NOW)
        else:
            with pytest.raises(NameConstraintError):
                validate([leaf, second, first], [ANCHOR], NOW)


def test_self_issued_cas_are_free_and_the_last_certificate_never_is() -> None:
    constrained = certify(MIDDLE, ROOT, *ca(), name_constraints([directory(COUNTRY_IR)]))
    renewed = Party(MIDDLE.name)
    chain = [certify(Party(CITIZEN), renewed), certify(renewed, MIDDLE, *ca()), constrained]
    validate(chain, [ANCHOR], NOW)
    with pytest.raises(NameConstraintError):
        validate([certify(renewed, MIDDLE), constrained], [ANCHOR], NOW)


def test_an_anchors_constraints_count_unless_it_is_a_key_only() -> None:
    anchor = certify(ROOT, ROOT, *ca(), name_constraints([dns("b.ir")]))
    leaf = certify(party("leaf"), ROOT, alternative_names(dns("c.ir")))
    with pytest.raises(NameConstraintError):
        validate([leaf], [anchor], NOW)
    validate([leaf], [anchor], NOW, PathPolicy(anchor_constraints=False))


def test_too_many_comparisons_are_refused_instead_of_made() -> None:
    bases = [dns(f"h{number}.ir") for number in range(400)]
    names = [dns(f"a.h{number}.ir") for number in range(400)]
    with pytest.raises(NameConstraintLimitError):
        judge(name_constraints(bases), *names)
    judge(name_constraints(bases), *names[:200])
