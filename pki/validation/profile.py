"""What RFC 5280 §4 asks of those who write certificates. Asked of a path only by a strict policy."""

from collections.abc import Callable
from typing import NamedTuple

from pki import der, oids
from pki.validation.certificate import Certificate
from pki.validation.decoders import Usage
from pki.validation.errors import ProfileError
from pki.validation.extensions import (
    authority_key_identifier,
    basic_constraints,
    is_ca,
    key_usage,
    subject_key_identifier,
)
from pki.validation.generalnames import general_names
from pki.validation.nameforms import NameSyntaxError, check_syntax

_EMPTY_NAME = der.sequence(())
_MAX_SERIAL = 1 << 159
"""§4.1.2.2: at most 20 octets, and positive."""


class _Rule(NamedTuple):
    clause: str
    holds: Callable[[Certificate], bool]
    otherwise: str


def _critical(oid: str, *, wanted: bool) -> Callable[[Certificate], bool]:
    def holds(certificate: Certificate) -> bool:
        extension = certificate.extensions.get(oid)
        return extension is None or extension.critical is wanted

    return holds


def _serial(certificate: Certificate) -> bool:
    return 0 < certificate.serial < _MAX_SERIAL


def _issuer_named(certificate: Certificate) -> bool:
    return certificate.issuer != _EMPTY_NAME


def _subject_named(certificate: Certificate) -> bool:
    """A CA always has a subject; others at least a critical alternative name."""
    if certificate.subject != _EMPTY_NAME:
        return True
    extension = certificate.extensions.get(oids.SUBJECT_ALT_NAME)
    return extension is not None and extension.critical and not is_ca(certificate)


def _names_written_well(certificate: Certificate) -> bool:
    try:
        for name in certificate.extension(oids.SUBJECT_ALT_NAME, general_names) or ():
            check_syntax(name)
    except NameSyntaxError:
        return False
    return True


def _issuer_key_named(certificate: Certificate) -> bool:
    """§4.2.1.1: always, but in a self-signed one."""
    return certificate.self_issued or authority_key_identifier(certificate) is not None


def _own_key_named(certificate: Certificate) -> bool:
    return not is_ca(certificate) or subject_key_identifier(certificate) is not None


def _usages_agree(certificate: Certificate) -> bool:
    """§4.2.1.9: keyCertSign and cA go together."""
    bits = key_usage(certificate)
    return bits is None or (Usage.KEY_CERT_SIGN in bits) == is_ca(certificate)


def _usage_not_empty(certificate: Certificate) -> bool:
    return key_usage(certificate) != frozenset()


def _ca_is_critical(certificate: Certificate) -> bool:
    return not is_ca(certificate) or certificate.extensions[oids.BASIC_CONSTRAINTS].critical


def _only_cas_limit_paths(certificate: Certificate) -> bool:
    constraints = basic_constraints(certificate)
    return constraints is None or constraints.ca or constraints.path_length is None


def _only_cas_constrain(certificate: Certificate) -> bool:
    return is_ca(certificate) or oids.NAME_CONSTRAINTS not in certificate.extensions


_RULES = (
    _Rule("§4.1.2.2", _serial, "the serial number is not positive or too long"),
    _Rule("§4.1.2.4", _issuer_named, "the issuer has no name"),
    _Rule("§4.1.2.6", _subject_named, "the subject has no name, nor a critical alternative one"),
    _Rule("§4.2.1.1", _issuer_key_named, "authorityKeyIdentifier is missing"),
    _Rule(
        "§4.2.1.1",
        _critical(oids.AUTHORITY_KEY_IDENTIFIER, wanted=False),
        "authorityKeyIdentifier is critical",
    ),
    _Rule("§4.2.1.2", _own_key_named, "a CA's subjectKeyIdentifier is missing"),
    _Rule(
        "§4.2.1.2", _critical(oids.SUBJECT_KEY_IDENTIFIER, wanted=False), "subjectKeyIdentifier is critical"
    ),
    _Rule("§4.2.1.3", _usage_not_empty, "keyUsage allows nothing"),
    _Rule("§4.2.1.3", _usages_agree, "keyCertSign and cA contradict each other"),
    _Rule("§4.2.1.6", _names_written_well, "an alternative name is not written as its form wants"),
    _Rule("§4.2.1.9", _ca_is_critical, "a CA's basicConstraints is not critical"),
    _Rule("§4.2.1.9", _only_cas_limit_paths, "pathLenConstraint in what is no CA"),
    _Rule("§4.2.1.10", _only_cas_constrain, "nameConstraints in what is no CA"),
    _Rule("§4.2.1.10", _critical(oids.NAME_CONSTRAINTS, wanted=True), "nameConstraints is not critical"),
    _Rule("§4.2.1.11", _critical(oids.POLICY_CONSTRAINTS, wanted=True), "policyConstraints is not critical"),
    _Rule("§4.2.1.14", _critical(oids.INHIBIT_ANY_POLICY, wanted=True), "inhibitAnyPolicy is not critical"),
)


def check_profile(certificate: Certificate, depth: int) -> None:
    """Raises ProfileError for the first rule that is broken, DerError."""
    for rule in _RULES:
        if not rule.holds(certificate):
            raise ProfileError(depth, f"{rule.otherwise} (RFC 5280 {rule.clause})")
