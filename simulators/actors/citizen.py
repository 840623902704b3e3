"""A citizen with a card: replaces the transport PIN, and logs in at a site as a browser with Web eID does."""

import ssl
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives import hashes

from cardio.piv.session import PivSession
from cardio.piv.slots import Slot
from cardio.transport.base import CardConnection
from cardio.webeid import create_token
from simulators.actors.operator import Delivery

_TIMEOUT_SECONDS = 15.0


class LoginRefusedError(Exception):
    """The site did not let the citizen in; carries the verifier's problem document."""

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(str(problem.get("title", "refused")))
        self.problem = problem

    @property
    def kind(self) -> str:
        """The last part of the problem's type."""
        return str(self.problem.get("type", "")).rpartition(":")[2]


@dataclass(frozen=True)
class Citizen:
    """Someone at a reader with a card in it."""

    connect: Callable[[], CardConnection]
    pin: str

    def accept(self, delivery: Delivery) -> bytes:
        """At the station: replaces the transport PIN and signs the delivery's challenge with key 9A."""
        with closing(self.connect()) as connection:
            session = PivSession(connection)
            session.change_pin(delivery.transport_pin, self.pin)
            session.verify_pin(self.pin)
            key = session.public_key(Slot.AUTHENTICATION)
            return session.sign(Slot.AUTHENTICATION, key, delivery.challenge, hashes.SHA256())

    def log_in(self, site: str, cafile: Path) -> dict[str, Any]:
        """Logs in at a site; returns its answer (claims, receipt). Raises LoginRefusedError."""
        trust = ssl.create_default_context(cafile=str(cafile))
        with httpx.Client(base_url=site, verify=trust, timeout=_TIMEOUT_SECONDS) as browser:
            challenge = browser.post("/auth/challenge").raise_for_status().json()
            with closing(self.connect()) as connection:
                token = create_token(PivSession(connection), self.pin, site, challenge["nonce"])
            response = browser.post("/auth/login", json={"auth-token": token})
            answer: dict[str, Any] = response.json()
        if not response.is_success:
            raise LoginRefusedError(answer)
        return answer
