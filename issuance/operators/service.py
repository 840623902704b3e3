"""Signing operators in and out, finding out who asks, and how fresh their last proof is."""

import base64
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from issuance.audit import Audit
from issuance.database import Database
from issuance.errors import (
    LoginRefusedError,
    LoginThrottledError,
    NotFoundError,
    NotSignedInError,
    RoleRequiredError,
)
from issuance.identifiers import Randomness
from issuance.offices.models import FIRST_OFFICE
from issuance.operators.changes import OperatorCard
from issuance.operators.errors import FreshProofNeededError
from issuance.operators.factors import FactorStep, matching, spend
from issuance.operators.failures import Failures, Told, succeeded
from issuance.operators.methods import MethodRules
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

_LOG = logging.getLogger(__name__)
SESSION_LIFE = timedelta(hours=10)
"""One working day."""
FRESH_FOR = timedelta(minutes=5)
"""How long a proof serves for decisions."""
_SKEW = timedelta(seconds=30)
"""Between the clocks of servers that share a database; a proof from further ahead means a clock set back."""
_TOKEN_BYTES = 32
_MACHINE = "console"
"""Where commands at the registry's own machine come from, for the throttle."""


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

    def office_asked(self, office: str | None) -> str:
        """The office whose list this operator asks for, their own by default. Raises NotFoundError."""
        if office is not None:
            self.require_office(office, "office")
        return office or self.office

    def require_office(self, office: str, what: str) -> None:
        """Raises NotFoundError unless `what` of that office is this operator's: others' are not told of."""
        if self.confined_to not in {None, office}:
            raise NotFoundError(what)


@dataclass(frozen=True)
class Standing:
    """Who holds a session, how it was opened, and when they last proved who they are."""

    actor: Actor
    method: Method
    proved_at: datetime


@dataclass(frozen=True)
class _Proven:
    """Right factors that are not spent yet."""

    username: str
    role: Role
    step: FactorStep | None = None

    @property
    def method(self) -> Method:
        return Method.PASSWORD if self.step is None else Method.PASSWORD_TOTP


