"""What a site's policy asks of a certificate (steps 4 and 5), as frozen values and pure checks."""

import re
import unicodedata
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from verifier.authentication.algorithms import Scheme, SignatureAlgorithm
from verifier.authentication.certificate import CardCertificate
from verifier.authentication.errors import (
    CertificatePolicyError,
    IdentityError,
    IdentityFault,
    KeyMismatchError,
    KeyWeakError,
    PurposeFault,
    PurposeMissingError,
    PurposeWrongError,
)

MAXIMUM_RSA_BITS = 8192
"""Larger keys only cost time; none is on any card."""

NATIONAL_IDENTITY_CODE = r"PNOIR-[0-9]{10}"
"""ETSI EN 319 412-1, section 5.1.3: PNO, the country, the national code."""

ESTONIAN_MOBILE_ID_POLICIES = frozenset(
    {
        "1.3.6.1.4.1.10015.1.3",
        "1.3.6.1.4.1.10015.1.3.1",
        "1.3.6.1.4.1.10015.1.3.2",
        "1.3.6.1.4.1.10015.1.3.3",
    }
)
"""Keys of phones, not of cards: Web eID refuses them by default."""

_ONCE_AT_MOST = (NameOID.GIVEN_NAME, NameOID.SURNAME)
_JOINERS = frozenset("\u200c\u200d")
"""Zero-width (non-)joiners: Persian names are written with them."""


@dataclass(frozen=True)
class AuthenticationPolicy:
    """Which certificates may log in. Immutable: another policy is another value."""

    name: str
    """What sites, receipts and the command line call it."""
    identity_code: str
    """Regular expression that the subject's one serialNumber matches completely."""
    allowed_policies: frozenset[str] = frozenset()
    """Certificate policy OIDs of which one must be asserted; empty accepts any, and none."""
    refused_policies: frozenset[str] = frozenset()
    """Certificate policy OIDs of which none may be asserted."""
    require_extended_key_usage: bool = True
    """False lets a certificate without extendedKeyUsage pass; one that has it always needs clientAuth."""
    minimum_rsa_bits: int = 2048
    """RSA moduli below this are refused; no policy accepts less than 2048."""


def national_policy(allowed_policies: frozenset[str]) -> AuthenticationPolicy:
    """The strict policy for our own cards; `allowed_policies` are the OIDs of our authentication profile.

    Raises ValueError for an empty set, which would accept every profile of a trusted authority.
    """
    if not allowed_policies:
        raise ValueError("the national policy needs the OID of the authentication profile")
    return AuthenticationPolicy("national", NATIONAL_IDENTITY_CODE, allowed_policies)


WEB_EID_POLICY = AuthenticationPolicy(
    name="webeid",
    identity_code=r".{1,64}",
    refused_policies=ESTONIAN_MOBILE_ID_POLICIES,
    require_extended_key_usage=False,
)
"""For foreign cards whose authorities are configured as trust anchors (Estonia, Latvia, Belgium …)."""


def check_purpose(policy: AuthenticationPolicy, certificate: CardCertificate) -> None:
    """Step 4: for authentication, not for signing documents, not an authority (RFC 5280, section 4.2.1)."""
    usage = certificate.key_usage
    if usage is None:
        raise PurposeMissingError("keyUsage")
    if not usage.digital_signature:
        raise PurposeWrongError(PurposeFault.NOT_DIGITAL_SIGNATURE)
    # A key that signs documents signs any digest: it must never prove a login.
    if usage.content_commitment:
        raise PurposeWrongError(PurposeFault.NON_REPUDIATION)
    _check_extended_key_usage(policy, certificate.extended_key_usage)
    if certificate.is_authority:
        raise PurposeWrongError(PurposeFault.CERTIFICATE_AUTHORITY)


def _check_extended_key_usage(policy: AuthenticationPolicy, purposes: frozenset[str] | None) -> None:
    if purposes is None:
        if policy.require_extended_key_usage:
            raise PurposeMissingError("extendedKeyUsage")
        return
    # anyExtendedKeyUsage alone does not do: the profile must say clientAuth.
    if ExtendedKeyUsageOID.CLIENT_AUTH.dotted_string not in purposes:
        raise PurposeWrongError(PurposeFault.NOT_CLIENT_AUTH)


def check_policy(
    policy: AuthenticationPolicy, certificate: CardCertificate, algorithm: SignatureAlgorithm
) -> None:
    """Step 5: certificate policies, one identity, and a key that the token's algorithm belongs to."""
    _check_certificate_policies(policy, certificate)
    _check_identity(policy, certificate)
    _check_key(policy, certificate, algorithm)


def _check_certificate_policies(policy: AuthenticationPolicy, certificate: CardCertificate) -> None:
    asserted = frozenset(certificate.policies)
    missing = policy.allowed_policies and not asserted & policy.allowed_policies
    if missing or asserted & policy.refused_policies:
        raise CertificatePolicyError(certificate.policies)


def _check_identity(policy: AuthenticationPolicy, certificate: CardCertificate) -> None:
    codes = certificate.attributes(NameOID.SERIAL_NUMBER)
    if len(codes) != 1:
        raise IdentityError(IdentityFault.SERIAL_NUMBER_COUNT)
    if any(map(_misleads, (value for _, value in certificate.subject))):
        raise IdentityError(IdentityFault.CONTROL_CHARACTER)
    if re.fullmatch(policy.identity_code, codes[0]) is None:
        raise IdentityError(IdentityFault.SERIAL_NUMBER_FORM)
    _refuse_repeated(certificate, _ONCE_AT_MOST)


def _refuse_repeated(certificate: CardCertificate, names: tuple[x509.ObjectIdentifier, ...]) -> None:
    if any(len(certificate.attributes(name)) > 1 for name in names):
        raise IdentityError(IdentityFault.ATTRIBUTE_REPEATED)


def _misleads(text: str) -> bool:
    """Whether a name holds characters that hide or reorder what a person reads."""
    if text.isascii() and text.isprintable():
        return False
    return any(
        unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"} and character not in _JOINERS
        for character in text
    )


def _check_key(
    policy: AuthenticationPolicy, certificate: CardCertificate, algorithm: SignatureAlgorithm
) -> None:
    key = certificate.public_key
    if isinstance(key, ec.EllipticCurvePublicKey):
        if algorithm.scheme is not Scheme.ECDSA or key.curve.name != algorithm.digest.curve:
            raise KeyMismatchError(algorithm.value, f"EC {key.curve.name}")
        return
    if algorithm.scheme is Scheme.ECDSA:
        raise KeyMismatchError(algorithm.value, "RSA")
    if not policy.minimum_rsa_bits <= key.key_size <= MAXIMUM_RSA_BITS:
        raise KeyWeakError(key.key_size, policy.minimum_rsa_bits)
