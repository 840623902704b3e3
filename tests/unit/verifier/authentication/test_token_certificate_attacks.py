"""The attack list, sections Certificate and Status: one test a line."""

import base64
import json
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from pki import der, oids
from pki.der import bit_string, sequence
from pki.validation.certificate import read_certificate
from simulators.forge.certificates import (
    NOW,
    POLICY_OID,
    Authority,
    issue_card,
    key_usage,
    make_authority,
    person,
)
from simulators.forge.tokens import NONCE, ORIGIN, Forge, ForgedCard, Token
from verifier.authentication.errors import (
    CertificateDecodingError,
    CertificateExpiredError,
    CertificateNotYetValidError,
    CertificatePolicyError,
    CriticalExtensionError,
    IdentityError,
    IdentityFault,
    IssuerUntrustedError,
    LoginRefusedError,
    PurposeFault,
    PurposeMissingError,
    PurposeWrongError,
    SignatureError,
)
from verifier.authentication.identity import Identity
from verifier.authentication.policy import WEB_EID_POLICY, national_policy
from verifier.authentication.status import Asked, CertificateStatus, StatusAnswer
from verifier.authentication.statuserrors import (
    CertificateRevokedError,
    CertificateSuspendedError,
    CertificateUnknownError,
    StatusError,
    StatusUnavailableError,
)
from verifier.authentication.steps import Step
from verifier.authentication.token import WebEidToken
from verifier.authentication.trust import PinnedTrust
from verifier.authentication.verification import TokenVerifier

FORGE = Forge.create()
POLICY = national_policy(frozenset({POLICY_OID}))
TRUST = PinnedTrust([FORGE.root.certificate], [FORGE.authority.certificate])


class StatusBook:
    """Answers by serial, good by default, and remembers who was asked about."""

    def __init__(self) -> None:
        self.answers: dict[int, StatusAnswer] = {}
        self.asked: list[tuple[x509.Certificate, int]] = []
        self.error: StatusUnavailableError | None = None

    def __call__(self, asked: Sequence[Asked]) -> list[StatusAnswer | StatusError]:
        self.asked.extend(asked)
        good = StatusAnswer(CertificateStatus.GOOD)
        return [self.error or self.answers.get(serial, good) for _, serial in asked]


def verify(
    card: ForgedCard | Token,
    trust: PinnedTrust = TRUST,
    at: datetime = NOW,
    status: StatusBook | None = None,
) -> Identity:
    token = card.token() if isinstance(card, ForgedCard) else card
    verifier = TokenVerifier(POLICY, trust, status or StatusBook())
    return verifier.verify(WebEidToken.parse(json.dumps(token)), ORIGIN, NONCE, at)


def test_the_signing_certificate_used() -> None:
    with pytest.raises(PurposeWrongError) as caught:
        verify(FORGE.card(usage=key_usage("content_commitment")))
    assert caught.value.fault is PurposeFault.NOT_DIGITAL_SIGNATURE


def test_a_certificate_for_login_and_signing() -> None:
    with pytest.raises(PurposeWrongError) as caught:
        verify(FORGE.card(usage=key_usage("digital_signature", "content_commitment")))
    assert caught.value.fault is PurposeFault.NON_REPUDIATION


@pytest.mark.parametrize("other", ["key_agreement", "key_encipherment", "data_encipherment"])
def test_harmless_key_usages_beside_digital_signature(other: str) -> None:
    extra = () if other != "key_agreement" else ("encipher_only",)
    verify(FORGE.card(usage=key_usage("digital_signature", other, *extra)))


def test_key_usage_absent() -> None:
    with pytest.raises(PurposeMissingError) as caught:
        verify(FORGE.card(usage=None))
    assert caught.value.extension == "keyUsage"


def test_extended_key_usage_absent() -> None:
    with pytest.raises(PurposeMissingError) as caught:
        verify(FORGE.card(purposes=None))
    assert caught.value.extension == "extendedKeyUsage"


