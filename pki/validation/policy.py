"""What a relying party wants of a path, and what it brings to judge one."""

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, unique

DEFAULT_MAX_PATH = 12
"""Certificates below the anchor, the leaf included."""


@unique
class RevocationMode(Enum):
    """Where the status of each certificate below the anchor must come from. All but NONE fail closed."""

    NONE = "none"
    CRL = "crl"
    OCSP = "ocsp"
    EITHER = "either"
    """An OCSP answer where there is one, else CRLs."""


@dataclass(frozen=True)
class PathPolicy:
    """The inputs of RFC 5280 §6.1.1, and wants beyond them. The empty policy takes any purpose."""

    key_usage: str | None = None
    """The leaf's keyUsage must allow it: `digital_signature`, `content_commitment` (as cryptography says)."""
    key_purpose: str | None = None
    """The leaf's extKeyUsage must name this dotted identifier; anyExtendedKeyUsage does not count."""
    policies: frozenset[str] = frozenset()
    """user-initial-policy-set, dotted; empty: any-policy."""
    max_path: int = DEFAULT_MAX_PATH
    absent_purpose_is_any: bool = False
    """A leaf without extKeyUsage serves every purpose, as RFC 5280 §4.2.1.12 has it."""
    explicit_policy: bool | None = None
    """initial-explicit-policy. None: exactly if `policies` are named, for whoever names some wants one."""
    mapping_inhibited: bool = False
    """initial-policy-mapping-inhibit."""
    any_policy_inhibited: bool = False
    """initial-any-policy-inhibit."""
    path_length: int | None = None
    """As though the anchor had this pathLenConstraint."""
    anchor_constraints: bool = True
    """An anchor's own validity, extensions and constraints count, its certificatePolicies excepted.

    False: it is a name and a key only, as RFC 5280 §6.1.1 (d) has it.
    """
    revocation: RevocationMode = RevocationMode.NONE
    sha1: bool = False
    """Signatures over SHA-1 count. Only for the old: they can be forged."""
    strict: bool = False
    """Certificates and CRLs must also be written as RFC 5280 §4 and §5 ask of those who issue them."""
    clock_skew: timedelta = timedelta(minutes=5)
    """How far an OCSP responder's clock may be off."""
    ocsp_max_age: timedelta = timedelta(days=1)
    """For how long an OCSP answer without nextUpdate counts."""
    delegated_status: bool = True
    """A responder without nocheck needs a status of its own, from CRLs. False: its short life is enough."""

    @property
    def explicit(self) -> bool:
        """initial-explicit-policy, decided."""
        return bool(self.policies) if self.explicit_policy is None else self.explicit_policy
