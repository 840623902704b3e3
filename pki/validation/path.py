"""Paths at an explicit time (RFC 5280 §6.1), without fetching, guessing or reordering anything."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from pki import oids
from pki.validation.errors import (
    BadSignatureError,
    ExpiredError,
    ExtendedKeyUsageError,
    KeyUsageError,
    MalformedCertificateError,
    NameChainingError,
    NotACaError,
    NotYetValidError,
    PathLengthExceededError,
    PolicyError,
    UnknownCriticalExtensionError,
    UntrustedIssuerError,
)
from pki.validation.policy import PathPolicy

ANY_PURPOSE = PathPolicy()

ExtensionT = TypeVar("ExtensionT", bound=x509.ExtensionType)

_UNDERSTOOD = frozenset(
    {
        oids.BASIC_CONSTRAINTS,
        oids.KEY_USAGE,
        oids.EXTENDED_KEY_USAGE,
        oids.CERTIFICATE_POLICIES,
        oids.SUBJECT_ALT_NAME,
    }
)
"""Critical ones outside this set refuse the path, name constraints and policy constraints among them."""


@dataclass(frozen=True)
class ValidatedPath:
    """A path that held: leaf first, anchor last."""

    certificates: tuple[x509.Certificate, ...]
    anchor: x509.Certificate


def validate(
    chain: Sequence[x509.Certificate],
    anchors: Sequence[x509.Certificate],
    at: datetime,
    policy: PathPolicy = ANY_PURPOSE,
) -> ValidatedPath:
    """Validates `chain`, the leaf first, each the issuer of the one before, the last issued by an anchor.

    An anchor at the chain's end may be there or not. The anchor's own validity counts too.
    Raises a subclass of ValidationError; revocation is not looked at here.
    """
    path = [certificate for certificate in chain if certificate not in anchors]
    if not path or len(path) > policy.max_path:
        raise PathLengthExceededError(
            len(path), f"a path has 1 to {policy.max_path} certificates below its anchor"
        )
    anchor = anchor_of(path[-1], len(path) - 1, anchors)
    whole = (*path, anchor)
    check_each(whole, at)
    for depth, (certificate, issuer) in enumerate(pairwise(path)):
        check_issued_by(certificate, issuer, depth)
    check_policies(whole, policy)
    check_purpose(path[0], policy)
    return ValidatedPath(tuple(path), anchor)


def check_each(path: Sequence[x509.Certificate], at: datetime) -> None:
    """What each certificate says of itself: times, critical extensions, and CAs above the leaf."""
    for depth, certificate in enumerate(path):
        _check_time(certificate, depth, at)
        extensions = _extensions(certificate, depth)
        _check_critical(extensions, depth)
        if depth > 0:
            check_ca(extensions, depth)


def anchor_of(
    certificate: x509.Certificate, depth: int, anchors: Sequence[x509.Certificate]
) -> x509.Certificate:
    """The anchor that signed it; several may bear the same name.

    Raises UntrustedIssuerError, BadSignatureError.
    """
    forged: BadSignatureError | None = None
    for anchor in anchors:
        try:
            check_issued_by(certificate, anchor, depth)
        except NameChainingError:
            continue
        except BadSignatureError as error:
            forged = error
        else:
            return anchor
    raise forged or UntrustedIssuerError(depth, "was issued by no anchor")


def check_issued_by(certificate: x509.Certificate, issuer: x509.Certificate, depth: int) -> None:
    """Name and signature of one link. Raises NameChainingError, BadSignatureError."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except InvalidSignature as error:
        raise BadSignatureError(depth, "is not signed by its issuer's key") from error
    except (TypeError, UnsupportedAlgorithm) as error:
        raise BadSignatureError(depth, "is signed with an algorithm that is not accepted") from error
    except ValueError as error:
        raise NameChainingError(depth, "does not name the next certificate as its issuer") from error


def _check_time(certificate: x509.Certificate, depth: int, at: datetime) -> None:
    if at < certificate.not_valid_before_utc:
        raise NotYetValidError(depth, certificate.not_valid_before_utc)
    # notAfter is inclusive and in whole seconds
    if at.replace(microsecond=0) > certificate.not_valid_after_utc:
        raise ExpiredError(depth, certificate.not_valid_after_utc)


def _extensions(certificate: x509.Certificate, depth: int) -> x509.Extensions:
    try:
        return certificate.extensions
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise MalformedCertificateError(depth, "holds an extension that can't be read") from error


def _check_critical(extensions: x509.Extensions, depth: int) -> None:
    for extension in extensions:
        if extension.critical and extension.oid.dotted_string not in _UNDERSTOOD:
            raise UnknownCriticalExtensionError(depth, extension.oid.dotted_string)


def check_ca(extensions: x509.Extensions, depth: int) -> None:
    """A CA with keyCertSign whose path length admits the `depth` - 1 CAs below it."""
    constraints = _find(extensions, x509.BasicConstraints)
    if constraints is None or not constraints.ca:
        raise NotACaError(depth, "is not a CA")
    usage = _find(extensions, x509.KeyUsage)
    if usage is None or not usage.key_cert_sign:
        raise KeyUsageError(depth, "key_cert_sign")
    if constraints.path_length is not None and depth - 1 > constraints.path_length:
        raise PathLengthExceededError(depth, f"admits {constraints.path_length} CAs below it")


def check_purpose(leaf: x509.Certificate, policy: PathPolicy) -> None:
    """The leaf's keyUsage and extKeyUsage. Raises KeyUsageError, ExtendedKeyUsageError."""
    extensions = _extensions(leaf, 0)
    if policy.key_usage is not None:
        usage = _find(extensions, x509.KeyUsage)
        if usage is None or not getattr(usage, policy.key_usage):
            raise KeyUsageError(0, policy.key_usage)
    if policy.key_purpose is not None:
        purposes = _find(extensions, x509.ExtendedKeyUsage) or ()
        if policy.key_purpose not in {purpose.dotted_string for purpose in purposes}:
            raise ExtendedKeyUsageError(0, policy.key_purpose)


def check_policies(path: Sequence[x509.Certificate], policy: PathPolicy) -> None:
    """Every certificate below the anchor carries a wanted policy; a CA may carry anyPolicy instead."""
    if not policy.policies:
        return
    for depth, certificate in enumerate(path[:-1]):
        found = _find(_extensions(certificate, depth), x509.CertificatePolicies) or ()
        carried = {item.policy_identifier.dotted_string for item in found}
        any_policy = depth > 0 and oids.ANY_POLICY in carried
        if not any_policy and not carried & policy.policies:
            raise PolicyError(depth, "carries none of the wanted policies")


def _find(extensions: x509.Extensions, kind: type[ExtensionT]) -> ExtensionT | None:
    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
