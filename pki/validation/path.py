"""Full path validation (RFC 5280 §6) at an explicit time: the one entry, and how its parts come together.

Pure: nothing is fetched, no clock is read. A path is searched among the certificates given (`search`),
each found one goes through §6.1 from its anchor down (`steps`), with the status of every certificate below
the anchor if the policy wants it (`status`). The first that holds is the answer.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, unique
from typing import TypeAlias

from pki.validation.certificate import Certificate, Source, read_certificate
from pki.validation.errors import PathError, PathLengthExceededError
from pki.validation.evidence import NO_EVIDENCE, Evidence
from pki.validation.policy import PathPolicy, RevocationMode
from pki.validation.search import Bag, Candidate, Search
from pki.validation.signatures import inherits
from pki.validation.status import check_status
from pki.validation.statuscontext import Issuer, StatusContext
from pki.validation.steps import (
    PathState,
    check_signature,
    check_time,
    conclude,
    descend_to,
    identified,
    start,
)

ANY_PURPOSE = PathPolicy()


@unique
class Check(Enum):
    """What is asked of each certificate, in this order."""

    TIME = "valid at the moment"
    SIGNATURE = "signed by the key above it"
    RULES = "names, extensions, constraints and policies keep to what stands above it"
    STATUS = "not revoked"
    ANCHOR = "trusted; its own constraints hold"


Listener: TypeAlias = Callable[[int, Certificate, Check], None]
"""Told of each check that a certificate, at a depth, passed."""


@dataclass(frozen=True)
class ValidatedPath:
    """A path that held: leaf first; the anchor stands apart."""

    certificates: tuple[Certificate, ...]
    anchor: Certificate
    policies: frozenset[str] = frozenset()
    """For which it is valid, in the anchor's words (§6.1.6); may hold anyPolicy if no policies were named."""


def validate(
    chain: Sequence[Source],
    anchors: Sequence[Source],
    at: datetime,
    policy: PathPolicy = ANY_PURPOSE,
    evidence: Evidence = NO_EVIDENCE,
    listener: Listener | None = None,
) -> ValidatedPath:
    """Finds a path from `chain[0]` to one of `anchors` that holds at `at`.

    The rest of `chain` is a bag: in any order, with certificates that don't belong to it, the anchor among
    them or not. Raises a subclass of PathError, which names the certificate and the rule.
    """
    if not chain:
        raise PathLengthExceededError(0, "there is no certificate")
    leaf, *others = (read_certificate(source, depth) for depth, source in enumerate(chain))
    bag = Bag.of(others, [read_certificate(source, None) for source in anchors])
    return Validation(bag, at, policy, evidence, listener).run(leaf)


@dataclass(frozen=True)
class Validation:
    """One call of `validate`."""

    bag: Bag
    at: datetime
    policy: PathPolicy
    evidence: Evidence
    listener: Listener | None = None

    def run(self, leaf: Certificate) -> ValidatedPath:
        """Raises PathError."""
        search = Search(self.bag, self.policy)
        refused: PathError | None = None
        with identified(leaf, 0):
            for candidate in search.candidates(leaf):
                try:
                    return self._judge(candidate)
                except PathError as error:
                    refused = refused or error
        raise refused or search.failure()

    def _judge(self, candidate: Candidate) -> ValidatedPath:
        context = self._context(candidate.anchor)
        policies = walk(candidate, self.at, self.policy, context, self.listener)
        return ValidatedPath(candidate.chain, candidate.anchor, policies)

    def _context(self, anchor: Certificate) -> StatusContext:
        return StatusContext(self.at, self.policy, self.evidence, self.bag, anchor, validate_signer)


def walk(
    candidate: Candidate,
    at: datetime,
    policy: PathPolicy,
    context: StatusContext,
    listener: Listener | None = None,
) -> frozenset[str]:
    """§6.1 from the anchor down. Returns the valid policies. Raises PathError."""
    tell = listener or _silent
    chain, anchor = candidate.chain, candidate.anchor
    state = enter(anchor, len(chain), policy, at)
    tell(len(chain), anchor, Check.ANCHOR)
    policies: frozenset[str] = frozenset()
    for depth in reversed(range(len(chain))):
        certificate = chain[depth]
        issuer = Issuer(state.issuer, state.key)
        with identified(certificate, depth):
            check_time(certificate, depth, at)
            tell(depth, certificate, Check.TIME)
            if inherits(state.issuer.spki):  # else the search has verified it already
                check_signature(certificate, state.key, depth, policy)
            tell(depth, certificate, Check.SIGNATURE)
            if depth:
                state = descend_to(state, certificate, depth, policy)
            else:
                policies = conclude(state, certificate, policy)
            tell(depth, certificate, Check.RULES)
            check_status(certificate, depth, issuer, context)
            if policy.revocation is not RevocationMode.NONE:
                tell(depth, certificate, Check.STATUS)
    return policies


def enter(anchor: Certificate, length: int, policy: PathPolicy, at: datetime) -> PathState:
    """The anchor above a path of `length` certificates. Raises PathError."""
    with identified(anchor, length):
        if policy.anchor_constraints:
            check_time(anchor, length, at)
        return start(anchor, length, policy)


def _silent(_depth: int, _certificate: Certificate, _check: Check) -> None:
    """Nobody listens."""


def validate_signer(signer: Certificate, context: StatusContext) -> None:
    """A path for who signs CRLs (§6.3.3 (f)), below the same anchor, of the same strictness, for any purpose.

    Raises PathError, DerError.
    """
    wanted = context.policy
    policy = PathPolicy(
        max_path=wanted.max_path,
        anchor_constraints=wanted.anchor_constraints,
        revocation=wanted.revocation,
        sha1=wanted.sha1,
        keys=wanted.keys,
        strict=wanted.strict,
        clock_skew=wanted.clock_skew,
        ocsp_max_age=wanted.ocsp_max_age,
        delegated_status=wanted.delegated_status,
    )
    bag = Bag(context.bag.others, Bag.of((), (context.anchor,)).anchors)
    search = Search(bag, policy, context.budget)
    refused: PathError | None = None
    for candidate in search.candidates(signer):
        try:
            walk(candidate, context.at, policy, context)
        except PathError as error:
            refused = refused or error
        else:
            return
    raise refused or search.failure()
