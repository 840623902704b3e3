"""What is configured and can't be used: named on the log, counted, and in nobody else's way."""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from verifier.authentication.trust import Trust
from verifier.clockguard import ClockGuard
from verifier.services.registry import SiteRegistry
from verifier.status.sources import SETTINGS_FILE

ANCHORS, SETTINGS, SITES, CLOCK = "anchors", "settings", "sites", "clock"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Faults:
    """Looks anew each time: files and sites come and go."""

    trusted: Mapping[str, Trust]
    """By policy."""
    sites: SiteRegistry
    guard: ClockGuard
    settings: Callable[[], str | None] = lambda: None
    """What is wrong with the settings of foreign status."""

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

        Nobody logs in then.
        """
        return self.guard.behind()

    def of_silence(self) -> timedelta:
        """How long nothing was recorded, if so long that the clock may be ahead. Raises SQLAlchemyError.

        Logins go on: a clock that is ahead refuses what is still good.
        """
        return self.guard.silence()

    def of_settings(self) -> dict[str, str]:
        """`verifier.toml` → why its newest version does not count."""
        fault = self.settings()
        return {} if fault is None else {SETTINGS_FILE: fault}

    def degraded(self) -> list[str]:
        """What is not as it should be, while logins go on. Raises SQLAlchemyError."""
        found = {
            ANCHORS: self.of_anchors(),
            SETTINGS: self.of_settings(),
            SITES: self.of_sites(),
            CLOCK: self.of_clock() or self.of_silence(),
        }
        return [name for name, fault in found.items() if fault]

    def log(self) -> None:
        """Names each on the log."""
        for name, why in self.of_anchors().items():
            _LOG.warning("trusted authority %r is not used: %s", name, why)
        for why in self.of_settings().values():
            _LOG.warning("foreign cards go by older settings, or by none: %s", why)
        try:
            for name, why in self.of_sites().items():
                _LOG.warning("no login at site %r is accepted: %s", name, why)
            if behind := self.of_clock():
                _LOG.warning("the clock is behind what is on record by %s; set it right", behind)
            if silent := self.of_silence():
                _LOG.warning("nothing was recorded for %s: is the clock ahead?", silent)
        except SQLAlchemyError as error:
            _LOG.warning("the sites and the record can't be looked at: %s", type(error).__name__)

    def report(self) -> Iterator[str]:
        """Lines for Prometheus; those of the database are left out while it does not answer."""
        yield from _gauge("anchors_unusable", len(self.of_anchors()))
        yield from _gauge("settings_unusable", len(self.of_settings()))
        try:
            yield from _gauge("sites_without_policy", len(self.of_sites()))
            yield from _gauge("clock_behind_seconds", int(self.of_clock().total_seconds()))
            yield from _gauge("record_silent_seconds", int(self.of_silence().total_seconds()))
        except SQLAlchemyError:
            return


def _gauge(name: str, value: int) -> Iterator[str]:
    yield f"# TYPE hoviat_verifier_{name} gauge"
    yield f"hoviat_verifier_{name} {value}"
