"""A session whose card other programs reset, and hands swap, over both stacks."""

import os
import re
import threading
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.hashes import SHA256

from cardio.apdu import INS
from cardio.errors import InvalidPinError, ManagementKeyRequiredError, ObjectNotFoundError, PinRequiredError
from cardio.globalplatform.errors import SecureChannelClosedError
from cardio.globalplatform.handshake import open_secure_channel
from cardio.piv.objects import Chuid, ObjectId
from cardio.piv.session import PivSession
from cardio.piv.shared import SharedPivSession
from cardio.piv.slots import Algorithm, PublicKey, Slot
from cardio.transport import pcsc
from cardio.transport.base import CardChangedError, CardRemovedError, CardResetError
from simulators.card.blank import create_blank
from simulators.card.card import SimulatedCard
from simulators.card.file import CardFile
from simulators.faults.card import FaultyCard
from simulators.faults.script import Effect, Fault, FaultScript
from simulators.readers.padreader import PadReaderCard
from simulators.readers.pinpad import PinPad, Prompt
from simulators.readers.wrapped import WrappedCard
from tests.contract.conftest import Bench
from tests.contract.media import PIN, PUK, TRANSPORT_PIN

CARD_PAGE = (Path(__file__).parents[2] / "docs" / "card.md").read_text("utf-8")
_EXAMPLE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MESSAGE = b"message"
NEW_PIN = "24681012"
_PRINTED_INFORMATION = bytes.fromhex("5FC109")
CHUID = Chuid(UUID(int=0x1234_5678_9ABC_DEF0_1122_3344_5566_7788), date(2036, 11, 24))


@pytest.fixture
def other_card(tmp_path: Path) -> Iterator[SimulatedCard]:
    path, key = tmp_path / "other.json", os.urandom(32)
    create_blank(path, 30_999_888, TRANSPORT_PIN, PUK, key)
    with CardFile.open(path) as file:
        yield SimulatedCard(file)


def shared(bench: Bench, ask_pin: Callable[[], str] | None = None) -> SharedPivSession:
    """A session with a delivered card, the PIN given."""
    bench.delivered().channel.connection.close()
    session = SharedPivSession(bench.connect(), ask_pin)
    session.verify_pin(PIN)
    return session


def other_program_resets(bench: Bench) -> None:
    bench.connect().close()  # SCARD_RESET_CARD, as it comes to an end


def key_in(slot: Slot, bench: Bench) -> PublicKey:
    issuer = bench.issuer()
    key = issuer.generate_key(slot, Algorithm.ECC_P256)
    issuer.channel.connection.close()
    return key


def refuse_to_ask() -> str:
    pytest.fail("the PIN was asked for")


def test_without_such_a_session_a_reset_is_told_and_the_connection_taken_up_again(bench: Bench) -> None:
    session = bench.session()
    other_program_resets(bench)
    with pytest.raises(CardResetError):
        session.card_serial()
    connection = bench.connect()
    other_program_resets(bench)
    with pytest.raises(CardResetError), connection.transaction():
        pytest.fail("the work began")
    connection.reconnect()
    with connection.transaction():
        assert connection.transmit(bytes.fromhex("00F8000000"))[-2:] == b"\x90\x00"


def test_the_example_of_the_page_outlives_resets_between_signatures(bench: Bench) -> None:
    bench.delivered().channel.connection.close()
    (example,) = [text for text in _EXAMPLE.findall(CARD_PAGE) if "SharedPivSession" in text]
    signatures: list[bytes] = []

    def messages() -> Iterator[bytes]:
        for number in range(3):
            other_program_resets(bench)
            yield bytes((number,))

    key = key_in(Slot.AUTHENTICATION, bench)
    given = {"reader": bench.name, "pin": PIN, "key": key, "messages": messages(), "signatures": signatures}
    known = {"pcsc": pcsc, "SharedPivSession": SharedPivSession, "Slot": Slot, "SHA256": SHA256}
    exec(example, known | given)  # noqa: S102 - the project's own page
    assert len(set(signatures)) == 3


def test_who_waits_for_an_exclusive_session_finds_the_card_reset(bench: Bench) -> None:
    """Also before the first connection is closed, and its end is no second reset."""
    bench.delivered().channel.connection.close()
    mine, other = bench.connect(), bench.connect()
    found: list[bool] = []

    def intrude() -> None:
        while True:  # the reset is told once; what came before it waited
            try:
                with other.transaction():
                    found.append(PivSession(other).pin_status().verified)
                    return
            except CardResetError:
                other.reconnect()

    thread = threading.Thread(target=intrude)
    with mine.exclusive():
        session = PivSession(mine)
        session.verify_pin(PIN)
        session.authenticate_management(bench.management_key)
        thread.start()
        for _ in range(20):
            session.card_serial()
        assert session.pin_status().verified
    thread.join()
    assert found == [False]
    with pytest.raises(CardResetError):
        session.pin_status()
    mine.close()
    with pytest.raises(ManagementKeyRequiredError):
        PivSession(other).put_object(ObjectId.SECURITY_OBJECT, b"x")


