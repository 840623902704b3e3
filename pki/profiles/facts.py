"""What certificates take from their issuers, and how long they live."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pki.profiles.shape import Life


@dataclass(frozen=True)
class Validity:
    """Whole UTC seconds; both ends belong to it (RFC 5280 §4.1.2.5)."""

    not_before: datetime
    not_after: datetime


@dataclass(frozen=True, eq=False)
class IssuerFacts:
    """What a certificate takes from its issuer. Two are the same only if they are one object."""

    name: str
    """The issuer's short name, part of its addresses: `root-g1` (`pki.hierarchy`)."""
    subject: bytes = field(repr=False)
    """DER Name."""
    key_identifier: bytes
    validity: Validity
    signature_algorithm: bytes = field(repr=False)
    """DER AlgorithmIdentifier with which it signs."""
    shards: int = 1
    """Partitions of its CRL."""


def validity_from(now: datetime, life: Life, issuer: Validity | None) -> Validity:
    """From this whole second for the life less one second, never past the issuer's end."""
    start = now.replace(microsecond=0)
    end = _years_later(start, life.years) + timedelta(days=life.days, seconds=-1)
    return Validity(start, end if issuer is None else min(end, issuer.not_after))


def _years_later(moment: datetime, years: int) -> datetime:
    try:
        return moment.replace(year=moment.year + years)
    except ValueError:  # 29 February
        return moment.replace(year=moment.year + years, day=28)
