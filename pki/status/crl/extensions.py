"""The extensions of a CRL (RFC 5280 §5.2), encoded in the order in which they stand in it."""

from dataclasses import dataclass

from pki import der, oids
from pki.profiles.extensions import (
    PublicAddresses,
    authority_key_value,
    distribution_point_name,
    distribution_points,
)
from pki.status.crl.scope import CrlScope


@dataclass(frozen=True)
class Numbers:
    """A CRL's own number, and for a delta that of the full CRL from which on it tells changes."""

    number: int
    base: int | None = None


def encode_extensions(
    scope: CrlScope, numbers: Numbers, key_identifier: bytes, addresses: PublicAddresses
) -> bytes:
    """The list that goes under the [0] tag.

    expiredCertsOnCRL (X.509 §9.5.2.8) is left out: it promises to keep ended certificates, and these leave.
    """
    delta = numbers.base is not None
    partition = scope.shard is not None
    parts = (
        der.extension(oids.AUTHORITY_KEY_IDENTIFIER, authority_key_value(key_identifier)),
        der.extension(oids.CRL_NUMBER, der.integer(numbers.number)),
        _delta_indicator(numbers.base) if numbers.base is not None else b"",
        _issuing_distribution_point(addresses.crl(scope.name)) if partition else b"",
        _freshest(addresses.crl(scope.delta.name)) if scope.has_delta and not delta else b"",
    )
    return der.sequence(parts)


def _delta_indicator(base: int) -> bytes:
    """BaseCRLNumber; critical, or a delta would be taken for the whole (§5.2.4)."""
    return der.extension(oids.DELTA_CRL_INDICATOR, der.integer(base), critical=True)


def _issuing_distribution_point(url: str) -> bytes:
    """The partition's address as its certificates name it; a delta has the same as its base (§5.2.5)."""
    value = der.sequence((der.context(0, distribution_point_name(url)),))
    return der.extension(oids.ISSUING_DISTRIBUTION_POINT, value, critical=True)


def _freshest(url: str) -> bytes:
    """Where the delta is (§5.2.6); never in a delta itself."""
    return der.extension(oids.FRESHEST_CRL, distribution_points(url))
