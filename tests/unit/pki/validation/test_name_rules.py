"""Names compared (RFC 5280 §7.1), and names constrained (§4.2.1.10)."""

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pki import der, oids
from pki.der import DerError
from pki.validation import PathPolicy, validate
from pki.validation.errors import (
    MalformedCertificateError,
    NameConstraintError,
    NameConstraintLimitError,
    UntrustedIssuerError,
)
from pki.validation.generalnames import Form, GeneralName
from pki.validation.nameforms import NameSyntaxError, touches
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
    "many marks": (named("A" + "\u0301" * 30), named("a" + "\u0301" * 30)),
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
    "too many marks": (named("A" + "\u0301" * 31), named("a" + "\u0301" * 31)),
    "marks of two kinds": (named("A" + "\u0301\u0323" * 16), named("a" + "\u0301\u0323" * 16)),
    "marks that joiners part": (named("A" + f"\u0301{ZWNJ}" * 31), named("a" + f"\u0301{ZWNJ}" * 31)),
    "too long": (named("ب" * 1025), named("ب" * 1025, TELETEX)),
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
    "uri domain": (uri(".b.ir"), uri("ldaps://a.b.ir")),
    "mailbox in quotes": (mail("a.x@b.ir"), mail('"a\\.x"@b.ir')),
    "mail quoted at": (mail("b.ir"), mail('"a@c.ir"@b.ir')),
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
    "uri user": (uri("b.ir"), uri("https://u:p@b.ir/")),
    "uri empty user": (uri("b.ir"), uri("https://@b.ir/")),
    "uri backslash": (uri("b.ir"), uri("https://b.ir\\@c.ir/")),
    "uri backslashes": (uri("b.ir"), uri("https:\\\\b.ir\\")),
    "uri percent": (uri("b.ir"), uri("https://%62.ir/")),
    "uri percent NUL": (uri("b.ir"), uri("https://b.ir%00.c.ir/")),
    "uri tab": (uri("b.ir"), uri("https://b\t.ir/")),
    "uri line": (uri("b.ir"), uri("https://b.ir/\n")),
    "uri space": (uri("b.ir"), uri(" https://b.ir/")),
    "uri NUL": (uri("b.ir"), uri("https://b.ir\0.c.ir/")),
    "uri port": (uri("b.ir"), uri("https://b.ir:80@c.ir/")),
    "uri port word": (uri("b.ir"), uri("https://b.ir:https/")),
    "uri empty host": (uri("b.ir"), uri("https:///b.ir")),
    "uri one slash": (uri("b.ir"), uri("https:/b.ir")),
    "uri relative": (uri("b.ir"), uri("//b.ir/")),
    "uri final period": (uri("b.ir"), uri("https://b.ir./")),
    "uri empty label": (uri("b.ir"), uri("https://a..b.ir/")),
    "uri ipv6": (uri("b.ir"), uri("https://[::1]/")),
    "uri number": (uri("b.ir"), uri("https://2130706433/")),
    "uri short address": (uri("b.ir"), uri("https://127.1/")),
    "uri hexadecimal": (uri("b.ir"), uri("https://0x7f.0.0.0x1/")),
    "uri wildcard": (uri("b.ir"), uri("https://*.b.ir/")),
    "dns final period": (dns("b.ir"), dns("b.ir.")),
    "dns first period": (dns("b.ir"), dns(".b.ir")),
    "dns empty label": (dns("b.ir"), dns("a..b.ir")),
    "dns NUL": (dns("b.ir"), dns("c.ir\0.b.ir")),
    "dns space": (dns("b.ir"), dns("c.ir .b.ir")),
    "dns wildcard alone": (dns("b.ir"), dns("*")),
    "dns two wildcards": (dns("b.ir"), dns("*.*.b.ir")),
    "dns part of a label": (dns("b.ir"), dns("a*.b.ir")),
    "dns address": (dns("b.ir"), dns("10.0.0.1")),
    "dns long label": (dns("b.ir"), dns("a" * 64 + ".b.ir")),
    "dns long": (dns("b.ir"), dns("a." * 126 + "b.ir")),
    "mail half a quote": (mail("b.ir"), mail('"x@c.ir@b.ir')),
    "mail quote inside": (mail("b.ir"), mail('"x"@c.ir"@b.ir')),
    "mail quote behind": (mail("b.ir"), mail('x"@c.ir"@b.ir')),
    "mail in angles": (mail("b.ir"), mail("<x@b.ir>")),
    "mail route": (mail("b.ir"), mail("@c.ir:x@b.ir")),
    "mail comment": (mail("b.ir"), mail("x(@c.ir)@b.ir")),
    "mail NUL": (mail("b.ir"), mail("x@c.ir\0@b.ir")),
    "mail final period": (mail("b.ir"), mail("x@b.ir.")),
    "mail literal": (mail("b.ir"), mail("x@[10.0.0.1]")),
    "mail empty local": (mail("b.ir"), mail("@b.ir")),
    "mail two periods": (mail("b.ir"), mail("a..b@b.ir")),
    "mail list": (mail("b.ir"), mail("a@c.ir,a@b.ir")),
    "address long": (address(10, 1, 0, 0, 255, 255, 0, 0), address(10, 1, 0, 0, 0)),
    "address none": (address(10, 1, 0, 0, 255, 255, 0, 0), address()),
    "address and mask": (address(10, 1, 0, 0, 255, 255, 0, 0), address(10, 1, 0, 0, 255, 255, 0, 0)),
    "address": (address(10, 1, 0, 0, 255, 255, 0, 0), address(10, 1)),
}
NO_CONSTRAINT = {
    "dns period": dns(".b.ir"),
    "dns wildcard": dns("*.b.ir"),
    "mail": mail("@b.ir"),
    "uri": uri("https://b.ir"),
    "address": address(10, 0, 0, 0),
    "mask": address(10, 0, 0, 0, 255, 0, 255, 0),
    "address short": address(10, 0, 0, 255, 255, 255),
    "address long": address(*[0] * 33),
    "dns final period": dns("b.ir."),
    "dns NUL": dns("b.ir\0"),
    "mail half a quote": mail('"a@b.ir'),
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


VIDEOTEX, GRAPHIC, GENERAL, VISIBLE, OCTETS, BITS = 0x15, 0x19, 0x1B, 0x1A, 0x04, 0x03
PLAIN = name(rdn(attribute(ORG, "Evil Group")))


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("Evil Group", TELETEX),
        ("EVIL  group", TELETEX),
        ("evil group", VIDEOTEX),
        ("evil group", GRAPHIC),
        ("evil group", GENERAL),
        ("evil group", VISIBLE),
        ("Evil Group".encode("utf-16-be"), BMP),
        ("Evil Group".encode("utf-32-be"), 0x1C),
        ("Evil\u00a0Group", UTF8),
        ("\u200eEvil Group\u00ad", UTF8),
        ("Ev\0il Group", UTF8),
        ("Ｅｖｉｌ Ｇｒｏｕｐ", UTF8),
        (b"Evil Group", OCTETS),
        (b"Evil Gro\xc8up", TELETEX),
        ("Evil Group\ue000", UTF8),
        ("Evil Group\ufffd", UTF8),
    ],
)
def test_no_spelling_of_an_excluded_name_passes(text: str | bytes, tag: int) -> None:
    """Kinds of text that are read alike are compared; others are taken for the excluded one."""
    spelt = name(rdn(attribute(ORG, text, tag)), rdn(attribute(CN, "leaf")))
    for one in ({"subject": spelt}, {}):
        names = () if one else (directory(spelt),)
        with pytest.raises((NameConstraintError, MalformedCertificateError)):
            judge(name_constraints(excluded=[directory(PLAIN)]), *names, **one)