class Operators:
    """The operators of one registry."""

    def __init__(
        self,
        database: Database,
        audit: Audit,
        clock: Clock,
        randomness: Randomness,
        rules: MethodRules | None = None,
    ) -> None:
        """`rules`: by which methods each role signs in; None: as in a home that is not on trial."""
        self._database = database
        self._audit = audit
        self._clock = clock
        self._randomness = randomness
        self._rules = rules or MethodRules()
        self._throttle = LoginThrottle(clock)
        self._code_throttle = LoginThrottle(clock)
        self._failures = Failures(database, audit, clock)
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

    def sign_in(self, username: str, password: str, client: str, code: str | None = None) -> str:
        """A new session's token. Raises LoginRefusedError, LoginThrottledError or MethodNotAllowedError.

        `client` is the address it comes from: one guesser does not lock a name for everybody. A session of a
        password alone may be one that adds the second factor, and does nothing else.
        """
        with self._slowed(username, client):
            proven = self._proven(username, password, code)
            if not self._rules.enrols_only(proven.role, proven.method):
                self._rules.require(proven.role, proven.method)
            return self._open_session(username, proven.method, proven.step)

    def sign_in_at_the_machine(self, username: str, password: str, ask_code: Callable[[], str]) -> str:
        """A session for a command at the registry's own machine, whose user holds the home's keys anyway.

        Any role's, by password; `ask_code` is asked once it is right, where the account has an authenticator
        app. Raises LoginRefusedError or LoginThrottledError.
        """
        with self._slowed(username, _MACHINE):
            self._require_password(username, password)
            with self._database.reading() as session:
                has_app = matching(session, username, "", self._clock()).enrolled
            proven = self._proven(username, password, ask_code() if has_app else None)
            return self._open_session(username, proven.method, proven.step)

    def prove(self, token: str, password: str, client: str, code: str | None = None) -> None:
        """Makes the session's proof new. Raises as `sign_in`, slowed down with it, or NotSignedInError."""
        actor = self.actor(token)
        with self._slowed(actor.username, client):
            proven = self._proven(actor.username, password, code)
            self._rules.require(proven.role, proven.method)
            self._renew_proof(token, actor, proven.method, proven.step)

    def sign_in_holder(self, username: str, was_used: Callable[[str], bool]) -> str | None:
        """A new session for whom the verifier has named; None if the card isn't the one bound to the account.

        `was_used` says whether it was the certificate with this SHA-256.
        """
        if not self._holds_card(username, was_used):
            return None
        return self._open_session(username, Method.CARD)

    def prove_holder(self, token: str, username: str, was_used: Callable[[str], bool]) -> bool:
        """Makes the session's proof new, by its operator's card; False if it isn't theirs."""
        actor = self.actor(token)
        if username != actor.username or not self._holds_card(username, was_used):
            return False
        self._renew_proof(token, actor, Method.CARD)
        return True

    def reauthenticate(self, actor: Actor, password: str, client: str) -> None:
        """The signed-in operator's password, once more. Raises as `sign_in`, and is slowed down with it."""
        with self._slowed(actor.username, client):
            self._require_password(actor.username, password)

    def actor(self, token: str) -> Actor:
        """Who holds this token. Raises NotSignedInError."""
        return self.standing(token).actor

    def standing(self, token: str) -> Standing:
        """Who holds this token, and by what. Raises NotSignedInError."""
        with self._database.reading() as session:
            row = whole_session(session, self._database, token)
            if row is None or row.expires_at <= self._clock() or not is_usable(session, row.operator):
                raise NotSignedInError
            actor = Actor(row.operator.username, Role(row.operator.role), row.operator.office)
            return Standing(actor, Method(row.method), row.proved_at)

    def failed_before(self, token: str) -> Told:
        """Failed tries at the account until it was last signed in to. Raises NotSignedInError."""
        return self._failures.told_at_sign_in(self.actor(token).username)

    def require_method(self, standing: Standing) -> None:
        """Raises MethodNotAllowedError if the session was opened by what the role doesn't sign in with."""
        self._rules.require(standing.actor.role, standing.method)

    def enrols_only(self, standing: Standing) -> bool:
        """Whether the session may add the second factor that it lacks, and nothing else."""
        return self._rules.enrols_only(standing.actor.role, standing.method)

    def require_fresh(self, standing: Standing) -> None:
        """Raises FreshProofNeededError unless the session's last proof is new enough for a decision."""
        if not -_SKEW <= self._clock() - standing.proved_at <= FRESH_FOR:
            raise FreshProofNeededError

    def sign_out(self, token: str) -> None:
        """Ends the session; an unknown token is no error."""
        with self._database.writing() as session:
            session.execute(
                delete(OperatorSession).where(
                    OperatorSession.token_digest == token_digest(self._database, token)
                )
            )

    @contextmanager
    def _slowed(self, username: str, client: str) -> Iterator[None]:
        key = f"{username[:USERNAME_LENGTH].casefold()}\n{client}"
        self._throttle.check(key)
        try:
            yield
        except LoginRefusedError:
            self._throttle.failed(key)
            raise
        self._throttle.succeeded(key)

    def _require_password(self, username: str, password: str) -> None:
        _bounded(username, password)
        with self._database.reading() as session:
            operator = whole_account(session, username)
        self._require_match(operator, password)

    def _require_match(self, operator: Operator | None, password: str) -> Operator:
        # An unknown name costs the same time as a known one.
        matched = matches(password, operator.password_hash if operator else self._nobody)
        if not matched:
            self._failures.password_failed(operator.username if operator else None)
        if not matched or operator is None or not operator.is_active:
            raise LoginRefusedError
        return operator

    def _proven(self, username: str, password: str, code: str | None) -> _Proven:
        """The factors, if all that the account has are right; which of them is wrong is not said."""
        _bounded(username, password)
        with self._database.reading() as session:
            operator = whole_account(session, username)
            factor = matching(session, username, code or "", self._clock())
        role = Role(self._require_match(operator, password).role)
        if not factor.enrolled:
            if code:
                raise LoginRefusedError
            return _Proven(username, role)
        with self._guessing_slowed(username):
            self._require_code(username, code, factor.step)
        return _Proven(username, role, factor.step)

    def _require_code(self, username: str, code: str | None, step: FactorStep | None) -> None:
        """Whoever sends no code has guessed none; that no code is taken any more isn't said, either."""
        if not code or not self._failures.take_code(username):
            raise LoginRefusedError
        if step is None:
            self._failures.code_failed(username)
            raise LoginRefusedError

    @contextmanager
    def _guessing_slowed(self, username: str) -> Iterator[None]:
        """Codes are short: who has the password guesses them slowly, from wherever, and isn't told so."""
        try:
            self._code_throttle.check(username)
            yield
        except LoginThrottledError as error:
            raise LoginRefusedError from error
        except LoginRefusedError:
            self._code_throttle.failed(username)
            raise
        self._code_throttle.succeeded(username)

    def _holds_card(self, username: str, was_used: Callable[[str], bool]) -> bool:
        bound = select(OperatorCard).where(OperatorCard.username == username, OperatorCard.ended_at.is_(None))
        with self._database.reading() as session:
            operator = whole_account(session, username)
            cards = session.scalars(bound).all()
        active = operator is not None and operator.is_active
        return active and any(was_used(card.certificate_sha256) for card in cards)

    def _open_session(self, username: str, method: Method, step: FactorStep | None = None) -> str:
        token = base64.urlsafe_b64encode(self._randomness(_TOKEN_BYTES)).decode().rstrip("=")
        now = self._clock()
        opened = OperatorSession(
            token_digest=token_digest(self._database, token),
            username=username,
            expires_at=now + SESSION_LIFE,
            method=method.value,
            proved_at=now,
        )
        with self._database.writing() as session:
            self._drop_expired(session)
            _take(session, step)
            succeeded(session, username, signs_in=True)
            session.add(opened)
            details = {"method": method.value}
            self._audit.record(session, username, "operator.signed_in", f"operator:{username}", details)
        return token

    def _renew_proof(self, token: str, actor: Actor, method: Method, step: FactorStep | None = None) -> None:
        with self._database.writing() as session:
            _take(session, step)
            row = whole_session(session, self._database, token)
            if row is None:  # ended meanwhile
                raise NotSignedInError
            row.proved_at = self._clock()
            succeeded(session, actor.username, signs_in=False)
            subject, details = f"operator:{actor.username}", {"method": method.value}
            self._audit.record(session, actor.username, "operator.proved", subject, details)

    def _drop_expired(self, session: Session) -> None:
        session.execute(delete(OperatorSession).where(OperatorSession.expires_at <= self._clock()))