@pytest.mark.parametrize(
    "purpose",
    [
        pytest.param(ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE, id="any-only"),
        pytest.param(ExtendedKeyUsageOID.SERVER_AUTH, id="serverAuth"),
        pytest.param(ExtendedKeyUsageOID.EMAIL_PROTECTION, id="emailProtection"),
        pytest.param(ExtendedKeyUsageOID.OCSP_SIGNING, id="OCSPSigning"),
    ],
)
def test_extended_key_usage_without_client_auth(purpose: x509.ObjectIdentifier) -> None:
    with pytest.raises(PurposeWrongError) as caught:
        verify(FORGE.card(purposes=[purpose]))
    assert caught.value.fault is PurposeFault.NOT_CLIENT_AUTH


def test_critical_extended_key_usage_is_accepted() -> None:
    # As real identity cards have it; the library's own client policy refuses it.
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    verify(FORGE.card(purposes=None, extensions=[(usage, True)]))


def test_ca_true_leaf() -> None:
    with pytest.raises(PurposeWrongError) as caught:
        verify(FORGE.card(authority=True))
    assert caught.value.fault is PurposeFault.CERTIFICATE_AUTHORITY


def test_basic_constraints_absent_means_no_authority() -> None:
    verify(FORGE.card(authority=None))


def test_citizen_issued_certificate() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    citizen = FORGE.card(key=key)
    parent = x509.load_der_x509_certificate(citizen.der)
    issuer = make_authority("unused")
    forged = type(issuer)(key, parent)
    for trust in (TRUST, PinnedTrust([FORGE.root.certificate], [FORGE.authority.certificate, parent])):
        with pytest.raises(IssuerUntrustedError):
            verify(FORGE.card(issuer=forged), trust)


def test_same_name_authority() -> None:
    impostor = make_authority("Citizen CA", make_authority("Root"))
    with pytest.raises(IssuerUntrustedError):
        verify(FORGE.card(issuer=impostor))


def test_same_name_authority_beside_the_real_one() -> None:
    # A renewed authority keeps its name: the signature says which of the two issued.
    renewed = make_authority("Citizen CA", FORGE.root)
    trust = PinnedTrust([FORGE.root.certificate], [renewed.certificate, FORGE.authority.certificate])
    verify(FORGE.card(), trust)
    verify(FORGE.card(issuer=renewed), trust)


def test_another_trusted_authority_with_our_names_but_not_our_policy() -> None:
    foreign = make_authority("Foreign CA")
    trust = PinnedTrust([FORGE.root.certificate, foreign.certificate], [FORGE.authority.certificate])
    with pytest.raises(CertificatePolicyError):
        verify(FORGE.card(issuer=foreign, policies=["2.999.9"]), trust)


def test_another_trusted_authority_signing_in_the_name_of_ours() -> None:
    foreign = make_authority("Foreign CA")
    trust = PinnedTrust([FORGE.root.certificate, foreign.certificate], [FORGE.authority.certificate])
    forged = type(foreign)(foreign.key, FORGE.authority.certificate)
    with pytest.raises(IssuerUntrustedError):
        verify(FORGE.card(issuer=forged), trust)


def test_unrelated_authority() -> None:
    with pytest.raises(IssuerUntrustedError):
        verify(FORGE.card(issuer=make_authority("Unrelated")))


def test_expired_by_one_second() -> None:
    end = NOW + timedelta(days=365)
    verify(FORGE.card(), at=end)
    verify(FORGE.card(), at=end + timedelta(milliseconds=999))
    with pytest.raises(CertificateExpiredError) as caught:
        verify(FORGE.card(), at=end + timedelta(seconds=1))
    assert caught.value.not_after == end


def test_not_yet_valid() -> None:
    start = NOW - timedelta(days=1)
    verify(FORGE.card(), at=start)
    with pytest.raises(CertificateNotYetValidError):
        verify(FORGE.card(), at=start - timedelta(microseconds=1))


