"""Version 1.1 of the token: certificates that may help to find a path, and are trusted for nothing."""

import base64
import json
from contextlib import nullcontext
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from simulators.forge.certificates import NOW, POLICY_OID, Authority, key_usage, make_authority, person
from simulators.forge.tokens import NONCE, ORIGIN, Forge, ForgedCard, Token, signing_entry, with_hints
from verifier.authentication.errors import (
    CertificateDecodingError,
    ForeignFieldError,
    IssuerUntrustedError,
    LoginRefusedError,
    ParseFault,
    SignatureError,
    SigningCertificateError,
    SigningFault,
    TokenParseError,
)
from verifier.authentication.identity import Identity
from verifier.authentication.policy import WEB_EID_POLICY, national_policy
from verifier.authentication.steps import Step
from verifier.authentication.token import WebEidToken
from verifier.authentication.trust import GivenTrust, PinnedTrust, Trust
from verifier.authentication.verification import TokenVerifier

FORGE = Forge.create()
ROOT, MIDDLE = FORGE.root, FORGE.authority
ROOT_ONLY = GivenTrust([ROOT.certificate])
SIGNING = key_usage("content_commitment")


def der_of(authority: Authority) -> bytes:
    return authority.certificate.public_bytes(Encoding.DER)


def key_identifier(authority: Authority) -> tuple[x509.ExtensionType, bool]:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), False


def card(issuer: Authority = MIDDLE) -> ForgedCard:
    return FORGE.card(issuer, extensions=[key_identifier(issuer)])


def signing_card(issuer: Authority = MIDDLE, **changes: object) -> ForgedCard:
    key = ec.generate_private_key(ec.SECP256R1())
    wanted = {"usage": SIGNING, "purposes": None, "extensions": [key_identifier(issuer)], **changes}
    return FORGE.card(issuer, key=key, **wanted)  # type: ignore[arg-type] # the changes are CardChanges


def verify(token: Token, trust: Trust = ROOT_ONLY, nonce: str = NONCE) -> Identity:
    verifier = TokenVerifier(WEB_EID_POLICY, trust, None)
    return verifier.verify(WebEidToken.parse(json.dumps(token)), ORIGIN, nonce, NOW)


def fault_of(token: Token) -> ParseFault:
    with pytest.raises(TokenParseError) as caught:
        verify(token)
    return caught.value.fault


def signing_fault(*cards: ForgedCard) -> SigningFault:
    token = with_hints(
        card().token(), [signing_entry(c.der, [der_of(MIDDLE)]) for c in cards], [der_of(MIDDLE)]
    )
    with pytest.raises(SigningCertificateError) as caught:
        verify(token)
    assert caught.value.step is Step.TRUST
    return caught.value.fault


def test_intermediates_help_to_find_a_path() -> None:
    with pytest.raises(IssuerUntrustedError):
        verify(card().token())
    verify(with_hints(card().token(), intermediates=[der_of(MIDDLE)]))


def test_intermediates_are_trusted_for_nothing() -> None:
    stranger = make_authority("Stranger")
    below = make_authority("Below", stranger)
    with pytest.raises(IssuerUntrustedError):
        verify(with_hints(card(below).token(), intermediates=[der_of(below), der_of(stranger)]))


def test_an_anchor_repeated_as_intermediate_and_useless_ones_do_no_harm() -> None:
    others = [der_of(make_authority("Citizen CA")), der_of(ROOT), der_of(make_authority("Other"))]
    verify(with_hints(card().token(), intermediates=[*others, der_of(MIDDLE)]))


def test_an_expired_intermediate_is_no_help() -> None:
    old = make_authority("Old", ROOT, not_after=NOW - timedelta(seconds=1))
    with pytest.raises(IssuerUntrustedError) as caught:
        verify(with_hints(card(old).token(), intermediates=[der_of(old)]))
    assert (caught.value.cause.kind, caught.value.cause.depth) == ("expired", 1)


