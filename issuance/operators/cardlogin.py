"""Logging in with an operator's card: the registry is a relying site of the verifier, as any other.

It asks over the verifier's HTTP interface; which cards are operators' is the verifier's policy `operator`.
"""

import json
import threading
from collections.abc import Mapping
from typing import Any

from issuance.operators.errors import CardLoginNotSetUpError, CardLoginUnavailableError, CardRefusedError
from issuance.operators.service import Operators
from pki.home import Home
from verifier.client import (
    Challenge,
    LoginRefusedError,
    RequestRefusedError,
    VerifierClient,
    VerifierUnavailableError,
)

SITE_FILE = "verifier-site.json"
"""In the home's secrets: where the verifier is and the site's key."""
_TIMEOUT_SECONDS = 10.0


def write_site(home: Home, verifier: str, api_key: str) -> None:
    """Makes the registry a site of that verifier; a key that was there before is replaced."""
    (home.secrets / SITE_FILE).unlink(missing_ok=True)
    content = json.dumps({"verifier": verifier, "api_key": api_key}).encode() + b"\n"
    home.write_secret(SITE_FILE, content)


class CardLogin:
    """Asks the verifier who holds a card, and opens that operator's session."""

    def __init__(self, home: Home, operators: Operators) -> None:
        self._home = home
        self._operators = operators
        self._lock = threading.Lock()
        self._opened: VerifierClient | None = None

    def challenge(self) -> Challenge:
        """What the card has to sign. Raises CardLoginNotSetUpError or CardLoginUnavailableError."""
        try:
            return self._client().challenge()
        except (VerifierUnavailableError, RequestRefusedError) as error:
            raise CardLoginUnavailableError("the verifier gives no challenge") from error

    def sign_in(self, token: Mapping[str, Any], nonce: str) -> str:
        """A new session's token for the operator whose card signed the challenge.

        `token`: Web eID's. Raises CardRefusedError with the verifier's receipt, or as `challenge`.
        """
        try:
            login = self._client().authenticate(token, nonce)
        except LoginRefusedError as error:
            raise CardRefusedError(error.receipt_code) from error
        except (VerifierUnavailableError, RequestRefusedError) as error:
            raise CardLoginUnavailableError("the verifier did not look at the card") from error
        session = self._operators.sign_in_holder(login.claims["identity_code"], login.used)
        if session is None:
            raise CardRefusedError(login.receipt_code)
        return session

    def close(self) -> None:
        """Ends the connections to the verifier."""
        with self._lock:
            if self._opened is not None:
                self._opened.close()
                self._opened = None

    def _client(self) -> VerifierClient:
        with self._lock:
            if self._opened is None:
                site = self._site()
                self._opened = VerifierClient(
                    site["verifier"], site["api_key"], timeout_seconds=_TIMEOUT_SECONDS
                )
            return self._opened

    def _site(self) -> dict[str, str]:
        try:
            site = json.loads((self._home.secrets / SITE_FILE).read_bytes())
            return {name: str(site[name]) for name in ("verifier", "api_key")}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CardLoginNotSetUpError from error
