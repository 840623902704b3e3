"""What inspection refuses."""

from issuance.errors import AccessError


class OwnCardError(AccessError):
    """Nobody inspects a card that they had a part in making."""

    kind = "own-card"

    def __init__(self) -> None:
        super().__init__("a card is inspected by someone who had no part in making it")