def test_a_citizen_as_intermediate_is_no_authority() -> None:
    citizen = card()
    key = FORGE.spec.key
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    forged = Authority(key, x509.load_der_x509_certificate(citizen.der))
    with pytest.raises(IssuerUntrustedError):
        verify(with_hints(card(forged).token(), intermediates=[citizen.der, der_of(MIDDLE)]))


def test_our_own_authorities_are_pinned_whatever_a_token_brings() -> None:
    verifier = TokenVerifier(
        national_policy(frozenset({POLICY_OID})), PinnedTrust([ROOT.certificate], []), None
    )
    token = with_hints(card().token(), intermediates=[der_of(MIDDLE)])
    with pytest.raises(IssuerUntrustedError):
        verifier.verify(WebEidToken.parse(json.dumps(token)), ORIGIN, NONCE, NOW)


def test_hints_are_not_under_the_signature_but_the_signature_still_counts() -> None:
    token = with_hints(card().token(), intermediates=[der_of(MIDDLE)])
    with pytest.raises(SignatureError):
        verify(token, nonce="x" * 44)


def test_a_signing_certificate_of_the_same_person() -> None:
    entry = signing_entry(signing_card().der, [der_of(MIDDLE)])
    verify(with_hints(card().token(), [entry], [der_of(MIDDLE)]))
    verify(with_hints(card(ROOT).token(), [signing_entry(signing_card(ROOT).der)]))


def test_a_signing_certificate_of_another_person() -> None:
    assert signing_fault(signing_card(subject=person(code="PNOIR-0012345679"))) is SigningFault.OTHER_SUBJECT
    more = person((NameOID.COMMON_NAME, "another"))
    assert signing_fault(signing_card(), signing_card(subject=more)) is SigningFault.OTHER_SUBJECT


def test_names_written_in_another_order_are_the_same() -> None:
    reversed_name = x509.Name(reversed(list(person())))
    entry = signing_entry(signing_card(subject=reversed_name).der, [der_of(MIDDLE)])
    verify(with_hints(card().token(), [entry], [der_of(MIDDLE)]))


def test_a_signing_certificate_of_another_authority() -> None:
    assert signing_fault(signing_card(make_authority("Other", ROOT))) is SigningFault.OTHER_ISSUER
    assert signing_fault(signing_card(extensions=())) is SigningFault.OTHER_ISSUER


def test_two_certificates_that_name_no_authority_key_are_not_of_one_authority() -> None:
    signing = signing_entry(signing_card(extensions=()).der, [der_of(MIDDLE)])
    with pytest.raises(SigningCertificateError) as caught:
        verify(with_hints(FORGE.card().token(), [signing], [der_of(MIDDLE)]))
    assert caught.value.fault is SigningFault.OTHER_ISSUER


def test_our_signing_certificates_come_from_another_of_our_authorities() -> None:
    signatures = make_authority("Signature CA", ROOT)
    trust = PinnedTrust([ROOT.certificate], [MIDDLE.certificate, signatures.certificate])
    verifier = TokenVerifier(national_policy(frozenset({POLICY_OID})), trust, None)
    token = with_hints(card().token(), [signing_entry(signing_card(signatures).der)])
    verifier.verify(WebEidToken.parse(json.dumps(token)), ORIGIN, NONCE, NOW)


def test_the_login_certificate_named_as_a_signing_certificate() -> None:
    assert signing_fault(card()) is SigningFault.NOT_FOR_SIGNING


def test_an_untrusted_signing_certificate() -> None:
    namesake = Authority(ec.generate_private_key(ec.SECP256R1()), MIDDLE.certificate)
    forged = signing_card(namesake, extensions=[key_identifier(MIDDLE)])
    assert signing_fault(forged) is SigningFault.UNTRUSTED
    ended = signing_card(not_after=NOW - timedelta(seconds=1))
    assert signing_fault(ended) is SigningFault.UNTRUSTED


