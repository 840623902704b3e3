"""Asking our own authority's status store, and failing closed."""

import logging
from typing import Protocol

from cryptography import x509
from sqlalchemy.exc import SQLAlchemyError

from pki.status.state import CertificateState, Status
from verifier.authentication.errors import StatusUnavailableError
from verifier.authentication.status import CertificateStatus, StatusAnswer

_LOG = logging.getLogger(__name__)

_STATUSES = {
    Status.GOOD: CertificateStatus.GOOD,
    Status.ON_HOLD: CertificateStatus.ON_HOLD,
    Status.REVOKED: CertificateStatus.REVOKED,
}


class StateReader(Protocol):
    """The part of pki's status store that is needed here."""

    def lookup(self, issuer: x509.Certificate, serial: int) -> CertificateState | None:
        """The certificate's state; None if this issuer never issued this serial."""
        ...


class StoreStatusLookup:
    """A `StatusLookup` over the status store: what is revoked there is refused by the next login."""

    def __init__(self, store: StateReader) -> None:
        self._store = store

    def __call__(self, issuer: x509.Certificate, serial: int) -> StatusAnswer:
        """Raises StatusUnavailableError while the store can't be read."""
        try:
            state = self._store.lookup(issuer, serial)
        except SQLAlchemyError as error:
            _LOG.error("status store unavailable: %s", type(error).__name__)
            raise StatusUnavailableError from error
        if state is None:
            return StatusAnswer(CertificateStatus.UNKNOWN)
        reason = None if state.reason is None else state.reason.value
        return StatusAnswer(_STATUSES[state.status], state.since, reason)


def no_foreign_status(issuer: x509.Certificate, serial: int) -> StatusAnswer:  # noqa: ARG001 - nobody is asked
    """A `StatusLookup` for foreign cards while nobody is there to ask: what is not known is refused."""
    raise StatusUnavailableError
