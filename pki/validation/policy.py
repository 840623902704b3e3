"""What a relying party wants of a path."""

from dataclasses import dataclass

DEFAULT_MAX_PATH = 4
"""Certificates below the anchor, the leaf included."""


@dataclass(frozen=True)
class PathPolicy:
    """Wants beyond RFC 5280 §6.1. The empty policy takes any purpose."""

    key_usage: str | None = None
    """The leaf's keyUsage must allow it: `digital_signature`, `content_commitment` (as cryptography says)."""
    key_purpose: str | None = None
    """The leaf's extKeyUsage must name this dotted identifier; anyExtendedKeyUsage does not count."""
    policies: frozenset[str] = frozenset()
    """The leaf must carry one of these dotted identifiers, and every CA on the path it or anyPolicy."""
    max_path: int = DEFAULT_MAX_PATH
