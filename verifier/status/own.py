"""Asking our own authority's status store, and failing closed."""

import logging
from collections.abc import Sequence
from typing import Protocol

from sqlalchemy.exc import SQLAlchemyError

from pki.status.state import CertificateState, Status
from verifier.authentication.status import Asked, CertificateStatus, StatusAnswer
from verifier.authentication.statuserrors import StatusError, StatusUnavailableError

_LOG = logging.getLogger(__name__)

_STATUSES = {
    Status.GOOD: CertificateStatus.GOOD,
    Status.ON_HOLD: CertificateStatus.ON_HOLD,
    Status.REVOKED: CertificateStatus.REVOKED,
}


class StateReader(Protocol):
    """The part of pki's status store that is needed here."""

    def lookup_many(self, asked: Sequence[Asked]) -> Sequence[CertificateState | None]:
        """The certificates' states; None where this issuer never issued this serial."""
        ...


class StoreStatusLookup:
    """A `StatusLookup` over the status store: what is revoked there is refused by the next login."""

    def __init__(self, store: StateReader) -> None:
        self._store = store

    def __call__(self, asked: Sequence[Asked]) -> list[StatusAnswer | StatusError]:
        """One read for all; StatusUnavailableError to each while the store can't be read."""
        try:
            states = self._store.lookup_many(asked)
        except SQLAlchemyError as error:
            _LOG.error("status store unavailable: %s", type(error).__name__)
            return [StatusUnavailableError() for _ in asked]
        return [_answer(state) for state in states]


def _answer(state: CertificateState | None) -> StatusAnswer:
    if state is None:
        return StatusAnswer(CertificateStatus.UNKNOWN)
    reason = None if state.reason is None else state.reason.value
    return StatusAnswer(_STATUSES[state.status], state.since, reason)
