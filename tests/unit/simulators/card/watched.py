"""A simulated card whose answers and changes of memory are held against rules that nothing may break."""

import json
from dataclasses import dataclass, replace

from cardio.channel import EXTENDED_APDUS, SHORT_APDUS, ApduPolicy
from simulators.card.card import SimulatedCard
from simulators.card.file import decode, encode
from simulators.card.iso7816 import Command, StatusError
from simulators.card.lifecycle import LifeCycle, may_become
from simulators.card.piv.access import Interface
from simulators.card.piv.data import MAX_COMMAND_DATA_LENGTH
from simulators.card.piv.stored import ReferenceData
from simulators.card.state import CardState
from simulators.card.store import VolatileStore
from tests.unit.cardio.hostile import AFTER_ISSUANCE, BEFORE_ISSUANCE, LyingCard, blank, carry_out, issued

STATUS_CLASSES = {0x61, 0x62, 0x63, 0x65, 0x67, 0x68, 0x69, 0x6A, 0x6D, 0x6E, 0x6F, 0x90}
LONGEST_ANSWER = 65_536 + 2
_VERIFY, _CHANGE, _UNBLOCK, _SET_TRIES, _RESET = 0x20, 0x24, 0x2C, 0xFA, 0xFB
_BLOCK = 8
_NO_COMMAND = Command(0, 0, 0, 0)


class WatchedCard:
    """Powered; `transmit` checks the rules around the card's own."""

    def __init__(self, state: CardState, interface: Interface = Interface.CONTACT) -> None:
        self.store = VolatileStore(state)
        self.card = SimulatedCard(self.store, random_bytes=bytes, interface=interface)
        self.card.power_on()

    @property
    def state(self) -> CardState:
        return self.store.state

    def transmit(self, raw: bytes, meant: bytes | None = None) -> bytes:
        """The answer; `meant` is the plain command in a protected one."""
        before = self.state
        answer = self.card.transmit(raw)
        assert answer[-2] in STATUS_CLASSES, answer.hex()
        assert len(answer) <= LONGEST_ANSWER
        assert len(self.card._chain._staged) <= MAX_COMMAND_DATA_LENGTH
        if self.state is not before:
            self._check_change(before, _parsed(raw if meant is None else meant))
        return answer

    def _check_change(self, before: CardState, command: Command) -> None:
        after = self.state
        assert decode(encode(after)) == after, "a file that could not be opened again"
        _check_tries(before.piv.pin, after.piv.pin, before, command)
        _check_tries(before.piv.puk, after.piv.puk, before, command)
        assert after.life_cycle is before.life_cycle or may_become(before.life_cycle, after.life_cycle)
        for version, keys in after.isd.key_sets.items():
            earlier = before.isd.key_sets.get(version)
            same = earlier is not None and (earlier.enc, earlier.mac) == (keys.enc, keys.mac)
            assert not same or earlier is None or keys.sequence_counter >= earlier.sequence_counter

    def check_at_the_end(self) -> None:
        """What is in memory is a card, and no more than a chip has room for."""
        assert len(json.dumps(self.state.to_json())) < 1 << 20
        self.card.reset()
        assert self.card.transmit(bytes.fromhex("00CB3FFF035C017E"))[-2] in STATUS_CLASSES


def _parsed(raw: bytes) -> Command:
    try:
        return Command.parse(raw)
    except StatusError:
        return _NO_COMMAND


def _check_tries(before: ReferenceData, after: ReferenceData, card: CardState, command: Command) -> None:
    """A try is only lost by a value of a right length, and only won by a right value."""
    if after.tries_left < before.tries_left:
        expected = _BLOCK if command.ins == _VERIFY else 2 * _BLOCK
        assert command.ins in (_VERIFY, _CHANGE, _UNBLOCK)
        assert len(command.data) == expected
        assert after.tries_left == before.tries_left - 1
    if after.tries_left > before.tries_left and command.ins not in (_SET_TRIES, _RESET):
        assert command.data[:_BLOCK] in (card.piv.pin.value, card.piv.puk.value)


class _Recorder(LyingCard):
    """Writes down what a terminal sends."""

    def __init__(self, state: CardState) -> None:
        super().__init__((), state)
        self.sent: list[bytes] = []
        self.status_words: list[bytes] = []

    def transmit(self, command: bytes) -> bytes:
        answer = super().transmit(command)
        self.sent.append(command)
        self.status_words.append(answer[-2:])
        return answer


@dataclass(frozen=True)
class Conversation:
    """What was said to a card, and how it answered."""

    state: CardState
    commands: list[bytes]
    status_words: list[bytes]


def conversations() -> dict[str, Conversation]:
    """What the terminal says in each of its operations, short and extended, and to which card.

    The card has no randomness of its own: what it was told once, right proofs too, can be told once more.
    """
    found: dict[str, Conversation] = {}
    policies: dict[str, ApduPolicy] = {"short": SHORT_APDUS, "extended": EXTENDED_APDUS}
    for state, operations in ((blank(), BEFORE_ISSUANCE), (issued(), AFTER_ISSUANCE)):
        for name, operation in operations.items():
            for length, policy in policies.items():
                recorder = _Recorder(state)
                carry_out(operation, recorder, policy)
                found[f"{name}, {length}"] = Conversation(state, recorder.sent, recorder.status_words)
    return found


def in_state(state: CardState, life_cycle: LifeCycle) -> CardState:
    return replace(state, life_cycle=life_cycle)
