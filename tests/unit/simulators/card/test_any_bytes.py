"""Any bytes, in any state of the card, end in a status word, and break none of the rules of `watched`."""

import gc
import tracemalloc
from collections.abc import Callable
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from simulators.card.card import SimulatedCard
from simulators.card.globalplatform.keyset import KeySet
from simulators.card.iso7816 import SW
from simulators.card.lifecycle import LifeCycle
from simulators.card.piv.access import Interface
from simulators.card.state import CardState
from simulators.card.store import VolatileStore
from tests.repeated import REPEATED
from tests.unit.cardio.hostile import CHANNEL_KEYS, MANAGEMENT_KEY, NEW_PIN, PIN, PUK, blank, issued
from tests.unit.simulators.card.globalplatform.conftest import FACTORY_KEYS, GpHost
from tests.unit.simulators.card.host import OK, Host, pad, tlv
from tests.unit.simulators.card.watched import WatchedCard, conversations, in_state

pytestmark = REPEATED

KEYS = KeySet(CHANNEL_KEYS.enc, CHANNEL_KEYS.mac, CHANNEL_KEYS.dek)
SELECT_DOMAIN = bytes.fromhex("00A4040008A000000151000000")
SELECT_PIV = bytes.fromhex("00A4040009A00000030800001000")
MEMORY_BOUND = 2 << 20

CLASSES = st.sampled_from([0x00, 0x10, 0x04, 0x0C, 0x14, 0x80, 0x84, 0x90, 0x94, 0x40, 0xFF])
INSTRUCTIONS = st.sampled_from(
    [
        *(0x20, 0x24, 0x2C, 0x47, 0x50, 0x82, 0x87, 0xA4, 0xC0, 0xCA, 0xCB, 0xD8, 0xDB, 0xE4, 0xF0, 0xF2),
        *range(0xF6, 0x100),
    ]
)
P1S = st.sampled_from([0x00, 0x01, 0x04, 0x05, 0x07, 0x0C, 0x11, 0x14, 0x33, 0x3F, 0x80, 0x82, 0x9A, 0xFF])
P2S = st.sampled_from(
    [0x00, 0x02, 0x0C, 0x66, 0x7F, 0x80, 0x81, 0x82, 0x9A, 0x9B, 0x9C, 0x9D, 0x9E, 0xE0, 0xF9, 0xFF]
)
TAGS = st.sampled_from(
    ["7C", "5C", "53", "AC", "80", "81", "82", "85", "4F", "D2", "01", "06", "AA", "5FC102"]
)


def _element(tag: str, value: bytes) -> bytes:
    return tlv(int(tag, 16), value)


ELEMENTS = st.recursive(
    st.binary(max_size=40),
    lambda inner: st.lists(st.builds(_element, TAGS, inner), max_size=3).map(b"".join),
    max_leaves=6,
)
DATA = st.one_of(
    ELEMENTS,
    st.binary(max_size=300),
    st.sampled_from(
        [pad(PIN), pad(NEW_PIN), pad(PIN) * 2, pad(PUK) + pad(PIN), pad(PIN)[:7], pad(PIN) + b"\xff"]
    ),
)


def _short(header: bytes, data: bytes, le: bytes) -> bytes:
    return header + (bytes((len(data[:255]),)) + data[:255] if data else b"") + le


def _extended(header: bytes, data: bytes, le: bytes) -> bytes:
    return header + b"\0" + len(data).to_bytes(2, "big") + data + le * 2


HEADERS = st.builds(lambda *header: bytes(header), CLASSES, INSTRUCTIONS, P1S, P2S)
FORMS = st.sampled_from([_short, _extended])
COMMANDS = st.one_of(
    st.builds(lambda form, *parts: form(*parts), FORMS, HEADERS, DATA, st.binary(max_size=1)),
    st.builds(bytes.__add__, HEADERS, st.binary(max_size=12)),
    st.binary(max_size=80),
)
PLAIN_COMMANDS = st.builds(
    lambda header, data: bytes((header[0] & 0x90,)) + header[1:] + bytes((len(data[:230]),)) + data[:230],
    HEADERS,
    DATA.filter(bool),
)


def _open(card: WatchedCard, level: int) -> GpHost:
    host = GpHost(card.card)
    assert host.open(KEYS, level=level) == OK
    return host


def _authenticate(card: WatchedCard) -> None:
    assert Host(card.card, MANAGEMENT_KEY).authenticate_issuer() == OK


