"""Stand-ins for the parts on both sides of a reader."""

from simulators.card.errors import PowerCutError

ATR = bytes.fromhex("3B8001")
DEADLY = bytes.fromhex("00DEAD00")


class EchoCard:
    """Answers every command with itself and 9000; dies of one; remembers what power did to it."""

    def __init__(self) -> None:
        self.events: list[str] = []

    @property
    def atr(self) -> bytes:
        return ATR

    def power_on(self) -> bytes:
        self.events.append("on")
        return ATR

    def power_off(self) -> None:
        self.events.append("off")

    def reset(self) -> bytes:
        self.events.append("reset")
        return ATR

    def transmit(self, command: bytes) -> bytes:
        if command == DEADLY:
            raise PowerCutError(1)
        return command + b"\x90\x00"
