"""What a worker knows of sites and keys without asking each time."""

import time
from collections.abc import Callable
from typing import Protocol, cast

from verifier.logins.records import Result, Work
from verifier.logins.values import Secret, SecretQuestion, SiteQuestion
from verifier.services.apikeys import ApiKey
from verifier.services.registry import RelyingSite

SITE_SECONDS = 1.0
"""A key that has ended may still be given challenges for so long; none of them ends in a login."""
_SITES_KEPT = 4_096
_SECRETS_KEPT = 3


class Recording(Protocol):
    """Takes works one by one, and has those that wait done together. It belongs to an event loop."""

    async def submit(self, work: Work) -> Result:
        """The work's result; raises the error that is its result, or what `LoginRecords.work` raises.

        Raises LaneFullError where too many wait.
        """
        ...

    def close(self) -> None:
        """Nothing more comes."""
        ...


class Known:
    """Sites by their keys, and the keys that seal challenges. It belongs to an event loop."""

    def __init__(self, recording: Recording, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._recording = recording
        self._monotonic = monotonic
        # By the hash of the key: how long a look-up takes tells nothing of the key itself.
        self._sites: dict[str, tuple[RelyingSite, float]] = {}
        self._secrets: dict[int, bytes] = {}

    async def site(self, key: ApiKey) -> RelyingSite:
        """The site to which the key belonged a second ago.

        Raises ApiKeyInvalidError, or what `submit` raises.
        """
        digest = key.digest()
        site, end = self._sites.get(digest, (None, 0.0))
        now = self._monotonic()
        if site is not None and now < end:
            return site
        self._sites.pop(digest, None)
        site = cast("RelyingSite", await self._recording.submit(SiteQuestion(key)))
        if len(self._sites) >= _SITES_KEPT:
            self._sites.clear()
        self._sites[digest] = site, now + SITE_SECONDS
        return site

    async def secret(self, day: int) -> bytes | None:
        """The key of that day's challenges; None where there is none."""
        known = self._secrets.get(day)
        if known is not None:
            return known
        answer = cast("Secret", await self._recording.submit(SecretQuestion(day)))
        if answer.value is not None:
            while len(self._secrets) >= _SECRETS_KEPT:
                del self._secrets[min(self._secrets)]
            self._secrets[day] = answer.value
        return answer.value