def test_issuer_expired() -> None:
    old = make_authority("Citizen CA", FORGE.root, not_after=NOW - timedelta(seconds=1))
    with pytest.raises(IssuerUntrustedError):
        verify(FORGE.card(issuer=old), PinnedTrust([FORGE.root.certificate], [old.certificate]))


def test_root_expired() -> None:
    root = make_authority("Old root", path_length=None, not_after=NOW - timedelta(seconds=1))
    authority = make_authority("Below the old root", root)
    with pytest.raises(IssuerUntrustedError):
        verify(FORGE.card(issuer=authority), PinnedTrust([root.certificate], [authority.certificate]))


def test_unrelated_expired_anchor_does_not_matter() -> None:
    old = make_authority("Old", not_after=NOW - timedelta(days=1))
    verify(
        FORGE.card(), PinnedTrust([old.certificate, FORGE.root.certificate], [FORGE.authority.certificate])
    )


def test_broken_anchor_does_not_matter_and_is_named() -> None:
    leaf = x509.load_der_x509_certificate(FORGE.card().der)
    trust = PinnedTrust([leaf, FORGE.root.certificate], [FORGE.authority.certificate])
    verify(FORGE.card(), trust)
    assert trust.faults() == {leaf.fingerprint(hashes.SHA256()).hex(): "it is no authority"}


def test_path_length_is_respected() -> None:
    root = make_authority("Short root", path_length=1)
    middle = make_authority("Middle", root, path_length=None)
    issuer = make_authority("Deep issuer", middle)
    trust = PinnedTrust([root.certificate], [middle.certificate, issuer.certificate])
    with pytest.raises(IssuerUntrustedError):
        verify(FORGE.card(issuer=issuer), trust)
    verify(FORGE.card(issuer=middle), trust)


def test_path_of_endless_authorities_ends() -> None:
    chain = [make_authority("Level 0", path_length=None)]
    for level in range(1, 8):
        chain.append(make_authority(f"Level {level}", chain[-1], path_length=None))
    trust = PinnedTrust([chain[0].certificate], [a.certificate for a in chain[1:]])
    verify(FORGE.card(issuer=chain[3]), trust)
    with pytest.raises(IssuerUntrustedError):
        verify(FORGE.card(issuer=chain[4]), trust)


def test_authorities_that_issue_each_other_end() -> None:
    first = make_authority("Ring", path_length=None)
    second = make_authority("Ring", first, path_length=None)
    trust = PinnedTrust([], [first.certificate, second.certificate])
    with pytest.raises(IssuerUntrustedError):
        verify(FORGE.card(issuer=second), trust)


def test_intermediate_with_an_unknown_critical_extension() -> None:
    strange = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.999.7"), b"\x05\x00")
    authority = make_authority("Strange", FORGE.root, extensions=[(strange, True)])
    with pytest.raises(IssuerUntrustedError):
        verify(FORGE.card(issuer=authority), PinnedTrust([FORGE.root.certificate], [authority.certificate]))


def test_authority_that_may_not_issue_under_our_policy() -> None:
    for policies in ((), ("2.999.9",)):
        authority = make_authority("Signature CA", FORGE.root, policies=policies)
        with pytest.raises(IssuerUntrustedError) as caught:
            verify(
                FORGE.card(issuer=authority), PinnedTrust([FORGE.root.certificate], [authority.certificate])
            )
        assert caught.value.cause.kind == "policy"


def test_authority_that_maps_our_policy_to_another() -> None:
    """RFC 5280, 6.1.1 (e): what our own policy is called, no authority below the root decides."""
    elsewhere = "2.999.9"
    mapping = x509.UnrecognizedExtension(
        x509.ObjectIdentifier(oids.POLICY_MAPPINGS),
        der.sequence([der.sequence([der.object_identifier(oid) for oid in (POLICY_OID, elsewhere)])]),
    )
    authority = make_authority("Mapping CA", FORGE.root, policies=[POLICY_OID], extensions=[(mapping, True)])
    card = FORGE.card(issuer=authority, policies=[POLICY_OID, elsewhere])
    with pytest.raises(IssuerUntrustedError) as caught:
        verify(card, PinnedTrust([FORGE.root.certificate], [authority.certificate]))
    assert caught.value.cause.kind == "policy"


