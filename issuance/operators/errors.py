"""What stands in the way of changing accounts."""

from issuance.errors import AccessError, IssuanceError, StateError


class SecondAdministratorError(AccessError):
    """The administrator who proposed a change doesn't confirm it."""

    kind = "second-administrator"

    def __init__(self) -> None:
        super().__init__("another administrator has to confirm it")


class OwnAccountError(AccessError):
    """Nobody changes their own account."""

    kind = "own-account"

    def __init__(self) -> None:
        super().__init__("nobody changes their own account")


class ChangeOverError(StateError):
    """The change was confirmed, withdrawn or is too old."""

    kind = "change-over"

    def __init__(self) -> None:
        super().__init__("this change was confirmed, withdrawn or is too old; propose it anew")


class AccountStateError(StateError):
    """There is such an account already, there is none, or it is in another state; `fault` says which."""

    kind = "account-state"

    def __init__(self, fault: str) -> None:
        super().__init__(fault)
        self.fault = fault


class LastAdministratorsError(StateError):
    """Two administrators have to stay, or nobody could ever change an account again."""

    kind = "last-administrators"

    def __init__(self) -> None:
        super().__init__("two administrators have to stay")


class CardLoginNotSetUpError(IssuanceError):
    """The registry is no site of a verifier: there is no such way in."""

    kind = "card-login-not-set-up"

    def __init__(self) -> None:
        super().__init__("the registry is no site of a verifier yet")


class CardLoginUnavailableError(IssuanceError):
    """The verifier doesn't answer, or doesn't take the registry for its site."""

    kind = "card-login-unavailable"

    def __init__(self, fault: str) -> None:
        super().__init__(f"nobody can log in with a card now: {fault}")
        self.fault = fault


class CardRefusedError(AccessError):
    """The verifier refused the card, or no account is bound to it; `receipt_code` finds out which."""

    kind = "card-refused"

    def __init__(self, receipt_code: str) -> None:
        super().__init__(f"this card was not accepted; receipt {receipt_code}")
        self.receipt_code = receipt_code


class MethodNotAllowedError(AccessError):
    """The account's role doesn't sign in like this here; `allowed` are the methods that it may use."""

    kind = "method-not-allowed"

    def __init__(self, allowed: tuple[str, ...], *, enrols: bool) -> None:
        super().__init__(f"sign in by: {', '.join(allowed)}")
        self.allowed = allowed
        self.enrols = enrols
        """Whether this session may add the second factor that it lacks."""


class FactorStateError(StateError):
    """There is a second factor already, or none that waits for its first code; `fault` says which."""

    kind = "factor-state"

    def __init__(self, fault: str) -> None:
        super().__init__(fault)
        self.fault = fault


class WrongCodeError(AccessError):
    """The first code of a new second factor isn't right."""

    kind = "wrong-code"

    def __init__(self) -> None:
        super().__init__("this is not the code that is shown now, or it was used already")


class FreshProofNeededError(AccessError):
    """A decision wants proof of who decides that is newer than the session's."""

    kind = "fresh-proof-needed"

    def __init__(self) -> None:
        super().__init__("prove once more who you are: POST /v1/sessions/current/proof")
