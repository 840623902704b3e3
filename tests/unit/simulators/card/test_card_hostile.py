"""Any bytes end in a status word, and no sequence of commands breaks the rules of PIN and PUK."""

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from simulators.card.card import SimulatedCard
from simulators.card.file import CardFile
from simulators.card.iso7816 import SW
from simulators.card.lifecycle import LifeCycle
from simulators.card.memory import CardMemory
from simulators.card.piv.access import Interface
from tests.repeated import REPEATED
from tests.unit.simulators.card.host import OK, PIN, PUK, Host, new_blank, tlv, without_card

pytestmark = REPEATED

INSTRUCTIONS = [0x20, 0x24, 0x2C, 0x47, 0x87, 0xA4, 0xC0, 0xCB, 0xDB, *range(0xF6, 0x100)]
NEARLY_RIGHT = st.builds(
    lambda header, body: bytes(header) + body,
    st.tuples(
        st.sampled_from([0x00, 0x10]),
        st.sampled_from(INSTRUCTIONS),
        st.sampled_from([0x00, 0x01, 0x04, 0x07, 0x11, 0x14, 0x0C, 0x3F, 0x82, 0x9A, 0x9D, 0xFF]),
        st.sampled_from([0x00, 0x01, 0x80, 0x81, 0x82, 0x9A, 0x9B, 0x9C, 0x9D, 0x9E, 0xF9, 0xFF]),
    ),
    st.one_of(
        st.binary(max_size=40),
        st.binary(min_size=1, max_size=255).map(lambda data: bytes((len(data),)) + data),
        st.binary(min_size=1, max_size=600).map(lambda data: b"\0" + len(data).to_bytes(2, "big") + data),
        st.sampled_from([b"\x7c", b"\x5c", b"\xac", b"\x53"]).flatmap(
            lambda tag: st.binary(max_size=60).map(
                lambda value: bytes((len(value) + 2,)) + tag + bytes((len(value),)) + value
            )
        ),
    ),
)
COMMANDS = st.one_of(st.binary(max_size=64), NEARLY_RIGHT)
STATUS_CLASSES = {0x61, 0x63, 0x67, 0x68, 0x69, 0x6A, 0x6D, 0x6E, 0x90}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(st.lists(COMMANDS, max_size=12))
def test_any_bytes_end_in_a_status_word(host: Host, commands: list[bytes]) -> None:
    for command in commands:
        answer = host.card.transmit(command)
        assert answer[-2] in STATUS_CLASSES


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.lists(COMMANDS, max_size=12))
def test_any_bytes_to_an_issuer_s_session_too(host: Host, commands: list[bytes]) -> None:
    host.authenticate_issuer()
    for command in commands:
        answer = host.card.transmit(command)
        assert answer[-2] in STATUS_CLASSES


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(st.lists(COMMANDS, max_size=8))
@pytest.mark.parametrize("state", LifeCycle)
def test_any_bytes_in_any_state_of_the_life_cycle(
    host: Host, card_file: CardFile, state: LifeCycle, commands: list[bytes]
) -> None:
    card_file.commit(replace(card_file.state, life_cycle=state))
    host.authenticate_issuer()
    for command in commands:
        answer = host.card.transmit(command)
        assert answer[-2] in STATUS_CLASSES
    assert card_file.state.life_cycle is state


TAGGED = st.lists(
    st.tuples(st.sampled_from([0x01, 0x02, 0x05, 0x06, 0x80, 0x81, 0xAA, 0xAB]), st.binary(max_size=50)),
    max_size=7,
).map(lambda parts: b"".join(tlv(tag, value) for tag, value in parts))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(st.sampled_from([0x11, 0x14]), st.sampled_from([0x82, 0x9A, 0x9C, 0x9E]), TAGGED)
def test_any_parts_of_a_key_end_in_a_status_word(host: Host, algorithm: int, slot: int, parts: bytes) -> None:
    host.authenticate_issuer()
    request = tlv(0xAC, tlv(0x80, bytes((algorithm,))), parts)
    for answer in (host.send(0xFE, algorithm, slot, parts), host.send(0x47, 0, slot, request)):
        assert answer[1] in (OK, SW.INCORRECT_PARAMETERS_IN_DATA)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.lists(NEARLY_RIGHT, max_size=8))