def test_authority_with_a_key_that_is_too_short_for_the_policy() -> None:
    """What a policy asks of the card's RSA key, it asks of the keys above it."""
    key = cast("ec.EllipticCurvePrivateKey", rsa.generate_private_key(65537, 2048))  # signs as well
    authority = make_authority("RSA CA", FORGE.root, key=key)
    trust = PinnedTrust([FORGE.root.certificate], [authority.certificate])
    token = WebEidToken.parse(FORGE.card(issuer=authority).text())
    for bits, refused in ((2048, False), (2049, True)):
        verifier = TokenVerifier(replace(POLICY, minimum_rsa_bits=bits), trust, StatusBook())
        with pytest.raises(IssuerUntrustedError) if refused else nullcontext():
            verifier.verify(token, ORIGIN, NONCE, NOW)


def test_authority_without_key_usage_or_that_may_sign_no_certificates() -> None:
    signer = make_authority("CRL signer", FORGE.root)
    for usage in (None, key_usage("crl_sign")):
        builder = (
            x509.CertificateBuilder()
            .subject_name(signer.certificate.subject)
            .issuer_name(FORGE.root.certificate.subject)
            .public_key(signer.key.public_key())
            .serial_number(5)
            .not_valid_before(NOW - timedelta(days=1))
            .not_valid_after(NOW + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        )
        if usage is not None:
            builder = builder.add_extension(usage, critical=True)
        odd = builder.sign(FORGE.root.key, hashes.SHA256())
        trust = PinnedTrust([FORGE.root.certificate], [odd, FORGE.authority.certificate])
        assert list(trust.faults().values()) == ["it is no authority"]
        with pytest.raises(IssuerUntrustedError):
            verify(FORGE.card(issuer=Authority(signer.key, odd)), trust)
        verify(FORGE.card(), trust)


def test_authority_that_no_anchor_stands_above_does_not_matter_and_is_named() -> None:
    stranger = make_authority("Below a stranger", make_authority("Stranger"))
    trust = PinnedTrust([FORGE.root.certificate], [stranger.certificate, FORGE.authority.certificate])
    verify(FORGE.card(), trust)
    assert list(trust.faults()) == [stranger.certificate.fingerprint(hashes.SHA256()).hex()]
    with pytest.raises(IssuerUntrustedError):
        verify(FORGE.card(issuer=stranger), trust)


def test_certificate_signed_with_a_weak_hash() -> None:
    # The library no longer signs with SHA-1; SHA-224 is as little on the list of accepted hashes.
    der = issue_card(FORGE.authority, FORGE.spec, hashes.SHA224())
    with pytest.raises(IssuerUntrustedError):
        verify(ForgedCard(FORGE.spec.key, der))


def test_authority_signed_with_a_weak_hash() -> None:
    authority = make_authority("Weak CA", FORGE.root, signed_with=hashes.SHA224())
    trust = PinnedTrust([FORGE.root.certificate], [authority.certificate])
    with pytest.raises(IssuerUntrustedError) as caught:
        verify(FORGE.card(issuer=authority), trust)
    assert (caught.value.cause.kind, caught.value.cause.depth) == ("unsupported-algorithm", 1)


@pytest.mark.parametrize("policies", [[], ["2.999.1"], ["2.999.1.1.1"], ["2.5.29.32.0"]])
def test_policy_missing(policies: list[str]) -> None:
    with pytest.raises(CertificatePolicyError):
        verify(FORGE.card(policies=policies))


def test_our_policy_beside_others_is_accepted() -> None:
    verify(FORGE.card(policies=["0.4.0.2042.1.2", POLICY_OID]))


def test_two_serial_numbers() -> None:
    subject = person((NameOID.SERIAL_NUMBER, "PNOIR-1234567891"))
    with pytest.raises(IdentityError) as caught:
        verify(FORGE.card(subject=subject))
    assert caught.value.fault is IdentityFault.SERIAL_NUMBER_COUNT


def test_no_serial_number() -> None:
    with pytest.raises(IdentityError) as caught:
        verify(FORGE.card(subject=person(code=None)))
    assert caught.value.fault is IdentityFault.SERIAL_NUMBER_COUNT


@pytest.mark.parametrize(
    "code",
    [
        "0499370899",
        "PNOEE-0499370899",
        "PNOIR-499370899",
        "PNOIR-04993708990",
        "pnoir-0499370899",
        "PNOIR-0499370899 ",
        "xPNOIR-0499370899",
    ],
)
def test_serial_number_of_another_form(code: str) -> None:
    with pytest.raises(IdentityError) as caught:
        verify(FORGE.card(subject=person(code=code)))
    assert caught.value.fault is IdentityFault.SERIAL_NUMBER_FORM


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("علی\x00رضا", id="NUL"),
        pytest.param("علی\u202eرضا", id="right-to-left-override"),
        pytest.param("علی\u2066رضا", id="isolate"),
        pytest.param("علی\u200fرضا", id="right-to-left-mark"),
        pytest.param("علی\nرضا", id="newline"),
        pytest.param("علی\x7fرضا", id="delete"),
    ],
)
def test_nul_or_bidi_controls_in_the_name(name: str) -> None:
    with pytest.raises(IdentityError) as caught:
        verify(FORGE.card(subject=person((NameOID.COMMON_NAME, name))))
    assert caught.value.fault is IdentityFault.CONTROL_CHARACTER


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        pytest.param("PNOIR-0499370899\x00", IdentityFault.CONTROL_CHARACTER, id="NUL"),
        pytest.param("PNOIR-۰۴۹۹۳۷۰۸۹۹", IdentityFault.SERIAL_NUMBER_FORM, id="persian-digits"),
    ],
)
def test_serial_number_that_is_no_printable_string(code: str, fault: IdentityFault) -> None:
    utf8 = x509.NameAttribute(NameOID.SERIAL_NUMBER, code, _ASN1Type.UTF8String)
    with pytest.raises(IdentityError) as caught:
        verify(FORGE.card(subject=x509.Name([utf8])))
    assert caught.value.fault is fault


