"""A citizen with a card: replaces the transport PIN, and logs in at a site as a browser with Web eID does."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cardio import sitelogin
from cardio.piv.session import PivSession
from cardio.station.delivery import CardAnswer, Delivery, answer
from cardio.transport.base import CardConnection
from cardio.webeid import create_token


@dataclass(frozen=True)
class Citizen:
    """Someone at a reader with a card in it."""

    connect: Callable[[], CardConnection]
    pin: str = field(repr=False)

    def accept(self, delivery: Delivery) -> CardAnswer:
        """At the station: replaces the transport PIN; the card says who it is and signs the challenge."""
        with closing(self.connect()) as connection:
            return answer(connection, delivery, self.pin)

    def log_in(self, site: str, cafile: Path) -> dict[str, Any]:
        """Logs in at a site; returns its answer (claims, receipt). Raises sitelogin.LoginRefusedError."""
        return sitelogin.log_in(site, cafile, self._token)

    def _token(self, origin: str, nonce: str) -> dict[str, str]:
        with closing(self.connect()) as connection:
            return create_token(PivSession(connection), self.pin, origin, nonce)