@pytest.mark.parametrize("name", ["unverifiedSigningCertificates", "unverifiedIntermediateCertificates"])
@pytest.mark.parametrize("value", ["x", 5, {}, {"certificate": "x"}, [5], [[]], [True]])
def test_hints_of_wrong_types(name: str, value: object) -> None:
    token = {**with_hints(card(ROOT).token(), intermediates=[der_of(MIDDLE)]), name: value}
    assert fault_of(token) is ParseFault.FIELD_TYPE


@pytest.mark.parametrize("name", ["unverifiedSigningCertificates", "unverifiedIntermediateCertificates"])
def test_empty_hints(name: str) -> None:
    token = with_hints(card(ROOT).token(), [signing_entry(signing_card(ROOT).der)], [der_of(MIDDLE)])
    assert fault_of({**token, name: []}) is ParseFault.LIST_EMPTY


def test_neither_signing_certificates_nor_intermediates() -> None:
    assert fault_of(with_hints(card(ROOT).token())) is ParseFault.FIELD_MISSING
    nothing = {"unverifiedSigningCertificates": None, "unverifiedIntermediateCertificates": None}
    assert fault_of({**with_hints(card(ROOT).token()), **nothing}) is ParseFault.FIELD_MISSING


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"certificate": None}, ParseFault.FIELD_MISSING),
        ({"certificate": ""}, ParseFault.FIELD_MISSING),
        ({"certificate": 5}, ParseFault.FIELD_TYPE),
        ({"supportedSignatureAlgorithms": None}, ParseFault.FIELD_MISSING),
        ({"supportedSignatureAlgorithms": []}, ParseFault.LIST_EMPTY),
        ({"supportedSignatureAlgorithms": ["ES256"]}, ParseFault.FIELD_TYPE),
        ({"supportedSignatureAlgorithms": [{}]}, ParseFault.UNKNOWN_ALGORITHM),
        ({"intermediateCertificates": []}, ParseFault.LIST_EMPTY),
        ({"intermediateCertificates": [""]}, ParseFault.FIELD_MISSING),
        ({"intermediateCertificates": "x"}, ParseFault.FIELD_TYPE),
        ({"intermediateCertificates": ["x"] * 9}, ParseFault.LIST_TOO_LONG),
    ],
)
def test_malformed_entries(change: dict[str, object], fault: ParseFault) -> None:
    entry = {**signing_entry(signing_card(ROOT).der), **change}
    assert fault_of(with_hints(card(ROOT).token(), [entry])) is fault


@pytest.mark.parametrize("part", ["cryptoAlgorithm", "hashFunction", "paddingScheme"])
@pytest.mark.parametrize("value", [None, 5, "", "ecc", [], {}])
def test_signature_algorithms_that_no_card_has(part: str, value: object) -> None:
    algorithm = {"cryptoAlgorithm": "RSA", "hashFunction": "SHA3-256", "paddingScheme": "PSS", part: value}
    entry = {**signing_entry(signing_card(ROOT).der), "supportedSignatureAlgorithms": [algorithm]}
    assert fault_of(with_hints(card(ROOT).token(), [entry])) is ParseFault.UNKNOWN_ALGORITHM


def test_more_hints_than_any_card_has() -> None:
    entry = signing_entry(signing_card(ROOT).der)
    assert fault_of(with_hints(card(ROOT).token(), [entry] * 5)) is ParseFault.LIST_TOO_LONG
    assert fault_of(with_hints(card(ROOT).token(), intermediates=[b"x"] * 9)) is ParseFault.LIST_TOO_LONG


@pytest.mark.parametrize(
    "text", ["AAAA", "not base64", "MA==\n", base64.urlsafe_b64encode(b"\xff\xfe").decode()]
)
def test_hints_that_are_no_certificates(text: str) -> None:
    token = with_hints(card(ROOT).token(), intermediates=[der_of(MIDDLE)])
    entry = signing_entry(signing_card(ROOT).der)
    for spoilt in (
        {**token, "unverifiedIntermediateCertificates": [text]},
        with_hints(card(ROOT).token(), [{**entry, "certificate": text}]),
        with_hints(card(ROOT).token(), [{**entry, "intermediateCertificates": [text]}]),
    ):
        with pytest.raises(CertificateDecodingError):
            verify(spoilt)