def test_zero_width_non_joiner_belongs_into_persian_names() -> None:
    verify(FORGE.card(subject=person((NameOID.COMMON_NAME, "علی\u200cرضا"))))


@pytest.mark.parametrize("attribute", [NameOID.SURNAME, NameOID.GIVEN_NAME])
def test_two_surnames_or_given_names(attribute: x509.ObjectIdentifier) -> None:
    with pytest.raises(IdentityError) as caught:
        verify(FORGE.card(subject=person((attribute, "رضا"))))
    assert caught.value.fault is IdentityFault.ATTRIBUTE_REPEATED


def _with_certificate(text: str) -> Token:
    return {**FORGE.card().token(), "unverifiedCertificate": text}


def test_pem_inside_base64() -> None:
    pem = x509.load_der_x509_certificate(FORGE.card().der).public_bytes(Encoding.PEM)
    for text in (base64.b64encode(pem).decode(), pem.decode()):
        with pytest.raises(CertificateDecodingError):
            verify(_with_certificate(text))


@pytest.mark.parametrize("tail", [b"\x00", b"\x30\x00", b"trailing"])
def test_trailing_bytes(tail: bytes) -> None:
    with pytest.raises(CertificateDecodingError):
        verify(_with_certificate(base64.b64encode(FORGE.card().der + tail).decode()))


def test_a_second_certificate() -> None:
    with pytest.raises(CertificateDecodingError):
        verify(_with_certificate(base64.b64encode(FORGE.card().der * 2).decode()))


