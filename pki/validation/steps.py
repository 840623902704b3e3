"""The steps of RFC 5280 §6.1 for one certificate: what is checked, and what is handed down to the next.

A `PathState` never changes. That of an issuer can be kept and continued with each certificate below it;
only the moment, the signature and the status have to be looked at again (see `direct`).
"""

from dataclasses import dataclass
from datetime import datetime

from pki import oids
from pki.der import DerError
from pki.validation import decoders
from pki.validation.certificate import Certificate
from pki.validation.constraints import NameConstraints
from pki.validation.decoders import USAGES, Usage
from pki.validation.errors import (
    BadSignatureError,
    ExpiredError,
    ExtendedKeyUsageError,
    KeyUsageError,
    MalformedCertificateError,
    NameChainingError,
    NotACaError,
    NotYetValidError,
    PathError,
    PathLengthExceededError,
    PolicyError,
    PolicyMappingError,
    UnsupportedAlgorithmError,
    WeakKeyError,
)
from pki.validation.extensions import basic_constraints, check_extensions, key_usage, may
from pki.validation.keyrules import WeakKey, require_strength
from pki.validation.names import comparable
from pki.validation.policy import PathPolicy
from pki.validation.policygraph import Level, root_level
from pki.validation.profile import check_profile
from pki.validation.signatures import (
    AlgorithmError,
    SignatureError,
    VerifyingKey,
    verify,
    verifying_key,
)

_VERSION_3 = 2


@dataclass(frozen=True, slots=True)
class PathState:
    """§6.1.2: the state variables after some certificates of a path, the anchor first of all."""

    issuer: Certificate
    """The last of them: its subject is working_issuer_name."""
    key: VerifyingKey
    """working_public_key, with parameters."""
    level: Level
    explicit_policy: int
    policy_mapping: int
    inhibit_any_policy: int
    max_path_length: int
    constraints: NameConstraints


class identified:  # noqa: N801 - it reads as a function at its places
    """Errors raised within say which certificate is meant; unreadable parts become a PathError."""

    __slots__ = ("_certificate", "_depth")

    def __init__(self, certificate: Certificate, depth: int) -> None:
        self._certificate = certificate
        self._depth = depth

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, DerError):
            refused = MalformedCertificateError(self._depth, f"can't be read: {error}")
            refused.identify(self._certificate)
            raise refused from error
        if isinstance(error, PathError) and error.depth == self._depth:
            error.identify(self._certificate)


def check_time(certificate: Certificate, depth: int, at: datetime) -> None:
    """§6.1.3 (a)(2). Raises NotYetValidError, ExpiredError."""
    if certificate.not_before <= at <= certificate.not_after:
        return
    if at < certificate.not_before:
        raise NotYetValidError(depth, certificate.not_before)
    # notAfter is inclusive and in whole seconds
    if at.replace(microsecond=0) > certificate.not_after:
        raise ExpiredError(depth, certificate.not_after)


def check_signature(certificate: Certificate, key: VerifyingKey, depth: int, policy: PathPolicy) -> None:
    """§6.1.3 (a)(1). Raises BadSignatureError, UnsupportedAlgorithmError, DerError."""
    try:
        verify(certificate.algorithm, key, certificate.signature, certificate.tbs, sha1=policy.sha1)
    except AlgorithmError as error:
        raise UnsupportedAlgorithmError(depth, str(error)) from error
    except SignatureError as error:
        raise BadSignatureError(depth, str(error)) from error


def key_of(
    certificate: Certificate, depth: int, policy: PathPolicy, inherit: VerifyingKey | None = None
) -> VerifyingKey:
    """§6.1.4 (d) to (f). Raises UnsupportedAlgorithmError, WeakKeyError, DerError."""
    check_strength(certificate, depth, policy)
    try:
        return verifying_key(certificate.spki, inherit)
    except AlgorithmError as error:
        raise UnsupportedAlgorithmError(depth, str(error)) from error


def check_strength(certificate: Certificate, depth: int, policy: PathPolicy) -> None:
    """Its own key is one that the policy takes. Raises WeakKeyError, DerError."""
    try:
        require_strength(certificate.spki, policy.keys)
    except WeakKey as error:
        raise WeakKeyError(depth, str(error)) from error


def start(anchor: Certificate, length: int, policy: PathPolicy) -> PathState:
    """§6.1.2, for a path of `length` certificates below `anchor`. Raises PathError, DerError."""
    state = PathState(
        issuer=anchor,
        key=key_of(anchor, length, policy),
        level=root_level(),
        explicit_policy=0 if policy.explicit else length + 1,
        policy_mapping=0 if policy.mapping_inhibited else length + 1,
        inhibit_any_policy=0 if policy.any_policy_inhibited else length + 1,
        max_path_length=length if policy.path_length is None else policy.path_length,
        constraints=NameConstraints(),
    )
    return _constrained_by_anchor(state, anchor, length, policy) if policy.anchor_constraints else state


def _constrained_by_anchor(
    state: PathState, anchor: Certificate, depth: int, policy: PathPolicy
) -> PathState:
    """What the anchor's certificate says of itself (RFC 5937 §3, without its policies)."""
    check_extensions(anchor, depth)
    if policy.strict:
        check_profile(anchor, depth)
    if anchor.version == _VERSION_3:  # older ones can't say that they are CAs
        _check_ca(anchor, depth)
    counts = _narrowed_counts(anchor, state.explicit_policy, state.policy_mapping, state.inhibit_any_policy)
    return PathState(
        anchor,
        state.key,
        state.level,
        *counts,
        _least(state.max_path_length, _path_length(anchor)),
        _narrowed_constraints(anchor, state.constraints),
    )


