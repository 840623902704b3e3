"""Letting citizens in with their national card, and finding out who asks."""

import base64
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import delete

from issuance.audit import Audit
from issuance.database import Database
from issuance.identifiers import Randomness
from issuance.registry.models import Citizen
from issuance.selfservice.errors import CitizenNotSignedInError, NoRecordError
from issuance.selfservice.models import CitizenSession
from issuance.verifiersite import CITIZENS_SITE, VerifierSite
from pki.clock import Clock
from pki.home import Home

_LOG = logging.getLogger(__name__)
SESSION_LIFE = timedelta(minutes=15)
"""Long enough to read; the browser may be anybody's. Nothing prolongs it."""
_TOKEN_BYTES = 32


@dataclass(frozen=True)
class Holder:
    """The citizen behind a request, by the verifier's word. Their record is the only one they see."""

    national_code: str = field(repr=False)


class CitizenLogin(VerifierSite):
    """Asks the verifier, under its policy `national`, who holds a card, and opens that person's session."""

    def __init__(
        self, home: Home, database: Database, audit: Audit, clock: Clock, randomness: Randomness
    ) -> None:
        super().__init__(home, CITIZENS_SITE)
        self._database = database
        self._audit = audit
        self._clock = clock
        self._randomness = randomness

    def sign_in(self, token: Mapping[str, Any], nonce: str) -> str:
        """A new session's token. `token`: Web eID's.

        Raises CardRefusedError or NoRecordError with the verifier's receipt, or as `challenge`.
        """
        login = self.authenticate(token, nonce)
        national_code = login.claims["national_code"]
        session_token = base64.urlsafe_b64encode(self._randomness(_TOKEN_BYTES)).decode().rstrip("=")
        now = self._clock()
        with self._database.writing() as session:
            if session.get(Citizen, national_code) is None:
                raise NoRecordError(login.receipt_code)
            session.execute(delete(CitizenSession).where(CitizenSession.expires_at <= now))
            session.add(
                CitizenSession(
                    token_digest=self._digest(session_token),
                    national_code=national_code,
                    expires_at=now + SESSION_LIFE,
                )
            )
            # The chain names no citizen: whose receipt it is, the verifier knows.
            self._audit.record(session, "citizen", "citizen.signed_in", f"receipt:{login.receipt_code}")
        return session_token

    def holder(self, token: str) -> Holder:
        """Who holds this token. Raises CitizenNotSignedInError."""
        with self._database.reading() as session:
            row = session.get(CitizenSession, self._digest(token))
            if row is None or row.expires_at <= self._clock():
                raise CitizenNotSignedInError
            if not row.is_whole(session):
                _LOG.error("a citizen's session: its seal is broken")
                raise CitizenNotSignedInError
            return Holder(row.national_code)

    def sign_out(self, token: str) -> None:
        """Ends the session; an unknown token is no error."""
        with self._database.writing() as session:
            session.execute(delete(CitizenSession).where(CitizenSession.token_digest == self._digest(token)))

    def _digest(self, token: str) -> str:
        return self._database.cipher.seal("citizen_sessions.token", [token.encode()])
