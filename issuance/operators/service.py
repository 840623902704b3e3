"""Signing operators in and out, and finding out who asks."""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from issuance.audit import Audit
from issuance.database import Database
from issuance.errors import LoginRefusedError, NotFoundError, NotSignedInError, RoleRequiredError
from issuance.identifiers import Randomness
from issuance.offices.models import FIRST_OFFICE
from issuance.operators.changes import OperatorCard
from issuance.operators.models import NATIONWIDE, USERNAME_LENGTH, Method, Operator, OperatorSession, Role
from issuance.operators.passwords import (
    MAX_PASSWORD_BYTES,
    first_password,
    hash_password,
    matches,
    unmatchable,
)
from issuance.operators.throttle import LoginThrottle
from pki.clock import Clock

SESSION_LIFE = timedelta(hours=10)
"""One working day."""
_TOKEN_BYTES = 32


@dataclass(frozen=True)
class Actor:
    """The operator behind a request."""

    username: str
    role: Role
    office: str = FIRST_OFFICE

    def require(self, *roles: Role) -> None:
        """Raises RoleRequiredError unless the operator has one of the roles."""
        if self.role not in roles:
            raise RoleRequiredError(tuple(role.value for role in roles))

    @property
    def confined_to(self) -> str | None:
        """The office whose applications, orders and stock this operator works with; None: all of them."""
        return None if self.role in NATIONWIDE else self.office

    def require_office(self, office: str, what: str) -> None:
        """Raises NotFoundError unless `what` of that office is this operator's: others' are not told of."""
        if self.confined_to not in {None, office}:
            raise NotFoundError(what)


class Operators:
    """The operators of one registry."""

    def __init__(self, database: Database, audit: Audit, clock: Clock, randomness: Randomness) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock
        self._randomness = randomness
        self._throttle = LoginThrottle(clock)
        self._nobody = unmatchable(randomness)

    def create(self, username: str, role: Role, office: str = FIRST_OFFICE) -> str:
        """Adds one of an installation's first operators and returns the random first password.

        The database refuses it once there are two administrators: from then on they do it (`accounts`).
        """
        password = first_password(self._randomness)
        stored = hash_password(password, self._randomness)
        with self._database.writing() as session:
            operator = Operator(username=username, role=role.value, office=office, password_hash=stored)
            session.add(operator)
            self._audit.record(session, "system", "operator.created", f"operator:{username}", {"role": role})
        return password

    def sign_in(self, username: str, password: str, client: str) -> str:
        """A new session's token. Raises LoginRefusedError or LoginThrottledError.

        `client` is the address it comes from: one guesser does not lock a name for everybody.
        """
        self._require_password(username, password, client)
        return self._open_session(username, Method.PASSWORD)

    def sign_in_holder(self, username: str, was_used: Callable[[str], bool]) -> str | None:
        """A new session for whom the verifier has named; None if the card isn't the one bound to the account.

        `was_used` says whether it was the certificate with this SHA-256.
        """
        bound = select(OperatorCard).where(OperatorCard.username == username, OperatorCard.ended_at.is_(None))
        with self._database.reading() as session:
            operator = session.get(Operator, username)
            cards = session.scalars(bound).all()
        if operator is None or not operator.is_active:
            return None
        if not any(was_used(card.certificate_sha256) for card in cards):
            return None
        return self._open_session(username, Method.CARD)

    def reauthenticate(self, actor: Actor, password: str, client: str) -> None:
        """Lets a signed-in operator prove it once more. Raises as `sign_in`, and is slowed down with it."""
        self._require_password(actor.username, password, client)

    def actor(self, token: str) -> Actor:
        """Who holds this token. Raises NotSignedInError."""
        with self._database.reading() as session:
            row = session.get(OperatorSession, _digest(token))
            if row is None or row.expires_at <= self._clock() or not row.operator.is_active:
                raise NotSignedInError
            return Actor(row.operator.username, Role(row.operator.role), row.operator.office)

    def sign_out(self, token: str) -> None:
        """Ends the session; an unknown token is no error."""
        with self._database.writing() as session:
            session.execute(delete(OperatorSession).where(OperatorSession.token_digest == _digest(token)))

    def _require_password(self, username: str, password: str, client: str) -> None:
        key = f"{username[:USERNAME_LENGTH].casefold()}\n{client}"
        self._throttle.check(key)
        if not self._password_matches(username, password):
            self._throttle.failed(key)
            raise LoginRefusedError
        self._throttle.succeeded(key)

    def _password_matches(self, username: str, password: str) -> bool:
        if len(username) > USERNAME_LENGTH or len(password.encode()) > MAX_PASSWORD_BYTES:
            return False
        with self._database.reading() as session:
            operator = session.get(Operator, username)
        # An unknown name costs the same time as a known one.
        matched = matches(password, operator.password_hash if operator else self._nobody)
        return matched and operator is not None and operator.is_active

    def _open_session(self, username: str, method: Method) -> str:
        token = base64.urlsafe_b64encode(self._randomness(_TOKEN_BYTES)).decode().rstrip("=")
        expires = self._clock() + SESSION_LIFE
        with self._database.writing() as session:
            self._drop_expired(session)
            session.add(
                OperatorSession(
                    token_digest=_digest(token), username=username, expires_at=expires, method=method.value
                )
            )
            details = {"method": method.value}
            self._audit.record(session, username, "operator.signed_in", f"operator:{username}", details)
        return token

    def _drop_expired(self, session: Session) -> None:
        session.execute(delete(OperatorSession).where(OperatorSession.expires_at <= self._clock()))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
