"""A card that plays a script, for tests of what the terminal sends and how it takes the answers."""

from collections.abc import Callable, Iterator, Sequence

import pytest

from cardio.transport.base import TransportError

Answer = str | TransportError
Step = tuple[str, Answer]


class ScriptedConnection:
    """Expects each command in turn and gives the answer beside it; a command of "*" matches any."""

    name = "Scripted Reader"
    atr = bytes.fromhex("3B00")

    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps = list(steps)
        self.sent: list[str] = []
        self.resets = 0

    def transmit(self, command: bytes) -> bytes:
        self.sent.append(command.hex().upper())
        assert self.steps, f"a command too many: {command.hex()}"
        expected, answer = self.steps.pop(0)
        if expected != "*":
            assert command.hex().upper() == expected.replace(" ", "").upper()
        if isinstance(answer, TransportError):
            raise answer
        return bytes.fromhex(answer)

    def reset(self) -> None:
        self.resets += 1

    def close(self) -> None:
        """Nothing to let go."""


@pytest.fixture
def scripted() -> Iterator[Callable[..., ScriptedConnection]]:
    """Makes scripted connections, and checks at the end that every script was played to its end."""
    made: list[ScriptedConnection] = []

    def make(*steps: Step) -> ScriptedConnection:
        made.append(ScriptedConnection(steps))
        return made[-1]

    yield make
    assert [connection.steps for connection in made] == [[] for _ in made]


SELECT_PIV = ("00A4040009A0000003080000100000", "61114F0600001000010079074F05A0000003089000")


@pytest.fixture
def select_piv() -> Step:
    """SELECT of the PIV application, right-truncated before the version (SP 800-73-5 part 2, 3.1.1)."""
    return SELECT_PIV