def token_digest(database: Database, token: str) -> str:
    """What the database knows of a session's token: nobody makes it without the installation's key."""
    return database.cipher.seal("operator_sessions.token", [token.encode()])


def whole_session(session: Session, database: Database, token: str) -> OperatorSession | None:
    """The session, if the registry wrote it so; what was written past it is none."""
    row = session.get(OperatorSession, token_digest(database, token))
    if row is not None and not row.is_whole(session):
        _LOG.error("a session of operator %s: its seal is broken", row.username)
        return None
    return row


def whole_account(session: Session, username: str) -> Operator | None:
    """The account, if the registry wrote it so; what was written past it is none."""
    account = session.get(Operator, username)
    return account if account is not None and _is_whole(session, account) else None


def is_usable(session: Session, account: Operator) -> bool:
    """Whether somebody acts by it: it is active, and as the registry wrote it."""
    return account.is_active and _is_whole(session, account)


def _is_whole(session: Session, account: Operator) -> bool:
    whole = account.is_whole(session)
    if not whole:
        _LOG.error("the account of operator %s: its seal is broken", account.username)
    return whole


def _bounded(username: str, password: str) -> None:
    if len(username) > USERNAME_LENGTH or len(password.encode()) > MAX_PASSWORD_BYTES:
        raise LoginRefusedError


def _take(session: Session, step: FactorStep | None) -> None:
    """Spends the code in the transaction that it serves: of two who send it, one gets in."""
    if step is not None and not spend(session, step):
        raise LoginRefusedError
