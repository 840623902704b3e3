"""Whether an application is still what somebody at the registry wrote (ADR 46).

A value that is encrypted can be moved to another row of its column by whoever writes the database. A seal
over the row's values, under a key that the database doesn't hold, shows it: before anything is changed,
decided, put on a card or handed over. An approval has a seal over those seals, so that neither an older row
of the same person nor an approval that nobody gave makes a card.
"""

import hashlib
import hmac
import logging

from sqlalchemy import Connection, Dialect, event
from sqlalchemy.orm import Mapper, Session

from issuance.enrolment.models import Application
from issuance.errors import SealBrokenError
from issuance.registry.models import citizen_seal
from pki.store.encrypted import cipher_of

_LOG = logging.getLogger(__name__)


def seal(session: Session, application: Application) -> None:
    """Whoever changes what is sealed, says so; the caller has seen that the seal before was whole."""
    application.seal = _seal(session.get_bind().dialect, application)


def seal_approval(session: Session, application: Application) -> None:
    """Of whoever is named as its decider, once `require_sealed` has been asked in the same transaction."""
    application.approval_seal = _approval_seal(session.get_bind().dialect, application)


def require_approved(session: Session, application: Application) -> None:
    """As it was when it was approved, by whom it says. Raises SealBrokenError."""
    require_sealed(session, application)
    right = _approval_seal(session.get_bind().dialect, application)
    if not hmac.compare_digest(application.approval_seal, right):
        _LOG.error("application %s: the seal of its approval is broken", application.id)
        raise SealBrokenError("approval")


def require_sealed(session: Session, application: Application) -> None:
    """Application and person as they were written here. Raises SealBrokenError."""
    dialect = session.get_bind().dialect
    parts = (
        ("application", application.seal, _seal(dialect, application)),
        ("person", application.citizen.seal, citizen_seal(dialect, application.citizen)),
    )
    for what, there, right in parts:
        if not hmac.compare_digest(there, right):
            _LOG.error("application %s: the seal of its %s is broken", application.id, what)
            raise SealBrokenError(what)


def _seal(dialect: Dialect, application: Application) -> str:
    values = (
        *(application.id.encode(), application.national_code.encode()),
        *(application.latin_given_name.encode(), application.latin_surname.encode()),
        hashlib.sha256(application.portrait).digest(),
    )
    return cipher_of(dialect, "applications").seal("applications", values)


def _approval_seal(dialect: Dialect, application: Application) -> str:
    values = (
        *(application.id, application.kind, application.cause or "", application.replaces or ""),
        *(application.office, application.decided_by or "", application.seal, application.citizen.seal),
    )
    return cipher_of(dialect, "applications").seal("approvals", [value.encode() for value in values])


@event.listens_for(Application, "before_insert")
def _seal_new(_mapper: Mapper[Application], connection: Connection, application: Application) -> None:
    application.seal = _seal(connection.dialect, application)
