"""What is configured and can't be used: named on the log, counted, and in nobody else's way."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from verifier.authentication.trust import Trust
from verifier.services.registry import SiteRegistry

ANCHORS, SITES = "anchors", "sites"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Faults:
    """Looks anew each time: files and sites come and go."""

    trusted: Mapping[str, Trust]
    """By policy."""
    sites: SiteRegistry

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

    def degraded(self) -> list[str]:
        """What is not as it should be, while logins go on. Raises SQLAlchemyError."""
        return [name for name, found in ((ANCHORS, self.of_anchors()), (SITES, self.of_sites())) if found]

    def log(self) -> None:
        """Names each on the log."""
        for name, why in self.of_anchors().items():
            _LOG.warning("trusted authority %r is not used: %s", name, why)
        try:
            for name, why in self.of_sites().items():
                _LOG.warning("no login at site %r is accepted: %s", name, why)
        except SQLAlchemyError as error:
            _LOG.warning("the sites can't be looked at: %s", type(error).__name__)

    def report(self) -> Iterator[str]:
        """Lines for Prometheus; the sites' is left out while the database does not answer."""
        yield from _gauge("anchors_unusable", len(self.of_anchors()))
        try:
            yield from _gauge("sites_without_policy", len(self.of_sites()))
        except SQLAlchemyError:
            return


def _gauge(name: str, value: int) -> Iterator[str]:
    yield f"# TYPE hoviat_verifier_{name} gauge"
    yield f"hoviat_verifier_{name} {value}"
