"""Adding a second factor: the password once more, the key shown once, and the first right code."""

import base64
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from issuance.audit import Audit
from issuance.database import Database
from issuance.errors import NotSignedInError
from issuance.identifiers import Randomness, new_identifier
from issuance.operators.changes import OperatorTotp
from issuance.operators.errors import FactorStateError, WrongCodeError
from issuance.operators.factors import open_factor
from issuance.operators.methods import MethodRules
from issuance.operators.models import Method, OperatorSession
from issuance.operators.service import Actor, Operators, whole_session
from issuance.operators.totp import matching_step, new_secret, provisioning_uri
from pki.clock import Clock

LIFE = timedelta(minutes=10)
"""Between showing the key and its first code."""
_THERE = "there is a second factor already; two administrators end it"


@dataclass(frozen=True)
class NewFactor:
    """What the authenticator app is told, this once."""

    secret: str = field(repr=False)
    """In base 32, to be typed where nothing can be scanned."""
    uri: str = field(repr=False)


class SecondFactors:
    """The second factors of one registry's operators."""

    def __init__(
        self,
        database: Database,
        audit: Audit,
        operators: Operators,
        rules: MethodRules,
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self._database = database
        self._audit = audit
        self._operators = operators
        self._rules = rules
        self._clock = clock
        self._randomness = randomness

    def begin(self, actor: Actor, password: str, client: str) -> NewFactor:
        """A new key; one that waits for its first code is replaced.

        Raises LoginRefusedError, LoginThrottledError, FactorStateError, or MethodNotAllowedError for a role
        that doesn't sign in with codes.
        """
        self._rules.require(actor.role, Method.PASSWORD_TOTP)
        self._operators.reauthenticate(actor, password, client)
        secret, now = new_secret(self._randomness), self._clock()
        try:
            with self._database.writing() as session:
                factor = open_factor(session, actor.username, to_change=True)
                if factor is None:
                    factor = OperatorTotp(id=new_identifier(self._randomness), username=actor.username)
                    session.add(factor)
                elif factor.confirmed_at is not None:
                    raise FactorStateError(_THERE)
                factor.secret, factor.started_at = secret, now
                self._record(session, actor, "factor_begun")
        except IntegrityError as error:  # begun twice at the same moment
            raise FactorStateError("another one was begun at the same moment; begin anew") from error
        return NewFactor(base64.b32encode(secret).decode(), provisioning_uri(secret, actor.username))

    def confirm(self, token: str, code: str) -> None:
        """The first right code: from now on the account wants one, and its other sessions end.

        The session becomes one with both factors. Raises NotSignedInError, FactorStateError, WrongCodeError.
        """
        actor, now = self._operators.actor(token), self._clock()
        with self._database.writing() as session:
            factor = open_factor(session, actor.username, to_change=True)
            if factor is None or factor.secret is None or factor.confirmed_at is not None:
                raise FactorStateError("no second factor waits for its first code")
            if not timedelta(0) <= now - factor.started_at <= LIFE:
                raise FactorStateError("this took too long; begin anew")
            step = matching_step(factor.secret, code, now)
            if step is None:
                raise WrongCodeError
            factor.confirmed_at, factor.last_step = now, step
            self._keep_one_session(session, actor, token)
            self._record(session, actor, "factor_confirmed")

    def is_enrolled(self, actor: Actor) -> bool:
        """Whether the account has a second factor that counts."""
        with self._database.reading() as session:
            factor = open_factor(session, actor.username)
            return factor is not None and factor.confirmed_at is not None

    def _keep_one_session(self, session: Session, actor: Actor, token: str) -> None:
        kept = whole_session(session, self._database, token)
        if kept is None:  # ended meanwhile
            raise NotSignedInError
        others = delete(OperatorSession).where(
            OperatorSession.username == actor.username,
            OperatorSession.token_digest != kept.token_digest,
        )
        session.execute(others)
        if kept.method == Method.PASSWORD:
            kept.method = Method.PASSWORD_TOTP.value
        kept.proved_at = self._clock()

    def _record(self, session: Session, actor: Actor, what: str) -> None:
        self._audit.record(session, actor.username, f"operator.{what}", f"operator:{actor.username}", {})