PREPARATIONS: dict[str, tuple[Callable[[], CardState], Callable[[WatchedCard], object]]] = {
    "blank": (blank, lambda _card: None),
    "blank, issuer authenticated": (blank, _authenticate),
    "blank, domain selected": (blank, lambda card: card.transmit(SELECT_DOMAIN)),
    "blank, channel offered": (blank, lambda card: GpHost(card.card).begin(KEYS)),
    "issued": (issued, lambda _card: None),
    "issued, PIN verified": (issued, lambda card: Host(card.card).verify(PIN)),
    "issued, issuer authenticated": (issued, _authenticate),
    "issued, in a chain": (issued, lambda card: card.transmit(bytes.fromhex("1087119A047C028200"))),
    "secured": (lambda: in_state(issued(), LifeCycle.SECURED), lambda card: Host(card.card).verify(PIN)),
    "locked": (lambda: in_state(issued(), LifeCycle.CARD_LOCKED), lambda _card: None),
    "terminated": (lambda: in_state(issued(), LifeCycle.TERMINATED), lambda _card: None),
    "without power": (issued, lambda card: card.card.power_off()),
}


@settings(max_examples=60)
@given(st.lists(COMMANDS, max_size=12))
@pytest.mark.parametrize("name", PREPARATIONS)
def test_any_bytes_in_any_state(name: str, commands: list[bytes]) -> None:
    state, prepare = PREPARATIONS[name]
    card = WatchedCard(state())
    prepare(card)
    for command in commands:
        card.transmit(command)
    card.card.power_on()
    card.check_at_the_end()


@settings(max_examples=60)
@given(commands=st.lists(COMMANDS, max_size=8), level=st.sampled_from([0x00, 0x01, 0x03, 0x11, 0x13, 0x33]))
@pytest.mark.parametrize("select", [SELECT_PIV, SELECT_DOMAIN])
def test_any_bytes_in_an_open_channel(select: bytes, level: int, commands: list[bytes]) -> None:
    card = WatchedCard(blank())
    card.transmit(select)
    _open(card, level)
    for command in commands:
        card.transmit(command)
    card.check_at_the_end()


@settings(max_examples=100)
@given(plain=st.lists(PLAIN_COMMANDS, max_size=8), level=st.sampled_from([0x01, 0x03, 0x11, 0x13, 0x33]))
@pytest.mark.parametrize("authenticated", [False, True])
@pytest.mark.parametrize("select", [SELECT_PIV, SELECT_DOMAIN])
def test_any_command_through_the_channel(
    select: bytes, authenticated: bool, level: int, plain: list[bytes]
) -> None:
    card = WatchedCard(blank())
    card.transmit(select)
    if authenticated and select == SELECT_PIV:
        _authenticate(card)
    host = _open(card, level)
    for command in plain:
        answer = card.transmit(host.wrap(command), meant=command)
        if answer[-2] == 0x90:
            host.unwrap(answer[:-2], OK)  # a right R-MAC
    card.check_at_the_end()


@settings(max_examples=150)
@given(st.lists(COMMANDS, max_size=10))
def test_any_bytes_without_contact_leave_the_card_as_it_is(commands: list[bytes]) -> None:
    card = WatchedCard(issued(), Interface.CONTACTLESS)
    for command in commands:
        card.transmit(command)
    assert card.state is issued()
    card.check_at_the_end()


# Real conversations, damaged

Damage = tuple[str, int, int]
DAMAGES = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *(
                    "drop",
                    "repeat",
                    "swap",
                    "flip",
                    "set",
                    "cut",
                    "prolong",
                    "chain",
                    "secure",
                    "length",
                    "fetch",
                )
            ]
        ),
        st.integers(0, 200),
        st.integers(0, 1000),
    ),
    min_size=1,
    max_size=6,
)


def _with_byte(command: bytes, place: int, byte: int) -> bytes:
    return command[:place] + bytes((byte & 0xFF,)) + command[place + 1 :]


def _damaged(command: bytes, kind: str, at: int) -> bytes:
    place = at % len(command)
    made = {
        "flip": lambda: _with_byte(command, place, command[place] ^ 1 << at % 8),
        "set": lambda: _with_byte(command, place, at),
        "cut": lambda: command[:place],
        "prolong": lambda: command + bytes(at),
        "chain": lambda: _with_byte(command, 0, command[0] ^ 0x10),
        "secure": lambda: _with_byte(command, 0, command[0] ^ 0x04),
        "length": lambda: _with_byte(command, 4, at),
        "fetch": lambda: bytes.fromhex("00C00000") + bytes((at & 0xFF,)),
    }
    return made[kind]()


def _damage(commands: list[bytes], damages: list[Damage]) -> list[bytes]:
    damaged = list(commands)
    for kind, number, at in damages:
        place = number % len(damaged)
        if kind == "drop" and len(damaged) > 1:
            del damaged[place]
        elif kind == "repeat":
            damaged.insert(at % len(damaged), damaged[place])
        elif kind == "swap":
            other = at % len(damaged)
            damaged[place], damaged[other] = damaged[other], damaged[place]
        elif kind != "drop":
            damaged[place] = _damaged(damaged[place], kind, at) or b"\0"
    return damaged


