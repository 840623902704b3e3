"""The values of the extensions that the validator judges (RFC 5280 §4.2). Every reader raises DerError."""

from dataclasses import dataclass
from enum import IntEnum, unique
from typing import NamedTuple

from pki import der
from pki.der import DerError, Element
from pki.validation.generalnames import Form, GeneralName, general_name, tagged_names
from pki.validation.reading import (
    bits,
    boolean,
    identifier,
    implicit,
    members,
    small_count,
    some_members,
    tagged,
)

_PRIMITIVE_0, _PRIMITIVE_1, _PRIMITIVE_2 = 0x80, 0x81, 0x82
_CONSTRUCTED_0, _CONSTRUCTED_1, _CONSTRUCTED_2 = 0xA0, 0xA1, 0xA2


@unique
class Usage(IntEnum):
    """KeyUsage, RFC 5280 §4.2.1.3, spelt as cryptography spells them."""

    DIGITAL_SIGNATURE = 0
    CONTENT_COMMITMENT = 1
    KEY_ENCIPHERMENT = 2
    DATA_ENCIPHERMENT = 3
    KEY_AGREEMENT = 4
    KEY_CERT_SIGN = 5
    CRL_SIGN = 6
    ENCIPHER_ONLY = 7
    DECIPHER_ONLY = 8


USAGES = {usage.name.lower(): usage for usage in Usage}
"""By the names that policies use."""


class BasicConstraints(NamedTuple):
    """RFC 5280 §4.2.1.9."""

    ca: bool
    path_length: int | None


def basic_constraints(value: bytes) -> BasicConstraints:
    """BasicConstraints ::= SEQUENCE { cA BOOLEAN DEFAULT FALSE, pathLenConstraint INTEGER OPTIONAL }."""
    parts = members(value)
    ca = bool(parts) and parts[0].tag == der.BOOLEAN and boolean(parts.pop(0).content)
    if len(parts) > 1:
        raise DerError("basicConstraints has more than two parts")
    return BasicConstraints(ca, small_count(parts[0]) if parts else None)


def key_usage(value: bytes) -> frozenset[int]:
    """The numbers of the bits that are set."""
    return bits(der.parse(value, der.BIT_STRING).content)


def key_purposes(value: bytes) -> frozenset[str]:
    """ExtKeyUsageSyntax, dotted."""
    return frozenset(identifier(purpose) for purpose in some_members(value))


def certificate_policies(value: bytes) -> frozenset[str]:
    """The policy identifiers, dotted; their qualifiers don't matter to validation."""
    found = [_policy(information) for information in some_members(value)]
    if len(set(found)) != len(found):
        raise DerError("a policy stands there twice")
    return frozenset(found)


def _policy(information: Element) -> str:
    parts = members(information.raw)
    if not 1 <= len(parts) <= 2:  # noqa: PLR2004 - policyIdentifier, policyQualifiers OPTIONAL
        raise DerError("a PolicyInformation has an identifier and perhaps qualifiers")
    return identifier(parts[0])


def policy_mappings(value: bytes) -> tuple[tuple[str, str], ...]:
    """Pairs of issuerDomainPolicy and subjectDomainPolicy, dotted."""
    pairs = [members(pair.raw) for pair in some_members(value)]
    if any(len(pair) != 2 for pair in pairs):  # noqa: PLR2004 - a mapping is a pair
        raise DerError("a policy mapping is a pair")
    return tuple((identifier(issuer), identifier(subject)) for issuer, subject in pairs)


class PolicyConstraints(NamedTuple):
    """RFC 5280 §4.2.1.11: after how many certificates each begins, or None."""

    require_explicit_policy: int | None
    inhibit_policy_mapping: int | None


def policy_constraints(value: bytes) -> PolicyConstraints:
    """PolicyConstraints ::= SEQUENCE { requireExplicitPolicy [0], inhibitPolicyMapping [1] }."""
    parts = tagged(some_members(value), frozenset({_PRIMITIVE_0, _PRIMITIVE_1}))
    return PolicyConstraints(_skip(parts.get(_PRIMITIVE_0)), _skip(parts.get(_PRIMITIVE_1)))


def _skip(part: Element | None) -> int | None:
    return None if part is None else small_count(der.parse(implicit(part, der.INTEGER), der.INTEGER))


def inhibit_any_policy(value: bytes) -> int:
    """SkipCerts."""
    return small_count(der.parse(value, der.INTEGER))


@dataclass(frozen=True)
class NameConstraintsValue:
    """RFC 5280 §4.2.1.10: the tops of subtrees."""

    permitted: tuple[GeneralName, ...]
    excluded: tuple[GeneralName, ...]


def name_constraints(value: bytes) -> NameConstraintsValue:
    """NameConstraints ::= SEQUENCE { permittedSubtrees [0], excludedSubtrees [1] }, one at least."""
    parts = tagged(some_members(value), frozenset({_CONSTRUCTED_0, _CONSTRUCTED_1}))
    return NameConstraintsValue(_subtrees(parts.get(_CONSTRUCTED_0)), _subtrees(parts.get(_CONSTRUCTED_1)))