def test_what_needs_no_pin_goes_on(bench: Bench) -> None:
    session = shared(bench, refuse_to_ask)
    serial = session.card_serial()
    for _ in range(3):
        other_program_resets(bench)
        assert session.card_serial() == serial
        assert not session.pin_status().verified


def test_the_pin_is_given_again_for_what_needs_it(bench: Bench) -> None:
    key = key_in(Slot.AUTHENTICATION, bench)
    session = shared(bench, lambda: PIN)
    for _ in range(2):
        other_program_resets(bench)
        session.sign(Slot.AUTHENTICATION, key, MESSAGE, SHA256())
    other_program_resets(bench)
    with pytest.raises(ObjectNotFoundError):  # not PinRequiredError
        session.read_printed_information()
    assert session.pin_tries_left() == 3


def test_without_anyone_to_ask_the_pin_is_missed(bench: Bench) -> None:
    key = key_in(Slot.AUTHENTICATION, bench)
    session = shared(bench)
    other_program_resets(bench)
    with pytest.raises(PinRequiredError):
        session.sign(Slot.AUTHENTICATION, key, MESSAGE, SHA256())
    session.verify_pin(PIN)
    session.sign(Slot.AUTHENTICATION, key, MESSAGE, SHA256())


def test_a_pin_that_the_card_has_not_accepted_is_never_sent(bench: Bench) -> None:
    key = key_in(Slot.AUTHENTICATION, bench)
    session = shared(bench, lambda: "000000")
    other_program_resets(bench)
    for _ in range(5):
        with pytest.raises(PinRequiredError):
            session.sign(Slot.AUTHENTICATION, key, MESSAGE, SHA256())
    with pytest.raises(InvalidPinError) as refused:
        session.verify_pin("111111")
    assert refused.value.tries_left == 2


def test_a_pin_changed_elsewhere_costs_one_try_and_is_not_sent_again(bench: Bench) -> None:
    key = key_in(Slot.AUTHENTICATION, bench)
    session = shared(bench, lambda: PIN)
    elsewhere = bench.session()
    elsewhere.change_pin(PIN, NEW_PIN)
    elsewhere.channel.connection.close()
    for _ in range(3):
        with pytest.raises(PinRequiredError):
            session.sign(Slot.AUTHENTICATION, key, MESSAGE, SHA256())
    assert session.pin_tries_left() == 2


def test_a_pin_that_was_changed_here_is_the_one_to_give(bench: Bench) -> None:
    key = key_in(Slot.AUTHENTICATION, bench)
    session = shared(bench, lambda: NEW_PIN)
    session.change_pin(PIN, NEW_PIN)
    other_program_resets(bench)
    session.sign(Slot.AUTHENTICATION, key, MESSAGE, SHA256())
    session.log_out()
    other_program_resets(bench)
    with pytest.raises(PinRequiredError):
        session.sign(Slot.AUTHENTICATION, key, MESSAGE, SHA256())


def test_one_pin_is_one_signature_of_9c_over_resets_too(bench: Bench) -> None:
    key = key_in(Slot.SIGNATURE, bench)
    session = shared(bench, lambda: PIN)
    other_program_resets(bench)
    session.sign(Slot.SIGNATURE, key, MESSAGE, SHA256())
    other_program_resets(bench)
    with pytest.raises(PinRequiredError):
        session.sign(Slot.SIGNATURE, key, MESSAGE, SHA256())


def test_the_management_key_is_not_given_again(bench: Bench) -> None:
    session = SharedPivSession(bench.connect())
    session.authenticate_management(bench.management_key)
    other_program_resets(bench)
    with pytest.raises(ManagementKeyRequiredError):
        session.put_object(ObjectId.SECURITY_OBJECT, b"x")
    session.authenticate_management(bench.management_key)
    session.put_object(ObjectId.SECURITY_OBJECT, b"x")


def test_a_secure_channel_is_not_resumed(bench: Bench) -> None:
    session = SharedPivSession(bench.connect())
    open_secure_channel(session.channel, bench.channel_keys)
    session.authenticate_management(bench.management_key)
    other_program_resets(bench)
    for _ in range(2):
        with pytest.raises(SecureChannelClosedError):
            session.put_object(ObjectId.SECURITY_OBJECT, b"x")
    open_secure_channel(session.channel, bench.channel_keys)
    session.authenticate_management(bench.management_key)
    session.put_object(ObjectId.SECURITY_OBJECT, b"x")
    other_program_resets(bench)
    session.reset()
    session.channel.unprotect()
    assert session.get_object(ObjectId.SECURITY_OBJECT) == b"x"


def test_a_transaction_begins_with_a_card_that_is_selected(bench: Bench) -> None:
    key = key_in(Slot.SIGNATURE, bench)
    session = SharedPivSession(bench.connect())
    bench.delivered().channel.connection.close()
    with session.transaction():
        session.verify_pin(PIN)
        session.sign(Slot.SIGNATURE, key, MESSAGE, SHA256())


def test_ones_own_reset_is_one(bench: Bench) -> None:
    session = shared(bench, refuse_to_ask)
    session.reset()
    assert not session.pin_status().verified
    with pytest.raises(PinRequiredError):
        session.read_printed_information()