@pytest.mark.parametrize("version", ["web-eid:1", "web-eid:1.0"])
def test_version_1_0_must_not_carry_hints(version: str) -> None:
    token = {**with_hints(card(ROOT).token(), intermediates=[der_of(MIDDLE)]), "format": version}
    with pytest.raises(ForeignFieldError):
        verify(token)


def test_version_1_1_may_be_long_and_1_0_may_not() -> None:
    hinted = with_hints(card(ROOT).token(), intermediates=[der_of(MIDDLE)])
    verify({**hinted, "appVersion": "x" * 60_000})
    assert fault_of({**hinted, "appVersion": "x" * 65_536}) is ParseFault.TOO_LONG
    assert fault_of({**card(ROOT).token(), "appVersion": "x" * 10_000}) is ParseFault.TOO_LONG
    assert fault_of({**hinted, "format": "web-eid:1.10", "appVersion": "x" * 10_000}) is ParseFault.TOO_LONG


@pytest.mark.parametrize(("version", "longest"), [("1.0", 10_000), ("1.1", 65_536)])
def test_a_token_within_another_json_text_has_the_same_bounds(version: str, longest: int) -> None:
    """As logins bring it. It counts as its members would be written without blanks."""
    bare = card(ROOT).token()
    token = with_hints(bare, intermediates=[der_of(MIDDLE)]) if version == "1.1" else bare
    written = len(json.dumps({**token, "x": ""}, separators=(",", ":")))
    for length, fault in ((longest, None), (longest + 1, ParseFault.TOO_LONG)):
        value = {**token, "x": "\u06cc" * (length - written)}
        if fault is None:
            WebEidToken.from_json_value(value)  # type: ignore[arg-type] # a Token is JSON
            continue
        with pytest.raises(TokenParseError) as caught:
            WebEidToken.from_json_value(value)  # type: ignore[arg-type]
        assert caught.value.fault is fault


@pytest.mark.parametrize(("extra", "decodes"), [(0, True), (1, False)])
def test_a_certificate_of_just_the_size_that_any_card_holds_and_of_one_byte_more(
    extra: int, *, decodes: bool
) -> None:
    def padded(count: int) -> ForgedCard:
        comment = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.999.7"), bytes(count))
        return FORGE.card(ROOT, extensions=[(comment, False)])

    short = 15_000
    length = short + 16_384 + extra - len(padded(short).der)
    found = padded(length)
    while len(found.der) != 16_384 + extra:  # the signature's length differs by a byte or two
        found = padded(length)
    token = WebEidToken.parse(json.dumps(with_hints(found.token(), intermediates=[der_of(MIDDLE)])))
    with nullcontext() if decodes else pytest.raises(CertificateDecodingError):
        TokenVerifier(WEB_EID_POLICY, ROOT_ONLY, None).verify(token, ORIGIN, NONCE, NOW)


@given(st.integers(0, 10**6), st.binary(min_size=0, max_size=4))
def test_mutated_hints_end_in_typed_refusals(position: int, replacement: bytes) -> None:
    whole = der_of(MIDDLE)
    at = position % len(whole)
    mutated = whole[:at] + replacement + whole[at + len(replacement) :]
    token = with_hints(card().token(), intermediates=[mutated])
    if mutated == whole:
        verify(token)
        return
    with pytest.raises(LoginRefusedError) as caught:
        verify(token)
    assert caught.value.step <= Step.TRUST


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["certificate", "supportedSignatureAlgorithms", "intermediateCertificates", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
_GOOD = card(ROOT).token()


@given(_JSON, _JSON)
def test_any_json_as_hints_ends_in_a_typed_refusal(signing: object, intermediates: object) -> None:
    token = {
        **with_hints(_GOOD),
        "unverifiedSigningCertificates": signing,
        "unverifiedIntermediateCertificates": intermediates,
    }
    with pytest.raises(LoginRefusedError):
        verify(token)
