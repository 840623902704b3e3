"""Logging in with an operator's card; which cards are operators' is the verifier's policy `operator`."""

from collections.abc import Mapping
from typing import Any

from issuance.operators.errors import CardRefusedError
from issuance.operators.service import Operators
from issuance.verifiersite import OPERATORS_SITE, VerifierSite
from pki.home import Home


class CardLogin(VerifierSite):
    """Asks the verifier who holds a card, and opens that operator's session."""

    def __init__(self, home: Home, operators: Operators) -> None:
        super().__init__(home, OPERATORS_SITE)
        self._operators = operators

    def sign_in(self, token: Mapping[str, Any], nonce: str) -> str:
        """A new session's token for the operator whose card signed the challenge.

        `token`: Web eID's. Raises CardRefusedError with the verifier's receipt, or as `challenge`.
        """
        login = self.authenticate(token, nonce)
        session = self._operators.sign_in_holder(login.claims["identity_code"], login.used)
        if session is None:
            raise CardRefusedError(login.receipt_code)
        return session

    def prove(self, session: str, token: Mapping[str, Any], nonce: str) -> None:
        """Makes the proof of that session new, by its operator's own card. Raises as `sign_in`."""
        login = self.authenticate(token, nonce)
        if not self._operators.prove_holder(session, login.claims["identity_code"], login.used):
            raise CardRefusedError(login.receipt_code)
