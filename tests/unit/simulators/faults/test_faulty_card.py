"""Every effect of a fault script on a card, and what cardio makes of it through a reader."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cardio.errors import CardError
from cardio.piv.session import PivSession
from cardio.transport import pcsc
from cardio.transport.base import CardRemovedError, TransmitError
from simulators.card.blank import create_blank
from simulators.card.card import SimulatedCard
from simulators.card.errors import CardMuteError, PowerCutError
from simulators.card.file import CardFile
from simulators.clock import VirtualClock
from simulators.faults.card import FaultyCard
from simulators.faults.link import SHORT_APDUS_ONLY, LimitedReaderCard, ReaderLimits, T0Card
from simulators.faults.script import Effect, Fault, FaultScript
from simulators.readers.inprocess import InProcessReader
from simulators.readers.vpcd import Card
from tests.unit.simulators.card.host import MANAGEMENT_KEY, PIN, PUK

DISCOVERY = bytes.fromhex("00CB3FFF035C017E00")
OWN_PIN = "471100"


@pytest.fixture
def cards(tmp_path: Path) -> Iterator[tuple[SimulatedCard, SimulatedCard]]:
    """Two powered cards, with serials 1 and 2."""
    paths = [tmp_path / f"{serial}.json" for serial in (1, 2)]
    for serial, path in enumerate(paths, start=1):
        create_blank(path, serial, PIN, PUK, MANAGEMENT_KEY)
    with CardFile.open(paths[0]) as first, CardFile.open(paths[1]) as second:
        both = SimulatedCard(first), SimulatedCard(second)
        for card in both:
            card.power_on()
        yield both


def connected(card: Card) -> Iterator[pcsc.PcscConnection]:
    with InProcessReader(f"Faulty Reader {uuid4()}") as reader:
        reader.insert(card)
        with pcsc.connect(reader.name) as connection:
            yield connection


def faulty(card: Card, *faults: Fault, other: Card | None = None) -> FaultyCard:
    return FaultyCard(card, FaultScript(faults), other)


class TestEffects:
    def test_power_fails_before_the_command_is_taken(
        self, cards: tuple[SimulatedCard, SimulatedCard]
    ) -> None:
        card = faulty(cards[0], Fault(1, Effect.CUT_BEFORE))
        with pytest.raises(PowerCutError):
            card.transmit(bytes.fromhex("0024008010") + _pins(PIN, OWN_PIN))
        card.power_on()
        assert card.transmit(bytes.fromhex("0020008008") + _pin(OWN_PIN)) != b"\x90\x00"

    def test_power_fails_after_it_was_carried_out(self, cards: tuple[SimulatedCard, SimulatedCard]) -> None:
        card = faulty(cards[0], Fault(1, Effect.CUT_AFTER))
        with pytest.raises(PowerCutError):
            card.transmit(bytes.fromhex("0024008010") + _pins(PIN, OWN_PIN))
        card.power_on()
        assert card.transmit(bytes.fromhex("0020008008") + _pin(OWN_PIN)) == b"\x90\x00"

    @pytest.mark.parametrize(
        ("writes", "sw"), [(0, "6985"), (1, "6985"), (2, "9000")], ids=["none", "the try's", "the PIN's"]
    )
    def test_power_fails_at_a_durable_write(
        self, writes: int, sw: str, cards: tuple[SimulatedCard, SimulatedCard]
    ) -> None:
        card = faulty(cards[0], Fault(2, Effect.CUT_AT_WRITE, writes))
        assert card.transmit(DISCOVERY).endswith(b"\x90\x00")
        with pytest.raises(PowerCutError):
            card.transmit(bytes.fromhex("0024008010") + _pins(PIN, OWN_PIN))
        card.power_on()
        assert card.transmit(bytes.fromhex("0020008008") + _pin(OWN_PIN)).hex() == sw
        assert card.transmit(bytes.fromhex("0024008010") + _pins(PIN, OWN_PIN)).hex() in ("9000", "63c2")

    def test_writes_are_counted_over_commands_and_resets(
        self, cards: tuple[SimulatedCard, SimulatedCard]
    ) -> None:
        card = faulty(cards[0], Fault(1, Effect.CUT_AT_WRITE, 3))
        assert card.transmit(bytes.fromhex("0024008010") + _pins(PIN, PIN)) == b"\x90\x00"
        card.reset()
        assert card.transmit(DISCOVERY).endswith(b"\x90\x00")
        with pytest.raises(PowerCutError):
            card.transmit(bytes.fromhex("0020008008") + _pin(PIN))
        card.power_on()
        assert card.transmit(bytes.fromhex("00200080")) == bytes.fromhex("63C2")
        assert card.transmit(bytes.fromhex("0020008008") + _pin(PIN)) == b"\x90\x00"

    def test_the_card_that_is_in_is_cut(self, cards: tuple[SimulatedCard, SimulatedCard]) -> None:
        faults = Fault(1, Effect.SWAP), Fault(2, Effect.CUT_AT_WRITE, 0)
        card = faulty(cards[0], *faults, other=cards[1])
        assert card.transmit(bytes.fromhex("00F8000000"))[:4] == bytes((0, 0, 0, 2))
        with pytest.raises(PowerCutError):
            card.transmit(bytes.fromhex("0024008010") + _pins(PIN, OWN_PIN))
        cards[0].power_on()
        assert cards[0].transmit(bytes.fromhex("0024008010") + _pins(PIN, OWN_PIN)) == b"\x90\x00"

    def test_a_cut_at_a_write_needs_a_card_that_counts(
        self, cards: tuple[SimulatedCard, SimulatedCard]
    ) -> None:
        fault = Fault(1, Effect.CUT_AT_WRITE)
        with pytest.raises(ValueError, match="count their writes"):
            faulty(T0Card(cards[0]), fault)
        with pytest.raises(ValueError, match="count their writes"):
            faulty(cards[0], fault, other=T0Card(cards[1]))

    def test_a_mute_card_speaks_again_after_a_reset(self, cards: tuple[SimulatedCard, SimulatedCard]) -> None:
        card = faulty(cards[0], Fault(1, Effect.MUTE))
        for _ in range(2):
            with pytest.raises(CardMuteError):
                card.transmit(DISCOVERY)
        card.reset()
        assert card.transmit(DISCOVERY).endswith(b"\x90\x00")

    @pytest.mark.parametrize(
        ("fault", "expected"),
        [
            (Fault(1, Effect.STATUS, 0x6F00), "6F00"),
            (Fault(1, Effect.TRUNCATE, 1), "00"),
            (Fault(1, Effect.TRUNCATE, 0), ""),
            (Fault(1, Effect.PROLONG, 3), "000000010000009000"),
        ],
    )
    def test_wrong_answers(
        self, fault: Fault, expected: str, cards: tuple[SimulatedCard, SimulatedCard]
    ) -> None:
        card = faulty(cards[0], fault)
        assert card.transmit(bytes.fromhex("00F8000000")).hex().upper() == expected
        assert card.transmit(bytes.fromhex("00F8000000")) == bytes.fromhex("000000019000")

    def test_a_slow_card_spends_its_clock_s_time(self, cards: tuple[SimulatedCard, SimulatedCard]) -> None:
        clock = VirtualClock()
        card = FaultyCard(cards[0], FaultScript((Fault(1, Effect.DELAY, 1500),)), clock=clock)
        card.transmit(DISCOVERY)
        assert clock.elapsed == 1.5

    def test_trap_11_a_swap_that_nobody_was_told_of(self, cards: tuple[SimulatedCard, SimulatedCard]) -> None:
        card = faulty(cards[0], Fault(2, Effect.SWAP), other=cards[1])
        serials = [card.transmit(bytes.fromhex("00F8000000"))[:4] for _ in range(3)]
        assert serials == [bytes((0, 0, 0, n)) for n in (1, 2, 2)]

    def test_a_swap_needs_another_card(self, cards: tuple[SimulatedCard, SimulatedCard]) -> None:
        with pytest.raises(ValueError, match="other card"):
            faulty(cards[0], Fault(1, Effect.SWAP))


class TestThroughAReader:
    @pytest.mark.parametrize("effect", [Effect.CUT_BEFORE, Effect.CUT_AFTER, Effect.CUT_AT_WRITE])
    def test_a_power_cut_is_a_removed_card(
        self, effect: Effect, cards: tuple[SimulatedCard, SimulatedCard]
    ) -> None:
        for connection in connected(faulty(cards[0], Fault(1, effect))):
            with pytest.raises(CardRemovedError):
                connection.transmit(bytes.fromhex("0024008010") + _pins(PIN, OWN_PIN))

    def test_a_mute_card_is_a_failed_transmission(self, cards: tuple[SimulatedCard, SimulatedCard]) -> None:
        for connection in connected(faulty(cards[0], Fault(1, Effect.MUTE))):
            with pytest.raises(TransmitError):
                connection.transmit(DISCOVERY)
            connection.reset()
            assert connection.transmit(DISCOVERY).endswith(b"\x90\x00")

    @pytest.mark.parametrize("seed", range(40))
    def test_any_script_ends_in_an_answer_or_a_typed_error(
        self, seed: int, cards: tuple[SimulatedCard, SimulatedCard]
    ) -> None:
        effects = [effect for effect in Effect if effect is not Effect.DELAY]
        script = FaultScript.drawn(seed, apdus=12, count=4, effects=effects)
        for connection in connected(FaultyCard(cards[0], script, cards[1])):
            for _ in range(6):
                try:
                    session = PivSession(connection)
                    session.card_serial()
                    session.authenticate_management(MANAGEMENT_KEY)
                except CardRemovedError:
                    break
                except CardError:
                    _recover(connection)


def _recover(connection: pcsc.PcscConnection) -> None:
    try:
        connection.reset()
    except CardError:
        return


class TestLimits:
    def test_a_reader_for_short_apdus_fails_and_the_card_knows_nothing(
        self, cards: tuple[SimulatedCard, SimulatedCard]
    ) -> None:
        for connection in connected(LimitedReaderCard(cards[0], SHORT_APDUS_ONLY)):
            with pytest.raises(TransmitError):
                connection.transmit(bytes.fromhex("00DB3FFF000190") + bytes(400))
            assert connection.transmit(DISCOVERY).endswith(b"\x90\x00")

    def test_a_silent_one_passes_on_what_it_can(self, cards: tuple[SimulatedCard, SimulatedCard]) -> None:
        limits = ReaderLimits(max_command=500, silent=True)
        for connection in connected(LimitedReaderCard(cards[0], limits)):
            answer = connection.transmit(bytes.fromhex("00DB3FFF000300") + bytes(768))
            assert answer == bytes.fromhex("6700")


class TestT0:
    """Trap 14."""

    def test_what_is_sent_and_what_is_asked_for_travel_apart(
        self, cards: tuple[SimulatedCard, SimulatedCard]
    ) -> None:
        card = T0Card(cards[0])
        card.power_on()
        assert card.transmit(DISCOVERY[:-1]) == bytes.fromhex("6114")
        assert card.transmit(bytes.fromhex("00C0000008")).endswith(bytes.fromhex("610C"))
        assert card.transmit(bytes.fromhex("00C000000D")) == bytes.fromhex("6C0C")
        assert card.transmit(bytes.fromhex("00C000000C")).endswith(b"\x90\x00")

    def test_a_wrong_le_is_told(self, cards: tuple[SimulatedCard, SimulatedCard]) -> None:
        card = T0Card(cards[0])
        card.power_on()
        assert card.transmit(bytes.fromhex("00F8000000")) == bytes.fromhex("6C04")
        assert card.transmit(bytes.fromhex("00F8000004")) == bytes.fromhex("000000019000")

    def test_extended_length_is_refused(self, cards: tuple[SimulatedCard, SimulatedCard]) -> None:
        card = T0Card(cards[0])
        card.power_on()
        assert card.transmit(bytes.fromhex("00CB3FFF0001F0") + bytes(0x1F0)) == bytes.fromhex("6700")

    def test_there_is_no_envelope_and_the_atr_promises_chaining_alone(
        self, cards: tuple[SimulatedCard, SimulatedCard]
    ) -> None:
        card = T0Card(cards[0])
        capabilities = card.power_on().partition(b"\x73")[2][:3]  # ISO/IEC 7816-4: the third byte
        assert capabilities[2] & 0xC0 == 0x80  # chaining, no extended length
        assert card.transmit(bytes.fromhex("00C200000900F800000000000000")) == bytes.fromhex("6D00")

    def test_cardio_works_through_it(self, cards: tuple[SimulatedCard, SimulatedCard]) -> None:
        for connection in connected(T0Card(cards[0])):
            session = PivSession(connection)
            assert session.card_serial() == 1
            session.authenticate_management(MANAGEMENT_KEY)
            session.change_pin(PIN, OWN_PIN)
            session.verify_pin(OWN_PIN)


def _pin(digits: str) -> bytes:
    return digits.encode().ljust(8, b"\xff")


def _pins(old: str, new: str) -> bytes:
    return _pin(old) + _pin(new)


ANY_FAULT = st.builds(
    Fault,
    st.integers(1, 12),
    st.sampled_from([Effect.TRUNCATE, Effect.PROLONG, Effect.STATUS]),
    st.one_of(st.integers(0, 3), st.integers(0, 0xFFFF)),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(
    faults=st.lists(ANY_FAULT, max_size=6, unique_by=lambda fault: fault.apdu),
    commands=st.lists(st.one_of(st.just(DISCOVERY), st.binary(max_size=270)), min_size=1, max_size=8),
    limit=st.sampled_from([261, 12, 4, 0]),
)
def test_any_bytes_over_t0_and_a_limited_reader_end(
    cards: tuple[SimulatedCard, SimulatedCard], faults: list[Fault], commands: list[bytes], limit: int
) -> None:
    card = LimitedReaderCard(T0Card(faulty(cards[0], *faults)), ReaderLimits(limit, silent=True))
    card.power_on()
    for command in commands:
        assert len(card.transmit(command)) < 1 << 18