@pytest.mark.parametrize(
    "spelt",
    [
        named("Evil Group", TELETEX),
        name(rdn(attribute(ORG, "Evil Grouq", TELETEX))),
        name(rdn(attribute(ORG, "Evil")), rdn(attribute(CN, b"\xc8", TELETEX))),
        name(rdn(attribute(COUNTRY, "DE", PRINTABLE)), rdn(attribute(ORG, b"\xc8", TELETEX))),
        name(),
    ],
)
def test_names_that_differ_for_certain_are_not_excluded(spelt: bytes) -> None:
    judge(name_constraints(excluded=[directory(PLAIN)]), directory(spelt))


def test_an_exclusion_that_can_t_be_compared_excludes_what_it_may_mean() -> None:
    base = name(rdn(attribute(ORG, b"\xc8a", TELETEX)))
    for other in ("ä", "anything"):
        with pytest.raises(NameConstraintError):
            judge(name_constraints(excluded=[directory(base)]), subject=name(rdn(attribute(ORG, other))))
    judge(name_constraints(excluded=[directory(base)]), subject=named("another attribute"))


def test_a_permitted_subtree_takes_what_is_the_same_beyond_doubt() -> None:
    base = name(rdn(attribute(ORG, b"\xc8a", TELETEX)))
    same = name(rdn(attribute(ORG, b"\xc8a", TELETEX)), rdn(attribute(CN, "x")))
    judge(name_constraints([directory(base)]), subject=same)
    judge(name_constraints([directory(PLAIN)]), subject=name(rdn(attribute(ORG, "evil group", TELETEX))))
    for doubtful in (b"\xc8A", b"\xc4"):
        with pytest.raises(NameConstraintError):
            judge(name_constraints([directory(base)]), subject=name(rdn(attribute(ORG, doubtful, TELETEX))))