def test_garbage_in_the_certificates_base64() -> None:
    text = base64.b64encode(FORGE.card().der).decode()
    for spoilt in (text[:-1], text[:9] + " " + text[9:], text + "\n", text[:9] + "-" + text[10:], "=" + text):
        with pytest.raises(CertificateDecodingError):
            verify(_with_certificate(spoilt))


def test_unknown_critical_extension() -> None:
    strange = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.999.7"), b"\x05\x00")
    with pytest.raises(CriticalExtensionError) as caught:
        verify(FORGE.card(extensions=[(strange, True)]))
    assert caught.value.oid == "2.999.7"
    verify(FORGE.card(extensions=[(strange, False)]))


@pytest.mark.parametrize(
    ("oid", "value"),
    [
        pytest.param(oids.NAME_CONSTRAINTS, "300da00b3009820769722e74657374", id="nameConstraints"),
        pytest.param(oids.POLICY_CONSTRAINTS, "3003800100", id="policyConstraints"),
        pytest.param(oids.INHIBIT_ANY_POLICY, "020100", id="inhibitAnyPolicy"),
    ],
)
def test_critical_extensions_of_authorities(oid: str, value: str) -> None:
    """Path validation understands them; in a card's certificate they have no place."""
    extension = x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), bytes.fromhex(value))
    with pytest.raises(CriticalExtensionError) as caught:
        verify(FORGE.card(extensions=[(extension, True)]))
    assert caught.value.oid == oid


def test_ed25519_key() -> None:
    subject = person()
    der = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(FORGE.authority.certificate.subject)
        .public_key(ed25519.Ed25519PrivateKey.generate().public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .sign(FORGE.authority.key, hashes.SHA256())
        .public_bytes(Encoding.DER)
    )
    with pytest.raises(CertificateDecodingError):
        verify(_with_certificate(base64.b64encode(der).decode()))


@given(st.integers(0, 10**6), st.binary(min_size=0, max_size=4))
def test_mutated_certificates_end_in_typed_refusals(position: int, replacement: bytes) -> None:
    card = FORGE.card()
    at = position % len(card.der)
    der = card.der[:at] + replacement + card.der[at + len(replacement) :]
    token = {**card.token(), "unverifiedCertificate": base64.b64encode(der).decode()}
    if der == card.der:
        verify(token)
        return
    with pytest.raises(LoginRefusedError) as caught:
        verify(token)
    assert caught.value.step <= Step.TRUST


@given(st.integers(0, 10**6), st.binary(min_size=0, max_size=4), st.integers(0, 4))
def test_mutated_certificates_that_a_trusted_authority_signed(
    position: int, replacement: bytes, removed: int
) -> None:
    """Its signature holds, so that every step reads what is wrong in it; nothing but a refusal may come."""
    original = read_certificate(FORGE.card().der)
    at = position % len(original.tbs)
    tbs = original.tbs[:at] + replacement + original.tbs[at + removed :]
    signature = FORGE.authority.key.sign(tbs, ec.ECDSA(hashes.SHA256()))
    der = sequence((tbs, original.algorithm, bit_string(signature)))
    token = {**FORGE.card().token(), "unverifiedCertificate": base64.b64encode(der).decode()}
    with suppress(LoginRefusedError):
        verify(token)


def test_encoded_default_as_finnish_cards_have_it() -> None:
    """X.690, section 11.5, forbids cA FALSE to be written; what it says is plain all the same."""
    encoded = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.19"), b"\x30\x03\x01\x01\x00")
    verify(FORGE.card(authority=None, extensions=[(encoded, True)]))
    as_authority = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.19"), b"\x30\x03\x01\x01\xff")
    with pytest.raises(PurposeWrongError):
        verify(FORGE.card(authority=None, extensions=[(as_authority, True)]))