def _subtrees(part: Element | None) -> tuple[GeneralName, ...]:
    if part is None:
        return ()
    return tuple(_base(subtree) for subtree in some_members(implicit(part, der.SEQUENCE)))


def _base(subtree: Element) -> GeneralName:
    """The base; RFC 5280 §4.2.1.10 wants minimum 0 (so it is left out) and no maximum."""
    parts = members(subtree.raw)
    if len(parts) != 1:
        raise DerError("a subtree has a minimum or a maximum, or no base")
    return general_name(parts[0])


def authority_info_access(value: bytes) -> tuple[tuple[str, GeneralName], ...]:
    """AccessDescriptions: method, dotted, and location (RFC 5280 §4.2.2.1)."""
    pairs = [members(pair.raw) for pair in some_members(value)]
    if any(len(pair) != 2 for pair in pairs):  # noqa: PLR2004 - accessMethod, accessLocation
        raise DerError("an access description has a method and a location")
    return tuple((identifier(method), general_name(location)) for method, location in pairs)


def authority_key_identifier(value: bytes) -> bytes | None:
    """keyIdentifier [0], if it is there."""
    parts = tagged(members(value), frozenset({_PRIMITIVE_0, _CONSTRUCTED_1, _PRIMITIVE_2}))
    found = parts.get(_PRIMITIVE_0)
    return None if found is None else found.content


def subject_key_identifier(value: bytes) -> bytes:
    """KeyIdentifier ::= OCTET STRING."""
    return der.parse(value, der.OCTET_STRING).content


ALL_REASONS = frozenset(range(1, 9))
"""ReasonFlags of RFC 5280 §4.2.1.13; bit 0 is unused."""


@dataclass(frozen=True)
class PointName:
    """DistributionPointName: full names, or a relative last RDN (DER of its SET)."""

    full: tuple[GeneralName, ...] = ()
    relative: bytes | None = None

    def names(self, issuer: bytes) -> tuple[GeneralName, ...]:
        """The full names; `issuer` is the DER Name below which a relative one stands. Raises DerError."""
        if self.relative is None:
            return self.full
        rdns = b"".join(rdn.raw for rdn in members(issuer))
        return (GeneralName(Form.DIRECTORY_NAME, der.encode(der.SEQUENCE, rdns + self.relative)),)


def _point_name(part: Element | None) -> PointName | None:
    if part is None:
        return None
    choices = part.children()
    if len(choices) != 1 or choices[0].tag not in {_CONSTRUCTED_0, _CONSTRUCTED_1}:
        raise DerError("a distribution point's name is full or relative")
    choice = choices[0]
    if choice.tag == _CONSTRUCTED_0:
        return PointName(tagged_names(choice))
    return PointName(relative=implicit(choice, _SET))


_SET = 0x31


@dataclass(frozen=True)
class DistributionPoint:
    """RFC 5280 §4.2.1.13."""

    name: PointName | None
    reasons: frozenset[int]
    crl_issuer: tuple[GeneralName, ...]
    """Empty: the certificate's own issuer."""


def distribution_points(value: bytes) -> tuple[DistributionPoint, ...]:
    """CRLDistributionPoints ::= SEQUENCE SIZE (1..MAX) OF DistributionPoint."""
    return tuple(_point(point) for point in some_members(value))


def _point(point: Element) -> DistributionPoint:
    parts = tagged(members(point.raw), frozenset({_CONSTRUCTED_0, _PRIMITIVE_1, _CONSTRUCTED_2}))
    issuer = parts.get(_CONSTRUCTED_2)
    return DistributionPoint(
        _point_name(parts.get(_CONSTRUCTED_0)),
        _reasons(parts.get(_PRIMITIVE_1)),
        () if issuer is None else tagged_names(issuer),
    )


def _reasons(part: Element | None) -> frozenset[int]:
    return ALL_REASONS if part is None else bits(part.content) & ALL_REASONS


@dataclass(frozen=True)
class IssuingDistributionPoint:
    """RFC 5280 §5.2.5."""

    name: PointName | None
    only_user: bool
    only_ca: bool
    reasons: frozenset[int]
    indirect: bool
    only_attribute: bool


_IDP_TAGS = frozenset({_CONSTRUCTED_0, 0x81, 0x82, 0x83, 0x84, 0x85})


def issuing_distribution_point(value: bytes) -> IssuingDistributionPoint:
    """Its six optional parts."""
    parts = tagged(members(value), _IDP_TAGS)

    def flag(number: int) -> bool:
        found = parts.get(der.CONTEXT | number)
        return found is not None and boolean(found.content)

    return IssuingDistributionPoint(
        _point_name(parts.get(_CONSTRUCTED_0)), flag(1), flag(2), _reasons(parts.get(0x83)), flag(4), flag(5)
    )
