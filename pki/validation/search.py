"""Paths out of an unordered bag of certificates, from the leaf upwards, within a bounded number of steps.

Each link is taken by name and signature only; whether the path holds is for RFC 5280 §6.1 to say. No path
holds the same subject with the same key twice, so there are no loops.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from pki.der import DerError
from pki.validation.certificate import Certificate
from pki.validation.errors import (
    BadSignatureError,
    MalformedCertificateError,
    PathError,
    PathLengthExceededError,
    SearchLimitError,
    UntrustedIssuerError,
)
from pki.validation.extensions import authority_key_identifier, subject_key_identifier
from pki.validation.names import ComparableName, comparable
from pki.validation.policy import PathPolicy
from pki.validation.signatures import inherits
from pki.validation.steps import check_signature, key_of

Chain: TypeAlias = tuple[Certificate, ...]
"""Leaf first, each issued by the next."""

MAX_SIGNATURES = 128
"""Signature checks in one search; the same certificate against the same key counts once."""
MAX_STEPS = 1024
"""Links tried in one search."""


@dataclass(frozen=True)
class Candidate:
    """A chain that leads to an anchor by names and signatures."""

    chain: Chain
    anchor: Certificate


@dataclass
class Budget:
    """What a search may still do."""

    signatures: int = MAX_SIGNATURES
    steps: int = MAX_STEPS

    def step(self, depth: int) -> None:
        """One more link. Raises SearchLimitError."""
        self.steps -= 1
        if self.steps < 0:
            raise SearchLimitError(depth, "too many ways lead upwards from it")

    def signature(self, depth: int) -> None:
        """One more signature. Raises SearchLimitError."""
        self.signatures -= 1
        if self.signatures < 0:
            raise SearchLimitError(depth, "too many issuers of its name had to be tried")


@dataclass
class Bag:
    """Certificates by subject, and the anchors among which paths end."""

    others: dict[ComparableName, list[Certificate]]
    anchors: dict[ComparableName, list[Certificate]]

    @classmethod
    def of(cls, others: Sequence[Certificate], anchors: Sequence[Certificate]) -> "Bag":
        """Anchors that stand among the others too count as anchors only. Raises MalformedCertificateError."""
        known = set(anchors)
        return cls(_by_subject([item for item in others if item not in known]), _by_subject(anchors))

    def named(self, name: ComparableName) -> list[Certificate]:
        """All of this subject, anchors first."""
        return self.anchors.get(name, []) + self.others.get(name, [])


def _by_subject(certificates: Sequence[Certificate]) -> dict[ComparableName, list[Certificate]]:
    found: dict[ComparableName, list[Certificate]] = {}
    for certificate in dict.fromkeys(certificates):
        try:
            found.setdefault(comparable(certificate.subject), []).append(certificate)
        except DerError as error:
            refused = MalformedCertificateError(None, f"a subject can't be read: {error}")
            refused.identify(certificate)
            raise refused from error
    return found


@dataclass
class Search:
    """One search from one leaf; `failure` tells why ways ended that led nowhere."""

    bag: Bag
    policy: PathPolicy
    budget: Budget = field(default_factory=Budget)
    _links: dict[tuple[bytes, bytes], PathError | None] = field(default_factory=dict)
    _failures: list[PathError] = field(default_factory=list)

    def candidates(self, leaf: Certificate) -> Iterator[Candidate]:
        """Every chain from `leaf` to an anchor. Raises SearchLimitError, DerError."""
        return self._extend((leaf,))

    def failure(self) -> PathError:
        """The most telling reason: a wrong signature before a missing issuer, and the highest up of these."""
        return max(
            self._failures,
            key=lambda error: (isinstance(error, BadSignatureError), error.depth or 0),
        )

    def _extend(self, chain: Chain) -> Iterator[Candidate]:
        top, depth = chain[-1], len(chain) - 1
        name = comparable(top.issuer)
        anchors = self.bag.anchors.get(name, ())
        issuers = [item for item in self.bag.others.get(name, ()) if not _stands_in(item, chain)]
        for anchor in _likely_first(anchors, top):
            if self._linked(top, anchor, depth):
                yield Candidate(chain, anchor)
        if issuers and len(chain) >= self.policy.max_path:
            self._fail(top, PathLengthExceededError(depth, "no anchor comes within the admitted length"))
            return
        for issuer in _likely_first(issuers, top):
            if self._linked(top, issuer, depth):
                yield from self._extend((*chain, issuer))
        if not anchors and not issuers:
            self._fail(top, UntrustedIssuerError(depth, "was issued by no anchor and no certificate at hand"))

    def _linked(self, certificate: Certificate, issuer: Certificate, depth: int) -> bool:
        link = (certificate.raw, issuer.spki)
        try:
            self.budget.step(depth)
            if link not in self._links:
                self._links[link] = self._try(certificate, issuer, depth)
        except SearchLimitError as error:
            error.identify(certificate)
            raise
        refused = self._links[link]
        if refused is not None:
            self._fail(certificate, refused)
        return refused is None

    def _try(self, certificate: Certificate, issuer: Certificate, depth: int) -> PathError | None:
        try:
            if inherits(issuer.spki):
                return None  # the key is whole only when the way above is known: §6.1 checks it
            key = key_of(issuer, depth + 1, self.policy)
            self.budget.signature(depth)
            check_signature(certificate, key, depth, self.policy)
        except DerError as error:
            return MalformedCertificateError(depth, f"can't be read: {error}")
        except BadSignatureError as error:
            error.identify(certificate if error.depth == depth else issuer)
            return error
        return None

    def _fail(self, certificate: Certificate, error: PathError) -> None:
        if error.depth is not None:
            error.identify(certificate)
        self._failures.append(error)


def _stands_in(certificate: Certificate, chain: Chain) -> bool:
    return any(certificate.spki == item.spki and certificate.subject == item.subject for item in chain)


def _likely_first(issuers: Sequence[Certificate], issued: Certificate) -> list[Certificate]:
    """Those whose key identifier is the one that the certificate names come first (RFC 5280 §4.2.1.1)."""
    if len(issuers) < 2:  # noqa: PLR2004 - nothing to sort
        return list(issuers)
    wanted = authority_key_identifier(issued)
    return sorted(issuers, key=lambda issuer: wanted is None or subject_key_identifier(issuer) != wanted)
