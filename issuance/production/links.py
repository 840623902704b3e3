"""What was learnt of readers and kinds of cards: whether extended APDUs pass between them."""

from cardio.channel import EXTENDED_APDUS, KNOWN_EXTENDED_APDUS, SHORT_APDUS, ApduPolicy, CardChannel
from cardio.transport.base import CardConnection


class LinkMemory:
    """By reader and answer to reset, for as long as the process lives; the first card of a kind is asked."""

    def __init__(self) -> None:
        self._extended: dict[tuple[str, bytes], bool] = {}

    def policy(self, connection: CardConnection) -> ApduPolicy:
        """How to speak with this card in this reader."""
        known = self._extended.get((connection.name, connection.atr))
        if known is None:
            return EXTENDED_APDUS
        return KNOWN_EXTENDED_APDUS if known else SHORT_APDUS

    def learn(self, channel: CardChannel) -> None:
        """Remembers what the channel found out when it was protected."""
        connection = channel.connection
        self._extended[connection.name, connection.atr] = channel.extended_length