def test_a_card_that_was_out_and_is_back_goes_on(bench: Bench) -> None:
    key = key_in(Slot.AUTHENTICATION, bench)
    session = shared(bench, lambda: PIN)
    bench.remove()
    for _ in range(2):
        with pytest.raises(CardRemovedError):
            session.card_serial()
    bench.put_in(bench.card)
    session.sign(Slot.AUTHENTICATION, key, MESSAGE, SHA256())


def test_another_card_gets_nothing(bench: Bench, other_card: SimulatedCard) -> None:
    session = shared(bench, refuse_to_ask)
    bench.put_in(other_card)
    for _ in range(2):
        with pytest.raises(CardChangedError):
            session.verify_pin(PIN)
        with pytest.raises(CardChangedError):
            session.card_serial()
    bench.put_in(bench.card)
    session.verify_pin(PIN)


def test_a_swap_that_nobody_noticed_is_found_before_anything_is_written(
    bench: Bench, other_card: SimulatedCard
) -> None:
    bench.delivered().channel.connection.close()
    first_of_the_session = 4  # after SELECT, serial and CHUID, which there is none of
    bench.put_in(FaultyCard(bench.card, FaultScript((Fault(first_of_the_session, Effect.SWAP),)), other_card))
    session = SharedPivSession(bench.connect())
    with pytest.raises(CardChangedError):
        session.change_pin(PIN, NEW_PIN)
    with pytest.raises(CardChangedError):
        session.card_serial()
    bench.put_in(other_card)
    assert bench.session().pin_tries_left() == 3


class Watched(WrappedCard):
    """Keeps the instructions that it was sent; `swap_for` takes its place at printed information."""

    def __init__(self, card: SimulatedCard, swap_for: SimulatedCard | None = None) -> None:
        super().__init__(card)
        self._swap_for = swap_for
        self.instructions: list[int] = []

    def transmit(self, command: bytes) -> bytes:
        self.instructions.append(command[1])
        if self._swap_for is not None and _PRINTED_INFORMATION in command:
            self._swap_for.power_on()
            self._card, self._swap_for = self._swap_for, None
        return super().transmit(command)


def test_a_swap_that_nobody_noticed_is_found_before_the_pin_is_given_again(
    bench: Bench, other_card: SimulatedCard
) -> None:
    bench.delivered().channel.connection.close()
    bench.put_in(Watched(bench.card, other_card))
    session = SharedPivSession(bench.connect(), lambda: PIN)
    session.verify_pin(PIN)
    other_program_resets(bench)
    with pytest.raises(CardChangedError):
        session.read_printed_information()
    bench.put_in(other_card)
    assert bench.session().pin_tries_left() == 3


def test_after_a_pin_that_was_refused_nothing_is_sent_again(bench: Bench) -> None:
    card = Watched(bench.card)
    bench.put_in(card)
    session = shared(bench, lambda: PIN)
    elsewhere = bench.session()
    elsewhere.change_pin(PIN, NEW_PIN)
    elsewhere.channel.connection.close()
    with pytest.raises(PinRequiredError):
        session.read_printed_information()
    assert card.instructions[-1] == INS.VERIFY


def test_a_pin_changed_at_the_pad_is_not_the_one_to_give(bench: Bench) -> None:
    keys = {Prompt.CURRENT_PIN: PIN, Prompt.NEW_PIN: NEW_PIN, Prompt.NEW_PIN_AGAIN: NEW_PIN}
    bench.put_in(PadReaderCard(bench.card, lambda: PinPad(lambda prompt: keys[prompt])))
    session = shared(bench, refuse_to_ask)
    pad = session.pin_pad()
    assert pad is not None
    session.change_pin_at(pad)
    other_program_resets(bench)
    with pytest.raises(PinRequiredError):
        session.read_printed_information()


def test_a_pin_set_with_the_puk_is_not_the_one_to_give(bench: Bench) -> None:
    session = shared(bench, refuse_to_ask)
    session.unblock_pin(PUK, NEW_PIN)
    other_program_resets(bench)
    with pytest.raises(PinRequiredError):
        session.read_printed_information()


def test_a_new_chuid_is_the_same_card(bench: Bench) -> None:
    session = SharedPivSession(bench.connect())
    before = session.identity
    session.authenticate_management(bench.management_key)
    session.put_object(ObjectId.CHUID, CHUID.encode())
    assert session.identity.guid == CHUID.guid != before.guid
    other_program_resets(bench)
    assert session.card_serial() == before.serial


def test_a_card_without_any_number_is_not_known_again(bench: Bench) -> None:
    class Nameless(FaultyCard):
        def transmit(self, command: bytes) -> bytes:
            return bytes.fromhex("6D00") if command[1:2] == b"\xf8" else super().transmit(command)

    bench.put_in(Nameless(bench.card, FaultScript()))
    session = SharedPivSession(bench.connect())
    assert session.version() >= (5, 0, 0)
    other_program_resets(bench)
    with pytest.raises(CardChangedError):
        session.version()
