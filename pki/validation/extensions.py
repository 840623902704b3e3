"""The extensions of one certificate: all that are known must be readable, all critical ones known."""

from collections.abc import Callable, Mapping

from pki import oids
from pki.validation import decoders
from pki.validation.certificate import Certificate
from pki.validation.decoders import BasicConstraints, Usage
from pki.validation.errors import UnknownCriticalExtensionError
from pki.validation.generalnames import general_names

_READERS: Mapping[str, Callable[[bytes], object]] = {
    oids.AUTHORITY_INFO_ACCESS: decoders.authority_info_access,
    oids.AUTHORITY_KEY_IDENTIFIER: decoders.authority_key_identifier,
    oids.BASIC_CONSTRAINTS: decoders.basic_constraints,
    oids.CERTIFICATE_POLICIES: decoders.certificate_policies,
    oids.CRL_DISTRIBUTION_POINTS: decoders.distribution_points,
    oids.EXTENDED_KEY_USAGE: decoders.key_purposes,
    oids.FRESHEST_CRL: decoders.distribution_points,
    oids.INHIBIT_ANY_POLICY: decoders.inhibit_any_policy,
    oids.KEY_USAGE: decoders.key_usage,
    oids.NAME_CONSTRAINTS: decoders.name_constraints,
    oids.POLICY_CONSTRAINTS: decoders.policy_constraints,
    oids.POLICY_MAPPINGS: decoders.policy_mappings,
    oids.SUBJECT_ALT_NAME: general_names,
    oids.SUBJECT_KEY_IDENTIFIER: decoders.subject_key_identifier,
}
_JUDGED = frozenset(_READERS) - {oids.AUTHORITY_INFO_ACCESS}
"""A critical extension outside of it refuses the path. Pointers to more information can't be critical."""


def check_extensions(certificate: Certificate, depth: int) -> None:
    """RFC 5280 §6.1.4 (o), §6.1.5 (f). Raises UnknownCriticalExtensionError, DerError."""
    for extension in certificate.extensions.values():
        if extension.judged:
            continue
        if extension.critical and extension.oid not in _JUDGED:
            raise UnknownCriticalExtensionError(depth, extension.oid)
        reader = _READERS.get(extension.oid)
        if reader is not None:
            extension.read(reader)
        extension.judged = True


def basic_constraints(certificate: Certificate) -> BasicConstraints | None:
    """Raises DerError."""
    return certificate.extension(oids.BASIC_CONSTRAINTS, decoders.basic_constraints)


def is_ca(certificate: Certificate) -> bool:
    """Whether basicConstraints says so. Raises DerError."""
    found = basic_constraints(certificate)
    return found is not None and found.ca


def key_usage(certificate: Certificate) -> frozenset[int] | None:
    """None: any use. Raises DerError."""
    return certificate.extension(oids.KEY_USAGE, decoders.key_usage)


def may(certificate: Certificate, usage: Usage) -> bool:
    """Whether its keyUsage, if it has one, allows it. Raises DerError."""
    bits = key_usage(certificate)
    return bits is None or usage in bits


def subject_key_identifier(certificate: Certificate) -> bytes | None:
    """Raises DerError."""
    return certificate.extension(oids.SUBJECT_KEY_IDENTIFIER, decoders.subject_key_identifier)


def authority_key_identifier(certificate: Certificate) -> bytes | None:
    """Raises DerError."""
    return certificate.extension(oids.AUTHORITY_KEY_IDENTIFIER, decoders.authority_key_identifier)
