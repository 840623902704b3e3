"""The registry as a relying site of the verifier, as any other: it asks over HTTP who holds a card.

Which cards a site takes is its policy, and that is the verifier's matter.
"""

import json
import threading
from collections.abc import Mapping
from typing import Any

import httpx

from issuance.operators.errors import CardLoginNotSetUpError, CardLoginUnavailableError, CardRefusedError
from pki.home import Home
from verifier.client import (
    Challenge,
    Login,
    LoginRefusedError,
    RequestRefusedError,
    VerifierClient,
    VerifierUnavailableError,
)

OPERATORS_SITE = "verifier-site.json"
CITIZENS_SITE = "verifier-citizens-site.json"
"""In the home's secrets: where the verifier is, and the site's key; a site for each kind of people."""
_TIMEOUT_SECONDS = 10.0


def write_site(home: Home, verifier: str, api_key: str, file: str = OPERATORS_SITE) -> None:
    """Makes the registry a site of that verifier; a key that was there before is replaced."""
    content = json.dumps({"verifier": verifier, "api_key": api_key}).encode() + b"\n"
    (home.secrets / f"{file}.new").unlink(missing_ok=True)
    home.write_secret(f"{file}.new", content).replace(home.secrets / file)


def ask_challenge(verifier: str, api_key: str) -> None:
    """Whether that verifier takes the key. Raises CardLoginUnavailableError, which says why not."""
    try:
        with VerifierClient(verifier, api_key, timeout_seconds=_TIMEOUT_SECONDS) as client:
            client.challenge()
    except (VerifierUnavailableError, RequestRefusedError, httpx.InvalidURL, UnicodeError) as error:
        raise CardLoginUnavailableError(f"{verifier} gives no challenge for this key: {error}") from error


class VerifierSite:
    """One of the registry's sites. `close` it when done."""

    def __init__(self, home: Home, file: str) -> None:
        self._home = home
        self._file = file
        self._lock = threading.Lock()
        self._opened: VerifierClient | None = None

    @property
    def is_set_up(self) -> bool:
        """Whether the home knows its verifier; whether that answers is another matter."""
        try:
            self._site()
        except CardLoginNotSetUpError:
            return False
        return True

    def challenge(self) -> Challenge:
        """What the card has to sign. Raises CardLoginNotSetUpError or CardLoginUnavailableError."""
        try:
            return self._client().challenge()
        except (VerifierUnavailableError, RequestRefusedError) as error:
            raise CardLoginUnavailableError("the verifier gives no challenge") from error

    def authenticate(self, token: Mapping[str, Any], nonce: str) -> Login:
        """Who holds the card that signed the challenge. `token`: Web eID's.

        Raises CardRefusedError with the verifier's receipt, or as `challenge`.
        """
        try:
            return self._client().authenticate(token, nonce)
        except LoginRefusedError as error:
            raise CardRefusedError(error.receipt_code) from error
        except (VerifierUnavailableError, RequestRefusedError) as error:
            raise CardLoginUnavailableError("the verifier did not look at the card") from error

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
            site = json.loads((self._home.secrets / self._file).read_bytes())
            return {name: str(site[name]) for name in ("verifier", "api_key")}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CardLoginNotSetUpError from error
