"""Whether an application is still what somebody at the registry wrote (ADR 46).

A value that is encrypted can be moved to another row of its column by whoever writes the database. A seal
over the row's values, under a key that the database doesn't hold, shows it: before anything is changed,
decided, put on a card or handed over.
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


@event.listens_for(Application, "before_insert")
def _seal_new(_mapper: Mapper[Application], connection: Connection, application: Application) -> None:
    application.seal = _seal(connection.dialect, application)