def test_nothing_sent_without_contact_changes_the_card(
    host: Host, card_file: CardFile, commands: list[bytes]
) -> None:
    before = card_file.state
    send = without_card(CardMemory(card_file), interface=Interface.CONTACTLESS)
    for command in commands:
        assert send(command)[1] >> 8 in STATUS_CLASSES
    assert card_file.state == before
    assert host.tries() == 0x63C3


@pytest.mark.parametrize("length", [0, 1, 3, 65_535, 65_544, 70_000])
@pytest.mark.parametrize("byte", [0x00, 0x10, 0xFF])
def test_extreme_lengths_end_in_a_status_word(length: int, byte: int, host: Host) -> None:
    answer, sw = host.raw(bytes((byte,)) * length)
    assert answer == b""
    assert sw in tuple(SW)


class PinMachine(RuleBasedStateMachine):
    """PIN, PUK and session against a model of three numbers and two words; resets and torn power included."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self.path = new_blank(Path(self._folder.name) / "card.json")
        self.file = CardFile.open(self.path)
        self.card = SimulatedCard(self.file)
        self.host = Host(self.card)
        self.pin, self.puk = PIN, PUK
        self.pin_tries = self.puk_tries = 3
        self.card.power_on()
        self.host.change_pin(PIN, PIN)
        self.verified = True

    def teardown(self) -> None:
        self.file.close()
        self._folder.cleanup()

    def _expected(self, right: bool, tries: int) -> int:
        if tries == 0:
            return SW.AUTHENTICATION_METHOD_BLOCKED
        return OK if right else 0x63C0 + tries - 1

    @rule(pin=st.sampled_from([PIN, "24681012", "000000"]))
    def verify(self, pin: str) -> None:
        right = pin == self.pin
        assert self.host.verify(pin) == self._expected(right, self.pin_tries)
        self._pin_presented(right)

    def _pin_presented(self, right: bool) -> None:
        if self.pin_tries == 0:
            return
        self.pin_tries = 3 if right else self.pin_tries - 1
        self.verified = right

    @rule(old=st.sampled_from([PIN, "24681012"]), new=st.sampled_from([PIN, "24681012"]))
    def change(self, old: str, new: str) -> None:
        right = old == self.pin
        assert self.host.change_pin(old, new) == self._expected(right, self.pin_tries)
        if right and self.pin_tries:
            self.pin = new
        self._pin_presented(right)

    @rule(puk=st.sampled_from([PUK, PUK, "00000000"]), new=st.sampled_from([PIN, "24681012"]))
    def unblock(self, puk: str, new: str) -> None:
        right = puk == self.puk
        assert self.host.unblock(puk, new) == self._expected(right, self.puk_tries)
        if self.puk_tries == 0:
            return
        self.puk_tries = 3 if right else self.puk_tries - 1
        self.verified = self.verified and right
        if right:
            self.pin, self.pin_tries = new, 3

    @rule(old=st.sampled_from([PUK, "13572468"]), new=st.sampled_from([PUK, "13572468"]))
    def change_puk(self, old: str, new: str) -> None:
        right = old == self.puk
        assert self.host.change_puk(old, new) == self._expected(right, self.puk_tries)
        if self.puk_tries:
            self.puk_tries = 3 if right else self.puk_tries - 1
            self.puk = new if right else self.puk

    @rule()
    def log_out(self) -> None:
        assert self.host.sw("0020FF80") == OK
        self.verified = False

    @rule()
    def reset(self) -> None:
        self.card.reset()
        self.verified = False

    @rule()
    def pull_and_insert(self) -> None:
        self.file.close()
        self.file = CardFile.open(self.path)
        self.card = SimulatedCard(self.file)
        self.card.power_on()
        self.host = Host(self.card)
        self.verified = False

    @invariant()
    def the_status_form_agrees(self) -> None:
        if self.verified:
            expected = OK
        elif self.pin_tries == 0:
            expected = SW.AUTHENTICATION_METHOD_BLOCKED
        else:
            expected = 0x63C0 + self.pin_tries
        assert self.host.tries() == expected


PinMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=25)
TestPinMachine = PinMachine.TestCase
