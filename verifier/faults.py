"""What is configured and can't be used: named on the log, counted, and in nobody else's way."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from pki.clock import Clock
from verifier.audit import AuditEntry
from verifier.authentication.trust import Trust
from verifier.services.registry import SiteRegistry
from verifier.store.sessions import Database

ANCHORS, SITES, CLOCK = "anchors", "sites", "clock"
CLOCK_TOLERANCE = timedelta(seconds=60)
"""By how much a clock may be behind the newest decision on record: several machines write it."""
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Faults:
    """Looks anew each time: files and sites come and go."""

    trusted: Mapping[str, Trust]
    """By policy."""
    sites: SiteRegistry
    database: Database
    clock: Clock

    def of_anchors(self) -> dict[str, str]:
        """`policy/certificate or file` → why it vouches for nobody, though it is there to do so."""
        return {
            f"{policy}/{name}": why
            for policy, trust in self.trusted.items()
            for name, why in trust.faults().items()
        }

    def of_sites(self) -> dict[str, str]:
        """Site → why none of its logins is accepted. Raises SQLAlchemyError."""
        return {
            site.name: f"its policy {site.policy!a} is not configured"
            for site in self.sites.sites()
            if site.policy not in self.trusted
        }

    def of_clock(self) -> timedelta:
        """By how much the clock is behind what is on record, if by too much. Raises SQLAlchemyError.

        Challenges then live longer than their five minutes, and what has expired may count as valid. A clock
        that is ahead can't be told from here: it refuses what is still good.
        """
        newest = select(AuditEntry.time).order_by(AuditEntry.sequence.desc()).limit(1)
        with self.database.read() as session:
            recorded = session.scalar(newest)
        behind = timedelta(0) if recorded is None else recorded - self.clock()
        return behind if behind > CLOCK_TOLERANCE else timedelta(0)

    def degraded(self) -> list[str]:
        """What is not as it should be, while logins go on. Raises SQLAlchemyError."""
        found = {ANCHORS: self.of_anchors(), SITES: self.of_sites(), CLOCK: self.of_clock()}
        return [name for name, fault in found.items() if fault]

    def log(self) -> None:
        """Names each on the log."""
        for name, why in self.of_anchors().items():
            _LOG.warning("trusted authority %r is not used: %s", name, why)
        try:
            for name, why in self.of_sites().items():
                _LOG.warning("no login at site %r is accepted: %s", name, why)
            if behind := self.of_clock():
                _LOG.warning("the clock is behind what is on record by %s; set it right", behind)
        except SQLAlchemyError as error:
            _LOG.warning("the sites and the record can't be looked at: %s", type(error).__name__)

    def report(self) -> Iterator[str]:
        """Lines for Prometheus; those of the database are left out while it does not answer."""
        yield from _gauge("anchors_unusable", len(self.of_anchors()))
        try:
            yield from _gauge("sites_without_policy", len(self.of_sites()))
            yield from _gauge("clock_behind_seconds", int(self.of_clock().total_seconds()))
        except SQLAlchemyError:
            return


def _gauge(name: str, value: int) -> Iterator[str]:
    yield f"# TYPE hoviat_verifier_{name} gauge"
    yield f"hoviat_verifier_{name} {value}"
