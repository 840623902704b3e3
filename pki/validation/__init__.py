"""Certificate paths at an explicit time (RFC 5280 §6), with one error class for each reason to refuse."""

from pki.errors import ValidationError
from pki.validation.crl import read_crl
from pki.validation.direct import PinnedIssuers
from pki.validation.evidence import Evidence
from pki.validation.path import ValidatedPath, validate
from pki.validation.policy import KeyRules, PathPolicy, RevocationMode

__all__ = [
    "Evidence",
    "KeyRules",
    "PathPolicy",
    "PinnedIssuers",
    "RevocationMode",
    "ValidatedPath",
    "ValidationError",
    "read_crl",
    "validate",
]
