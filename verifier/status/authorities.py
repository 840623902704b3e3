"""The status of the CAs above a card's certificate: asked once for all logins while the answer holds."""

import asyncio
import hashlib
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import TypeAlias

from pki.validation import ValidatedPath
from pki.validation.certificate import Certificate
from verifier.authentication.status import CertificateStatus, StatusAnswer
from verifier.authentication.statuserrors import AuthorityNotGoodError

Ask: TypeAlias = Callable[[Certificate, Certificate, datetime], Awaitable[StatusAnswer]]
"""Of the issuer, about the certificate, at a time. Raises StatusUnavailableError."""
_LOG = logging.getLogger(__name__)
_MAX_KEPT = 256
"""Authorities: tokens may bring some, but only such as a trusted one has signed."""


@dataclass(frozen=True)
class _Kept:
    answer: StatusAnswer
    asked_at: datetime

    def holds(self, at: datetime) -> bool:
        """Not for a time before it was asked for: then a clock was set back."""
        return self.answer.until is not None and self.asked_at <= at <= self.answer.until


class Authorities:
    """Asks about each authority once at a time, whoever waits. For one event loop, and no other thread."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._kept: OrderedDict[tuple[Certificate, Certificate], _Kept] = OrderedDict()
        self._asking: dict[tuple[Certificate, Certificate], asyncio.Task[StatusAnswer]] = {}

    async def require_good(self, path: ValidatedPath, at: datetime) -> None:
        """All between the leaf and the anchor, from above. The anchor is whoever configured it: not asked.

        Raises AuthorityNotGoodError, StatusUnavailableError.
        """
        above = (*path.certificates[1:], path.anchor)
        for authority, issuer in reversed(list(pairwise(above))):
            answer = await self._answer(issuer, authority, at)
            if answer.status is not CertificateStatus.GOOD:
                digest = hashlib.sha256(authority.raw).hexdigest()
                _LOG.warning("authority with SHA-256 %s is %s", digest, answer.status.value)
                raise AuthorityNotGoodError(digest)

    async def _answer(self, issuer: Certificate, authority: Certificate, at: datetime) -> StatusAnswer:
        pair = issuer, authority
        kept = self._kept.get(pair)
        if kept is not None and kept.holds(at):
            self._kept.move_to_end(pair)
            return kept.answer
        asking = self._asking.get(pair)
        if asking is None:
            asking = self._asking[pair] = asyncio.ensure_future(self._renew(issuer, authority, at))
            asking.add_done_callback(lambda done: self._ended(pair, done))
        return await asyncio.shield(asking)  # others wait for it, too

    async def _renew(self, issuer: Certificate, authority: Certificate, at: datetime) -> StatusAnswer:
        kept = self._kept  # what is learned after `forget` is for whoever waits, and not kept
        answer = await self._ask(issuer, authority, at)
        kept[issuer, authority] = _Kept(answer, at)
        if len(kept) > _MAX_KEPT:
            kept.popitem(last=False)
        return answer

    def _ended(self, pair: tuple[Certificate, Certificate], done: "asyncio.Task[StatusAnswer]") -> None:
        if self._asking.get(pair) is done:
            del self._asking[pair]
        if not done.cancelled():
            done.exception()  # whoever asked may have gone away: then nobody else looks at it

    def forget(self) -> None:
        """Other settings may ask others, or for more: what was learned by the old ones no longer counts."""
        self._kept = OrderedDict()
        self._asking = {}

    def close(self) -> None:
        """Stops what is under way."""
        for asking in self._asking.values():
            asking.cancel()