recorded = cache(conversations)
NAMES = [
    f"{name}, {length}"
    for name in ("personalising", "personalising_in_clear", "managing", "delivering", "reading", "logging_in")
    for length in ("short", "extended")
]


@pytest.mark.parametrize("name", NAMES)
def test_conversations_can_be_repeated(name: str) -> None:
    """Else damaged ones would end at the first proof."""
    said = recorded()[name]
    card = WatchedCard(said.state)
    assert [card.transmit(command)[-2:] for command in said.commands] == said.status_words
    assert said.status_words.count(b"\x90\x00") > len(said.commands) // 4


@settings(max_examples=40)
@given(DAMAGES)
@pytest.mark.parametrize("name", [*NAMES, "pins, short", "signing, short"])
def test_damaged_conversations(name: str, damages: list[Damage]) -> None:
    said = recorded()[name]
    card = WatchedCard(said.state)
    for command in _damage(said.commands, damages):
        card.transmit(command)
    card.check_at_the_end()


class AnyOrder(RuleBasedStateMachine):
    """Commands of every kind in any order, right ones among them; the rules are those of `watched`."""

    @initialize(state=st.sampled_from([blank, issued, lambda: in_state(issued(), LifeCycle.SECURED)]))
    def insert(self, state: Callable[[], CardState]) -> None:
        self.card = WatchedCard(state())
        self.host = Host(self.card.card, MANAGEMENT_KEY)
        self.channel: GpHost | None = None

    @rule(command=COMMANDS)
    def send(self, command: bytes) -> None:
        self.card.transmit(command)

    @rule(block=st.sampled_from([pad(PIN), pad("000000"), pad(PIN)[:7], pad(PIN) + b"\xff", b"", pad(PUK)]))
    def verify(self, block: bytes) -> None:
        self.card.transmit(bytes.fromhex("00200080") + (bytes((len(block),)) + block if block else b""))

    @rule(
        ins=st.sampled_from([0x24, 0x2C]),
        p2=st.sampled_from([0x80, 0x81]),
        old=st.sampled_from([pad(PIN), pad(PUK), pad("000000"), b"1"]),
        new=st.sampled_from([pad(PIN), pad(PUK), b"\xff" * 8, b""]),
    )
    def change(self, ins: int, p2: int, old: bytes, new: bytes) -> None:
        data = old + new
        self.card.transmit(bytes((0, ins, 0, p2, len(data))) + data)

    @rule()
    def authenticate(self) -> None:
        self.host.authenticate_issuer()

    @rule(slot=st.sampled_from([0x9A, 0x9C, 0x9D, 0x82]), algorithm=st.sampled_from([0x11, 0x14]))
    def use_key(self, slot: int, algorithm: int) -> None:
        self.host.use_key(algorithm, slot, bytes(32))

    @rule(level=st.sampled_from([0x00, 0x01, 0x33]), right=st.booleans())
    def open_channel(self, level: int, right: bool) -> None:
        host = GpHost(self.card.card)
        _, sw = host.initialize()
        if sw == OK:
            opened = host.open(KEYS if right else FACTORY_KEYS, level=level)
            self.channel = host if opened == OK and level else None

    @rule(plain=PLAIN_COMMANDS)
    def send_through_the_channel(self, plain: bytes) -> None:
        if self.channel is not None:
            self.card.transmit(self.channel.wrap(plain), meant=plain)

    @rule()
    def reset(self) -> None:
        self.card.card.reset()
        self.channel = None

    @invariant()
    def the_card_is_what_a_file_can_hold(self) -> None:
        if hasattr(self, "card"):
            self.card.state.to_json()

    def teardown(self) -> None:
        if hasattr(self, "card"):
            self.card.check_at_the_end()


AnyOrder.TestCase.settings = settings(max_examples=50, stateful_step_count=30)
TestAnyOrder = AnyOrder.TestCase


@pytest.mark.parametrize(
    "part",
    [
        pytest.param("10DB3FFFFF" + "53" * 255, id="short PUT DATA"),
        pytest.param("1087119AFF" + "7C" * 255, id="short GENERAL AUTHENTICATE"),
        pytest.param("10DB3FFF00FFFF" + "53" * 65_535, id="extended PUT DATA"),
        pytest.param("10DB3FFF", id="parts without data"),
        pytest.param("00CB3FFF055C035FC1080000", id="answers that nobody fetches"),
    ],
)
def test_a_chain_without_end_takes_no_memory(part: str) -> None:
    card = SimulatedCard(VolatileStore(issued()))
    card.power_on()
    command = bytes.fromhex(part)
    gc.collect()
    tracemalloc.start()
    try:
        answers = {card.transmit(command)[-2:] for _ in range(300)}
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MEMORY_BOUND
    assert answers <= {b"\x90\x00", SW.NOT_ENOUGH_MEMORY.to_bytes(2, "big"), b"\x69\x82", b"\x67\x00"}