def check_certificate(state: PathState, certificate: Certificate, depth: int, policy: PathPolicy) -> Level:
    """§6.1.3 (a)(4) to (f), and §6.1.4 (o): all that depends neither on the moment nor on a key.

    Returns the certificate's level of policies. Raises PathError, DerError.
    """
    check_chaining(certificate, state.issuer, depth)
    check_extensions(certificate, depth)
    if policy.strict:
        check_profile(certificate, depth)
    self_issued = depth > 0 and certificate.self_issued
    if not self_issued:
        state.constraints.check(certificate, depth)
    level = state.level.below(
        certificate.extension(oids.CERTIFICATE_POLICIES, decoders.certificate_policies),
        any_allowed=state.inhibit_any_policy > 0 or self_issued,
    )
    if not level and state.explicit_policy == 0:
        raise PolicyError(depth, "no policy is valid for the path down to it, and one is required")
    return level


def check_chaining(certificate: Certificate, issuer: Certificate, depth: int) -> None:
    """§6.1.3 (a)(4). Raises NameChainingError, DerError."""
    if certificate.issuer != issuer.subject and comparable(certificate.issuer) != comparable(issuer.subject):
        raise NameChainingError(depth, "does not name the next certificate as its issuer")


def descend_to(state: PathState, certificate: Certificate, depth: int, policy: PathPolicy) -> PathState:
    """One CA further down: `check_certificate`, then §6.1.4. Raises PathError, DerError."""
    level = check_certificate(state, certificate, depth, policy)
    level = _mapped(certificate, depth, level, allowed=state.policy_mapping > 0)
    _check_ca(certificate, depth)
    step = 0 if certificate.self_issued else 1
    if state.max_path_length < step:
        raise PathLengthExceededError(depth, "is a CA further below than those above it admit")
    counts = _narrowed_counts(
        certificate,
        max(state.explicit_policy - step, 0),
        max(state.policy_mapping - step, 0),
        max(state.inhibit_any_policy - step, 0),
    )
    return PathState(
        certificate,
        key_of(certificate, depth, policy, state.key),
        level,
        *counts,
        _least(state.max_path_length - step, _path_length(certificate)),
        _narrowed_constraints(certificate, state.constraints),
    )


def _mapped(certificate: Certificate, depth: int, level: Level, *, allowed: bool) -> Level:
    """§6.1.4 (a), (b). Raises PolicyMappingError."""
    mappings = certificate.extension(oids.POLICY_MAPPINGS, decoders.policy_mappings)
    if mappings is None:
        return level
    if any(oids.ANY_POLICY in pair for pair in mappings):
        raise PolicyMappingError(depth, "maps from or to anyPolicy")
    return level.mapped(mappings, allowed=allowed)


def _check_ca(certificate: Certificate, depth: int) -> None:
    """§6.1.4 (k), (n). Raises NotACaError, KeyUsageError."""
    constraints = basic_constraints(certificate)
    if constraints is None or not constraints.ca:
        raise NotACaError(depth, "is not a CA")
    if not may(certificate, Usage.KEY_CERT_SIGN):
        raise KeyUsageError(depth, Usage.KEY_CERT_SIGN.name.lower())


def _narrowed_counts(
    certificate: Certificate, explicit: int, mapping: int, any_policy: int
) -> tuple[int, int, int]:
    """§6.1.4 (i), (j)."""
    constraints = certificate.extension(oids.POLICY_CONSTRAINTS, decoders.policy_constraints)
    if constraints is not None:
        explicit = _least(explicit, constraints.require_explicit_policy)
        mapping = _least(mapping, constraints.inhibit_policy_mapping)
    skip = certificate.extension(oids.INHIBIT_ANY_POLICY, decoders.inhibit_any_policy)
    return explicit, mapping, _least(any_policy, skip)


def _least(value: int, other: int | None) -> int:
    return value if other is None else min(value, other)


def _path_length(certificate: Certificate) -> int | None:
    constraints = basic_constraints(certificate)
    return None if constraints is None else constraints.path_length


def _narrowed_constraints(certificate: Certificate, constraints: NameConstraints) -> NameConstraints:
    value = certificate.extension(oids.NAME_CONSTRAINTS, decoders.name_constraints)
    return constraints if value is None else constraints.narrowed(value)


def conclude(state: PathState, leaf: Certificate, policy: PathPolicy) -> frozenset[str]:
    """The leaf: `check_certificate`, then §6.1.5 and its purpose. Returns the valid policies.

    Raises PathError, DerError.
    """
    level = check_certificate(state, leaf, 0, policy)
    check_strength(leaf, 0, policy)
    if policy.strict:
        key_of(leaf, 0, policy, state.key)
    explicit = max(state.explicit_policy - 1, 0)
    constraints = leaf.extension(oids.POLICY_CONSTRAINTS, decoders.policy_constraints)
    if constraints is not None and constraints.require_explicit_policy == 0:
        explicit = 0
    found = level.valid(policy.policies)
    if explicit == 0 and not found:
        raise PolicyError(0, "no wanted policy is valid for the path, and one is required")
    check_purpose(leaf, policy)
    return found


def check_purpose(leaf: Certificate, policy: PathPolicy) -> None:
    """The leaf's keyUsage and extKeyUsage. Raises KeyUsageError, ExtendedKeyUsageError, DerError."""
    if policy.key_usage is not None:
        usage = key_usage(leaf)
        if usage is None or USAGES[policy.key_usage] not in usage:
            raise KeyUsageError(0, policy.key_usage)
    if policy.key_purpose is not None:
        purposes = leaf.extension(oids.EXTENDED_KEY_USAGE, decoders.key_purposes)
        if purposes is None and policy.absent_purpose_is_any:
            return
        if purposes is None or policy.key_purpose not in purposes:
            raise ExtendedKeyUsageError(0, policy.key_purpose)
