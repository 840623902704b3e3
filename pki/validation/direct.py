"""The fast path: issuing CAs whose signatures are checked once, then one signature check for each leaf."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from pki.validation.certificate import Certificate, Source, read_certificate
from pki.validation.errors import BadSignatureError, PathError, PathLengthExceededError, UntrustedIssuerError
from pki.validation.evidence import NO_EVIDENCE, Evidence
from pki.validation.extensions import authority_key_identifier, subject_key_identifier
from pki.validation.names import ComparableName, comparable
from pki.validation.path import ANY_PURPOSE, ValidatedPath, validate_signer
from pki.validation.policy import ALL_KEYS, PathPolicy, RevocationMode
from pki.validation.search import Bag, Candidate, Search
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

_MAX_WAYS = 8
"""Ways from one issuer to the anchors that are kept."""
_MAX_POLICIES = 64
"""Policies whose states are kept for each way; relying parties have a handful."""
_ANYTHING = PathPolicy(sha1=True, keys=ALL_KEYS)
"""For the first look at signatures; each policy then looks at hashes and keys itself."""


class _Handed(NamedTuple):
    """What RFC 5280 §6.1 hands down to a leaf: the same whenever it is asked."""

    state: PathState
    issuers: tuple[Issuer, ...]
    """Of the leaf, of its issuer, and so on."""


@dataclass
class _Way:
    """From a pinned issuer up to an anchor. States are kept; the moment and statuses are asked each time."""

    chain: tuple[Certificate, ...]
    """The issuer first."""
    anchor: Certificate
    states: dict[PathPolicy, "_Handed"] = field(default_factory=dict)
    latest: "tuple[PathPolicy, _Handed] | None" = None
    """The same policy object comes again and again, and to hash one takes its time."""

    def state(self, policy: PathPolicy) -> "_Handed":
        """What is handed down to a leaf. Raises PathError."""
        if self.latest is not None and self.latest[0] is policy:
            return self.latest[1]
        found = self.states.get(policy)
        if found is None:
            found = self._descend(policy)
            if len(self.states) < _MAX_POLICIES:
                self.states[policy] = found
        self.latest = policy, found
        return found

    def _descend(self, policy: PathPolicy) -> "_Handed":
        length = len(self.chain) + 1
        if length > policy.max_path:
            raise PathLengthExceededError(policy.max_path, "no anchor comes within the admitted length")
        with identified(self.anchor, length):
            state = start(self.anchor, length, policy)
        issuers: list[Issuer] = []
        for depth in reversed(range(1, length)):
            certificate = self.chain[depth - 1]
            issuers.insert(0, Issuer(state.issuer, state.key))
            with identified(certificate, depth):
                check_signature(certificate, state.key, depth, policy)
                state = descend_to(state, certificate, depth, policy)
        return _Handed(state, (Issuer(state.issuer, state.key), *issuers))

    def check_times(self, at: datetime, policy: PathPolicy) -> None:
        """Raises NotYetValidError, ExpiredError."""
        for depth, certificate in enumerate(self.chain, 1):
            if not certificate.not_before <= at <= certificate.not_after:  # spares the context
                with identified(certificate, depth):
                    check_time(certificate, depth, at)
        if policy.anchor_constraints and not self.anchor.not_before <= at <= self.anchor.not_after:
            with identified(self.anchor, len(self.chain) + 1):
                check_time(self.anchor, len(self.chain) + 1, at)


class PinnedIssuers:
    """The CAs that issue to citizens: several generations, link and cross certificates among them.

    Their signatures are checked here, once. Everything that depends on the moment or on the policy is
    checked for the whole path with each leaf, by the code that `validate` runs. A peer chooses nothing but
    the leaf.
    """

    def __init__(self, issuers: Sequence[Source], anchors: Sequence[Source]) -> None:
        """Raises UntrustedIssuerError or BadSignatureError for a CA that no anchor stands above.

        Its depth in these errors counts from the CA itself.
        """
        pinned = [read_certificate(issuer) for issuer in issuers]
        self._bag = Bag.of(pinned, [read_certificate(anchor, None) for anchor in anchors])
        self._ways: dict[ComparableName, list[_Way]] = {}
        for issuer in dict.fromkeys(pinned):
            ways = [_Way(found.chain, found.anchor) for found in self._search(issuer)]
            self._ways.setdefault(comparable(issuer.subject), []).extend(ways)

    def _search(self, issuer: Certificate) -> Iterator[Candidate]:
        search = Search(self._bag, _ANYTHING)
        found = 0
        for candidate in search.candidates(issuer):
            yield candidate
            found += 1
            if found == _MAX_WAYS:
                return
        if not found:
            raise search.failure()

    def validate(
        self,
        leaf: Source,
        at: datetime,
        policy: PathPolicy = ANY_PURPOSE,
        evidence: Evidence = NO_EVIDENCE,
    ) -> ValidatedPath:
        """Raises UntrustedIssuerError, MalformedCertificateError, else what `validate` raises."""
        certificate = read_certificate(leaf)
        refused: PathError | None = None
        with identified(certificate, 0):
            for way in self._likely_first(certificate):
                try:
                    return self._judge(way, certificate, at, policy, evidence)
                except PathError as error:
                    refused = _more_telling(refused, error)
            raise refused or UntrustedIssuerError(0, "was issued by none of the pinned CAs")

    def _likely_first(self, leaf: Certificate) -> list[_Way]:
        """All ways whose issuer bears the name; first those of the key that the leaf names."""
        ways = self._ways.get(comparable(leaf.issuer), [])
        if len(ways) > 1 and (wanted := authority_key_identifier(leaf)) is not None:
            return sorted(ways, key=lambda way: subject_key_identifier(way.chain[0]) != wanted)
        return ways

    def _judge(
        self, way: _Way, leaf: Certificate, at: datetime, policy: PathPolicy, evidence: Evidence
    ) -> ValidatedPath:
        state, issuers = way.state(policy)
        check_signature(leaf, state.key, 0, policy)
        way.check_times(at, policy)
        check_time(leaf, 0, at)
        policies = conclude(state, leaf, policy)
        path = ValidatedPath((leaf, *way.chain), way.anchor, policies)
        if policy.revocation is not RevocationMode.NONE:
            self._check_statuses(path, issuers, at, policy, evidence)
        return path

    def _check_statuses(
        self,
        path: ValidatedPath,
        issuers: Sequence[Issuer],
        at: datetime,
        policy: PathPolicy,
        evidence: Evidence,
    ) -> None:
        context = StatusContext(at, policy, evidence, self._bag, path.anchor, validate_signer)
        for depth in reversed(range(len(path.certificates))):
            certificate = path.certificates[depth]
            with identified(certificate, depth):
                check_status(certificate, depth, issuers[depth], context)


def _more_telling(before: PathError | None, error: PathError) -> PathError:
    """Where several issuers share a name, a wrong signature only says that it was another one of them."""
    if before is None or (isinstance(before, BadSignatureError) and before.depth == 0):
        return error
    return before