def test_values_that_are_no_text_are_compared_by_their_bytes() -> None:
    base, other = (name(rdn(attribute("2.5.4.45", octets, BITS))) for octets in (b"\0\1", b"\0\2"))
    judge(name_constraints(excluded=[directory(base)]), subject=other)
    with pytest.raises(NameConstraintError):
        judge(name_constraints(excluded=[directory(base)]), subject=base)


MAPPED = (*[0] * 10, 255, 255)
TEN = (10, 0, 0, 0, 255, 0, 0, 0)


def test_an_address_written_in_the_other_form_is_still_excluded() -> None:
    with pytest.raises(NameConstraintError):
        judge(name_constraints(excluded=[address(*TEN)]), address(*MAPPED, 10, 1, 2, 3))
    within_ten = address(*MAPPED, 10, 0, 0, 0, *[255] * 13, 0, 0, 0)
    with pytest.raises(NameConstraintError):
        judge(name_constraints(excluded=[within_ten]), address(10, 1, 2, 3))
    judge(name_constraints(excluded=[address(*TEN)]), address(*MAPPED, 11, 1, 2, 3))
    judge(name_constraints(excluded=[address(*[0] * 32)]), address(11, 1, 2, 3))
    with pytest.raises(NameConstraintError):
        judge(name_constraints([address(*TEN)]), address(*MAPPED, 10, 1, 2, 3))


def other_name(oid: str, text: str) -> bytes:
    return general(0, der.object_identifier(oid) + der.context(0, der.encode(UTF8, text.encode())))


UPN, SMTP_UTF8, SRV = "1.3.6.1.4.1.311.20.2.3", "1.3.6.1.5.5.7.8.9", "1.3.6.1.5.5.7.8.7"


@pytest.mark.parametrize(
    ("base", "alias", "free"),
    [
        (mail("b.ir"), other_name(UPN, "root@c.ir"), dns("b.ir")),
        (mail("b.ir"), other_name(SMTP_UTF8, "ریشه@c.ir"), dns("b.ir")),
        (dns("b.ir"), other_name(SRV, "_ldap.c.ir"), mail("b.ir")),
        (address(*TEN), dns("10.1.2.3"), uri("b.ir")),
        (address(*TEN), dns("10.66051"), uri("b.ir")),
    ],
)
def test_a_name_in_another_form_s_clothes_gets_around_nothing(base: bytes, alias: bytes, free: bytes) -> None:
    for constraints in (name_constraints([base]), name_constraints(excluded=[base])):
        with pytest.raises(NameConstraintError):
            judge(constraints, alias)
    judge(name_constraints([free]), alias)


def test_an_excluded_mailbox_is_meant_in_any_capitals() -> None:
    for spelt in ("Root@b.ir", '"root"@B.IR', '"r\\oot"@b.ir'):
        with pytest.raises(NameConstraintError):
            judge(name_constraints(excluded=[mail("root@b.ir")]), mail(spelt))
    judge(name_constraints(excluded=[mail("root@b.ir")]), mail("roots@b.ir"))


@pytest.mark.parametrize("tag", [BMP, TELETEX, UTF8, OCTETS])
def test_an_address_in_the_subject_in_any_kind_of_text_is_held_to_it(tag: int) -> None:
    text = "a@c.ir".encode("utf-16-be") if tag == BMP else b"a@c.ir"
    for constraints in (name_constraints([mail("b.ir")]), name_constraints(excluded=[mail("c.ir")])):
        with pytest.raises(NameConstraintError):
            judge(constraints, subject=name(rdn(attribute(oids.EMAIL_ADDRESS, text, tag))))


@given(st.text(st.sampled_from('ab.i@:/?#\\[]%*\0 _-0x"<>'), max_size=24))
def test_whatever_is_taken_for_a_uri_has_one_host_for_everyone(text: str) -> None:
    """What our reader takes, another one reads alike."""
    try:
        judge_uri = touches(GeneralName(Form.URI, f"https://{text}".encode()), GeneralName(Form.URI, b"b.ai"))
    except NameSyntaxError:
        return
    host = urlsplit(f"https://{text}").hostname
    assert host is not None
    assert judge_uri == (host == "b.ai")
    assert (
        "@" not in f"https://{text}".partition("://")[2].partition("/")[0].partition("?")[0].partition("#")[0]
    )
