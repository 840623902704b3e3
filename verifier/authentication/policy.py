"""What a site's policy asks of a certificate (steps 4 and 5), as frozen values and pure checks."""

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property

from pki import oids
from pki.validation import KeyRules, PathPolicy
from pki.validation.decoders import Usage
from verifier.authentication.certificate import MINIMUM_RSA_BITS, CardCertificate
from verifier.authentication.errors import (
    CertificatePolicyError,
    IdentityError,
    IdentityFault,
    PurposeFault,
    PurposeMissingError,
    PurposeWrongError,
)

NATIONAL_IDENTITY_CODE = r"PNOIR-[0-9]{10}"
"""ETSI EN 319 412-1, section 5.1.3: PNO, the country, the national code."""

OPERATOR_IDENTITY_CODE = r"[a-z][a-z0-9-]{1,31}"
"""A user name of the registry."""

ESTONIAN_MOBILE_ID_POLICIES = frozenset(
    {
        "1.3.6.1.4.1.10015.1.3",
        "1.3.6.1.4.1.10015.1.3.1",
        "1.3.6.1.4.1.10015.1.3.2",
        "1.3.6.1.4.1.10015.1.3.3",
    }
)
"""Keys of phones, not of cards: Web eID refuses them by default."""

_ONCE_AT_MOST = (oids.GIVEN_NAME, oids.SURNAME)
_MAXIMUM_PATH = 4
"""Certificates below the anchor, the card's included: no nation has more than two levels of authorities."""
_JOINERS = frozenset("\u200c\u200d")
"""Zero-width (non-)joiners: Persian names are written with them."""


@dataclass(frozen=True)
class AuthenticationPolicy:
    """Which certificates may log in. Immutable: another policy is another value."""

    name: str
    """What sites, receipts and the command line call it."""
    identity_code: str
    """Regular expression that the subject's one `identity_attribute` matches completely."""
    allowed_policies: frozenset[str] = frozenset()
    """Certificate policy OIDs of which one must be asserted; empty accepts any, and none."""
    refused_policies: frozenset[str] = frozenset()
    """Certificate policy OIDs of which none may be asserted."""
    require_extended_key_usage: bool = True
    """False lets a certificate without extendedKeyUsage pass; one that has it always needs clientAuth."""
    minimum_rsa_bits: int = MINIMUM_RSA_BITS
    """RSA moduli below this are refused, the card's and those of the authorities above it."""
    one_issuer: bool = True
    """Signing certificates of a version 1.1 token come from the authority that issued the one for logins."""
    identity_attribute: str = oids.SERIAL_NUMBER
    """Of the subject: what names the holder."""

    @cached_property
    def path(self) -> PathPolicy:
        """Step 6: what RFC 5280, section 6.1, is asked. Whether it is revoked is asked in step 8."""
        return PathPolicy(
            "digital_signature",
            oids.CLIENT_AUTH,
            self.allowed_policies,
            max_path=_MAXIMUM_PATH,
            absent_purpose_is_any=not self.require_extended_key_usage,
            mapping_inhibited=bool(self.allowed_policies),
            keys=KeyRules(rsa_bits=self.minimum_rsa_bits),
        )

    @cached_property
    def signing_path(self) -> PathPolicy:
        """The same for the signing certificates that a version 1.1 token brings along."""
        return PathPolicy("content_commitment", max_path=_MAXIMUM_PATH, keys=self.path.keys)


def national_policy(allowed_policies: frozenset[str]) -> AuthenticationPolicy:
    """The strict policy for our own cards; `allowed_policies` are the OIDs of our authentication profile.

    Raises ValueError for an empty set, which would accept every profile of a trusted authority.
    """
    if not allowed_policies:
        raise ValueError("the national policy needs the OID of the authentication profile")
    # Our signing certificates come from a CA of their own.
    return AuthenticationPolicy("national", NATIONAL_IDENTITY_CODE, allowed_policies, one_issuer=False)


WEB_EID_POLICY = AuthenticationPolicy(
    name="webeid",
    identity_code=r".{1,64}",
    refused_policies=ESTONIAN_MOBILE_ID_POLICIES,
    require_extended_key_usage=False,
)
"""For foreign cards whose authorities are configured as trust anchors: Estonia, Latvia, Belgium, Finland …"""


def operator_policy(allowed_policies: frozenset[str]) -> AuthenticationPolicy:
    """For the registry's own people, whom their certificates name by staff number, in commonName.

    Raises ValueError for an empty set, which would accept every profile of a trusted authority.
    """
    if not allowed_policies:
        raise ValueError("the operators' policy needs the OID of their profile")
    return AuthenticationPolicy(
        "operator", OPERATOR_IDENTITY_CODE, allowed_policies, identity_attribute=oids.COMMON_NAME
    )


def check_purpose(policy: AuthenticationPolicy, certificate: CardCertificate) -> None:
    """Step 4: for authentication, not for signing documents, not an authority (RFC 5280, section 4.2.1)."""
    usage = certificate.key_usage
    if usage is None:
        raise PurposeMissingError("keyUsage")
    if Usage.DIGITAL_SIGNATURE not in usage:
        raise PurposeWrongError(PurposeFault.NOT_DIGITAL_SIGNATURE)
    # A key that signs documents signs any digest: it must never prove a login.
    if Usage.CONTENT_COMMITMENT in usage:
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
    if oids.CLIENT_AUTH not in purposes:
        raise PurposeWrongError(PurposeFault.NOT_CLIENT_AUTH)


def check_policy(policy: AuthenticationPolicy, certificate: CardCertificate) -> None:
    """Step 5: certificate policies, and one identity."""
    _check_certificate_policies(policy, certificate)
    _check_identity(policy, certificate)


def _check_certificate_policies(policy: AuthenticationPolicy, certificate: CardCertificate) -> None:
    asserted = certificate.policies
    missing = policy.allowed_policies and not asserted & policy.allowed_policies
    if missing or asserted & policy.refused_policies:
        raise CertificatePolicyError(tuple(sorted(asserted)))


def _check_identity(policy: AuthenticationPolicy, certificate: CardCertificate) -> None:
    codes = certificate.attributes(policy.identity_attribute)
    if len(codes) != 1:
        raise IdentityError(IdentityFault.SERIAL_NUMBER_COUNT)
    if any(map(_misleads, (value for _, value in certificate.subject))):
        raise IdentityError(IdentityFault.CONTROL_CHARACTER)
    if re.fullmatch(policy.identity_code, codes[0]) is None:
        raise IdentityError(IdentityFault.SERIAL_NUMBER_FORM)
    _refuse_repeated(certificate, _ONCE_AT_MOST)


def _refuse_repeated(certificate: CardCertificate, names: tuple[str, ...]) -> None:
    if any(len(certificate.attributes(name)) > 1 for name in names):
        raise IdentityError(IdentityFault.ATTRIBUTE_REPEATED)


def _misleads(text: str) -> bool:
    """Whether a name holds characters that hide or reorder what a person reads."""
    if text.isprintable():  # nothing of "Other" or "Separator", but the space
        return False
    return any(
        unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"} and character not in _JOINERS
        for character in text
    )
