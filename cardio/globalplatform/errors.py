"""GlobalPlatform's part of the tree of errors (see cardio.errors)."""

from cardio.errors import CardError


class SecureChannelError(CardError):
    """The secure channel could not be opened, or can't be used any more. Base of:

    SecureChannelError
    ├── UnsupportedSecureChannelError    no SCP03 here, or not of the kind asked for
    ├── KeySetNotFoundError              the card has no keys of this version
    ├── KeySetBlockedError               the card accepts no more attempts with these keys
    ├── WrongKeySetError                 card and terminal have different keys
    │   ├── CardCryptogramError          the card did not prove that it has the keys; nothing was tried
    │   └── HostCryptogramError          the card refused ours, and counts it
    ├── ResponseMacError                 an answer that is not the card's, or was changed on its way
    └── SecureChannelClosedError         the channel ended before
    """


class UnsupportedSecureChannelError(SecureChannelError):
    """The selected application has no SCP03, or not of the kind asked for."""


class KeySetNotFoundError(SecureChannelError):
    """The card has no key set of this version."""

    def __init__(self, version: int) -> None:
        super().__init__(f"the card has no keys of version {version:02X}")
        self.version = version


class KeySetBlockedError(SecureChannelError):
    """The card accepts no more attempts with the key set of this version."""

    def __init__(self, version: int) -> None:
        super().__init__(f"the card has blocked its keys of version {version:02X}")
        self.version = version


class WrongKeySetError(SecureChannelError):
    """Card and terminal don't have the same keys under this version (as the card names it)."""

    def __init__(self, version: int, detail: str) -> None:
        super().__init__(f"keys of version {version:02X}: {detail}")
        self.version = version


class CardCryptogramError(WrongKeySetError):
    """The card's cryptogram is not made with these keys. EXTERNAL AUTHENTICATE was not sent."""

    def __init__(self, version: int) -> None:
        super().__init__(
            version,
            "the card did not prove that it has them; most cards count a failure only once the terminal's "
            "cryptogram is wrong, which was not sent",
        )


class HostCryptogramError(WrongKeySetError):
    """The card refused the terminal's cryptogram with status word `sw`, and counts the failure."""

    def __init__(self, version: int, sw: int) -> None:
        super().__init__(
            version, f"the card refused them ({sw:04X}) and counts the failure; a few more block it for ever"
        )
        self.sw = sw


class ResponseMacError(SecureChannelError):
    """An answer without a right R-MAC; `sw` is what it claimed, which proves nothing. The channel is dead."""

    def __init__(self, sw: int, detail: str) -> None:
        super().__init__(f"the answer with status word {sw:04X} is not authentic: {detail}")
        self.sw = sw
        self.detail = detail


class SecureChannelClosedError(SecureChannelError):
    """Nothing was sent: there is no secure channel, or it ended, for this reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"no secure channel: {reason}")
        self.reason = reason


class KeyCheckValueError(CardError):
    """PUT KEY succeeded, and the card's answer names other keys than those sent.

    What the card now has under this version must be found out (`recognises`) before anything else.
    """

    def __init__(self, version: int) -> None:
        super().__init__(f"the card confirmed other keys of version {version:02X} than those it was sent")
        self.version = version


class LifeCycleError(CardError):
    """The card does not go to this life cycle state from where it is."""

    def __init__(self, state: int) -> None:
        super().__init__(f"the card refuses life cycle state {state:02X}")
        self.state = state