@pytest.mark.parametrize(
    ("oid", "value"),
    [
        pytest.param("2.5.29.15", b"\x03\x02\x09\x80", id="keyUsage"),
        pytest.param("2.5.29.37", b"\x30\x00", id="extendedKeyUsage"),
        pytest.param("2.5.29.19", b"\x30\x03\x01\x01\x01", id="basicConstraints"),
        pytest.param("2.5.29.32", b"\x04\x00", id="certificatePolicies"),
        pytest.param("2.5.29.17", b"\x30\x82", id="subjectAltName"),
    ],
)
def test_extension_that_can_not_be_read(oid: str, value: bytes) -> None:
    broken = x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value)
    with pytest.raises(CertificateDecodingError):
        verify(
            FORGE.card(usage=None, purposes=None, policies=[], authority=None, extensions=[(broken, False)])
        )


def test_name_of_no_text() -> None:
    bits = x509.NameAttribute(NameOID.X500_UNIQUE_IDENTIFIER, b"\x01", _ASN1Type.BitString)
    with pytest.raises(CertificateDecodingError):
        verify(FORGE.card(subject=x509.Name([*person(), bits])))


@given(st.binary(min_size=1, max_size=600))
def test_any_bytes_as_a_certificate_end_in_a_typed_refusal(der: bytes) -> None:
    with pytest.raises(CertificateDecodingError):
        verify(_with_certificate(base64.b64encode(der).decode()))


@pytest.mark.parametrize(
    ("state", "error"),
    [
        pytest.param(CertificateStatus.REVOKED, CertificateRevokedError, id="revoked"),
        pytest.param(CertificateStatus.ON_HOLD, CertificateSuspendedError, id="on-hold"),
        pytest.param(CertificateStatus.UNKNOWN, CertificateUnknownError, id="unknown"),
    ],
)
def test_status_not_good(state: CertificateStatus, error: type[LoginRefusedError]) -> None:
    status = StatusBook()
    status.answers[FORGE.spec.serial] = StatusAnswer(state, datetime(2026, 1, 1, tzinfo=UTC), "keyCompromise")
    with pytest.raises(error):
        verify(FORGE.card(), status=status)


def test_status_carries_reason_and_time() -> None:
    status = StatusBook()
    since = datetime(2026, 1, 1, tzinfo=UTC)
    status.answers[FORGE.spec.serial] = StatusAnswer(CertificateStatus.REVOKED, since, "keyCompromise")
    with pytest.raises(CertificateRevokedError) as caught:
        verify(FORGE.card(), status=status)
    assert (caught.value.revoked_at, caught.value.reason) == (since, "keyCompromise")


def test_status_that_cannot_be_known_refuses() -> None:
    status = StatusBook()
    status.error = StatusUnavailableError()
    with pytest.raises(StatusUnavailableError):
        verify(FORGE.card(), status=status)


def test_status_is_asked_of_the_issuer_of_this_certificate() -> None:
    status = StatusBook()
    verify(FORGE.card(serial=815), status=status)
    assert status.asked == [(FORGE.authority.certificate, 815)]


def test_status_of_another_serial_does_not_matter() -> None:
    status = StatusBook()
    status.answers[FORGE.spec.serial + 1] = StatusAnswer(CertificateStatus.REVOKED)
    verify(FORGE.card(), status=status)


def test_signature_is_checked_before_anyone_is_asked_about_status() -> None:
    status = StatusBook()
    status.answers[FORGE.spec.serial] = StatusAnswer(CertificateStatus.REVOKED)
    with pytest.raises(SignatureError):
        verify(FORGE.card().token(nonce="another" * 7), status=status)
    assert status.asked == []


def test_policy_without_policies_is_no_national_policy() -> None:
    with pytest.raises(ValueError, match="OID"):
        national_policy(frozenset())


def test_web_eid_policy_lets_cards_without_extended_key_usage_pass() -> None:
    verifier = TokenVerifier(WEB_EID_POLICY, TRUST, StatusBook())
    card = FORGE.card(purposes=None, policies=[], subject=person(code="PNOEE-38001085718"))
    identity = verifier.verify(WebEidToken.parse(card.text()), ORIGIN, NONCE, NOW)
    assert identity.national_code is None
    assert identity.claims()["identity_code"] == "PNOEE-38001085718"
