"""By which methods each role signs in. One table; docs/operators.md explains it.

A home on trial knows nobody but made-up people: there a password alone opens every account. Whoever opens a
registry says that it is on trial; what nobody says so of isn't.
"""

from dataclasses import dataclass

from issuance.operators.errors import MethodNotAllowedError
from issuance.operators.models import Method, Role

_CARD = frozenset({Method.CARD})
_CARD_OR_CODE = frozenset({Method.CARD, Method.PASSWORD_TOTP})

METHODS: dict[Role, frozenset[Method]] = {
    Role.CLERK: _CARD_OR_CODE,
    Role.SUPERVISOR: _CARD_OR_CODE,
    Role.PRODUCTION: _CARD_OR_CODE,
    Role.STOCK: _CARD_OR_CODE,
    Role.AUDITOR: _CARD_OR_CODE,
    # Whose session could make sessions for others, or certificates: nothing that can be read out to a caller.
    Role.PKI_OFFICER: _CARD,
    Role.ADMINISTRATOR: _CARD,
}
_ON_TRIAL = frozenset(Method)


@dataclass(frozen=True)
class MethodRules:
    """The table, as it holds in one home."""

    trial: bool = False
    """Whether all people of this registry are made up."""

    def allowed(self, role: Role) -> frozenset[Method]:
        """By which methods that role signs in here."""
        return _ON_TRIAL if self.trial else METHODS[role]

    def opens(self, role: Role, method: Method) -> bool:
        """Whether a session opened by `method` may do what the role may."""
        return method in self.allowed(role)

    def enrols_only(self, role: Role, method: Method) -> bool:
        """Whether such a session may add the second factor that it lacks, and nothing else."""
        lacking = method is Method.PASSWORD and not self.opens(role, method)
        return lacking and self.opens(role, Method.PASSWORD_TOTP)

    def require(self, role: Role, method: Method) -> None:
        """Raises MethodNotAllowedError unless the session may do what the role may."""
        if not self.opens(role, method):
            raise MethodNotAllowedError(
                tuple(sorted(self.allowed(role))), enrols=self.enrols_only(role, method)
            )
