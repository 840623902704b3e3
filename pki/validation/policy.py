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
class KeyRules:
    """The weakest keys that count: of anchors, CAs, leaves, and of who signs CRLs and OCSP answers."""

    rsa_bits: int = 2048
    """SP 800-131A, BSI TR-02102-1: 112 bits of security at least. Below 1024 none counts, whatever is set."""
    dsa_bits: int = 2048
    """FIPS 186-5 has no DSA any more; what was signed with it is still verified."""
    curves: frozenset[str] = frozenset(
        {"secp256r1", "secp384r1", "secp521r1", "brainpoolP256r1", "brainpoolP384r1", "brainpoolP512r1"}
    )
    """Named curves. `secp224r1` can be added, others are not read."""


DEFAULT_KEYS = KeyRules()
ALL_KEYS = KeyRules(1024, 1024, DEFAULT_KEYS.curves | {"secp224r1"})
"""Whatever can be read at all: for suites of test cases, and for a first look before a policy is known."""


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
    keys: KeyRules = DEFAULT_KEYS
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
