"""What one CRL speaks of: all certificates of a CA, or those of one partition; in full, or what changed."""

import re
from dataclasses import dataclass

from pki.errors import UnknownCrlError
from pki.hierarchy import Role, parse_issuer_name, partition_scope

_DELTA = "-delta"
_NAME = re.compile(
    rf"(?P<issuer>[a-z]+(?:-[a-z]+)*-g[0-9]+)(?:-p(?P<shard>[0-9]{{4}}))?(?P<delta>{_DELTA})?", re.ASCII
)
_WITHOUT_DELTAS = frozenset({Role.ROOT, Role.CSCA})
"""They sign rarely, off line, and their CRLs are short; ICAO Doc 9303-12 §7.1.4 has no deltas for a CSCA."""


@dataclass(frozen=True, order=True)
class CrlScope:
    """The certificates that a CRL covers. Full CRL and delta share the scope and its numbers (§5.2.3)."""

    issuer: str
    shard: int | None = None
    """None: every certificate of the CA."""

    @property
    def name(self) -> str:
        """The full CRL's name in URLs and files."""
        return self.issuer if self.shard is None else partition_scope(self.issuer, self.shard)

    @property
    def has_delta(self) -> bool:
        """Whether deltas are published, and the full CRL says where."""
        return parse_issuer_name(self.issuer)[0] not in _WITHOUT_DELTAS

    @property
    def full(self) -> "CrlTarget":
        """Its full CRL."""
        return CrlTarget(self, delta=False)

    @property
    def delta(self) -> "CrlTarget":
        """Its delta."""
        return CrlTarget(self, delta=True)


@dataclass(frozen=True, order=True)
class CrlTarget:
    """One CRL that is published again and again: the full one or the delta of a scope."""

    scope: CrlScope
    delta: bool

    @property
    def name(self) -> str:
        """`<issuer>`, `<issuer>-p0007`, and `-delta` behind either: its name in URLs and files."""
        return self.scope.name + _DELTA if self.delta else self.scope.name


def parse_target(name: str) -> CrlTarget:
    """The CRL of this name, whether or not there is such a CA. Raises UnknownCrlError."""
    found = _NAME.fullmatch(name)
    if found is None:
        raise UnknownCrlError(name)
    scope = CrlScope(found["issuer"], None if found["shard"] is None else int(found["shard"]))
    return CrlTarget(scope, delta=found["delta"] is not None)
