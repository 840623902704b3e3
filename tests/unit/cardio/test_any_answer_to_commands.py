"""`hoviat card …` at a card that lies: a result or one line of explanation, never a traceback."""

import itertools
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from cardio.cli import card as card_command
from cardio.cli.common import shown
from cardio.piv.objects import ObjectId
from cardio.piv.session import PivSession
from cardio.piv.slots import Slot
from cardio.transport.base import TransportError
from simulators.card.errors import PowerCutError
from simulators.card.state import CardState
from simulators.readers.inprocess import InProcessReader
from tests.unit.cardio.hostile import NEW_PIN, PIN, Lie, LyingCard, issued
from tests.unit.cardio.test_any_answer import LIE

_NUMBERS = itertools.count()
COMMANDS: dict[str, list[str]] = {
    "info": [],
    "info as JSON": ["--json"],
    "read": ["signature-certificate"],
    "read protected": ["printed-information", "--json"],
    "login": ["--origin", "https://site.example", "--nonce", "n" * 44],
    "sign": ["letter"],
    "change-pin": [],
}


class _InReader:
    """The lying card as a reader sees one; what the link does to an APDU is power lost here."""

    def __init__(self, lies: tuple[Lie, ...], state: CardState) -> None:
        self._connection = LyingCard(lies, state)
        self.atr = self._connection.atr

    def power_on(self) -> bytes:
        self._connection.reset()
        return self.atr

    def power_off(self) -> None:
        """What it knows without power, it keeps."""

    def reset(self) -> bytes:
        return self.power_on()

    def transmit(self, command: bytes) -> bytes:
        try:
            return self._connection.transmit(command)
        except TransportError:
            raise PowerCutError(0) from None


@settings(max_examples=40)
@given(st.lists(LIE, min_size=1, max_size=3).map(tuple))
@pytest.mark.parametrize("name", COMMANDS)
def test_a_lying_card_is_explained(name: str, lies: tuple[Lie, ...]) -> None:
    result = _run(name, lies)
    assert result.exit_code in (0, 1), result.output
    assert result.exit_code == 0 or "Error: " in result.output
    assert PIN not in result.output


@pytest.mark.parametrize("name", COMMANDS)
def test_the_same_card_without_a_lie_works(name: str) -> None:
    assert _run(name, ()).exit_code == 0


def test_names_on_a_card_don_t_steer_the_terminal() -> None:
    genuine = PivSession(LyingCard((), issued())).get_object(Slot.AUTHENTICATION.certificate_object)
    hostile = genuine.replace(b"Holder", b"\x1b[2J\x07\r")
    card = LyingCard((), issued())
    state = replace(card.state, piv=card.state.piv.with_object(ObjectId.AUTHENTICATION_CERTIFICATE, hostile))
    output = _run("info", (), state).output
    assert "CN=\ufffd[2J\ufffd\ufffd, until" in output
    assert output.replace("\n", "").isprintable()


@pytest.mark.parametrize("text", ["سارا می\u200cرود", "Sara", "a, b"])
def test_names_of_people_are_shown_as_they_are(text: str) -> None:
    assert shown(text) == text


def _run(name: str, lies: tuple[Lie, ...], state: CardState | None = None) -> Result:
    environment = {"HOVIAT_PIN": PIN, "HOVIAT_NEW_PIN": NEW_PIN}
    with (
        TemporaryDirectory() as folder,
        InProcessReader(f"Lying Reader {next(_NUMBERS)}") as reader,
    ):
        reader.insert(_InReader(lies, state or issued()))
        arguments = [name.split(maxsplit=1)[0], *COMMANDS[name], "--reader", reader.name]
        letter = Path(folder) / "letter"
        letter.write_bytes(b"A letter")
        arguments = [str(letter) if argument == "letter" else argument for argument in arguments]
        return CliRunner().invoke(card_command, arguments, env=environment)
