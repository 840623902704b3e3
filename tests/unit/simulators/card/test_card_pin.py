"""VERIFY, CHANGE REFERENCE DATA, RESET RETRY COUNTER, the transport PIN, and power cuts at every write."""

from collections.abc import Callable
from pathlib import Path

import pytest

from simulators.card.card import SimulatedCard
from simulators.card.errors import PowerCutError
from simulators.card.file import CardFile
from simulators.card.iso7816 import SW
from tests.unit.simulators.card.host import OK, PIN, PUK, Host, pad, run

WRONG = "00000000"
NEW = "246810"


def test_verify_opens_the_session_until_reset_or_log_out(host: Host) -> None:
    assert host.tries() == 0x63C3
    assert host.verify(PIN) == OK
    assert host.tries() == OK
    assert host.sw("0020FF80") == OK
    assert host.tries() == 0x63C3
    host.verify(PIN)
    host.reset()
    assert host.tries() == 0x63C3


def test_wrong_pins_count_down_block_and_close_the_session(host: Host) -> None:
    host.verify(PIN)
    assert [host.verify(WRONG) for _ in range(4)] == [
        0x63C2,
        0x63C1,
        0x63C0,
        SW.AUTHENTICATION_METHOD_BLOCKED,
    ]
    assert host.verify(PIN) == SW.AUTHENTICATION_METHOD_BLOCKED
    assert host.tries() == SW.AUTHENTICATION_METHOD_BLOCKED
    assert host.change_pin(PIN, NEW) == SW.AUTHENTICATION_METHOD_BLOCKED
    host.reset()
    assert host.verify(PIN) == SW.AUTHENTICATION_METHOD_BLOCKED


def test_the_right_pin_gives_the_tries_back(host: Host) -> None:
    host.verify(WRONG)
    host.verify(WRONG)
    host.verify(PIN)
    host.reset()
    assert host.tries() == 0x63C3


def test_a_wrong_pin_ends_the_session(host: Host) -> None:
    host.verify(PIN)
    host.verify(WRONG)
    assert host.tries() == 0x63C2
    assert host.use_key(0x11, 0x9A, bytes(32))[1] == SW.SECURITY_STATUS_NOT_SATISFIED


MALFORMED = [
    pytest.param(b"12345\xff\xff\xff", id="five digits"),
    pytest.param(b"123456\xff", id="seven bytes"),
    pytest.param(b"123456\xff\xff\xff", id="nine bytes"),
    pytest.param(b"123456\x00\x00", id="padded with zeros"),
    pytest.param(b"123456\xff7", id="a digit after the padding"),
    pytest.param(b"12345a\xff\xff", id="a letter"),
    pytest.param("۱۲۳۴".encode(), id="Persian digits"),
    pytest.param(b"\xff" * 8, id="only padding"),
    pytest.param(b"1", id="one byte"),
    pytest.param(bytes(255), id="255 bytes"),
]


@pytest.mark.parametrize("block", MALFORMED)
def test_a_malformed_pin_costs_no_try_and_ends_no_session(block: bytes, host: Host) -> None:
    host.verify(PIN)
    assert (
        host.sw(bytes.fromhex("00200080") + bytes((len(block),)) + block) == SW.INCORRECT_PARAMETERS_IN_DATA
    )
    assert host.tries() == OK
    host.reset()
    assert host.tries() == 0x63C3


@pytest.mark.parametrize("block", MALFORMED)
def test_a_malformed_new_pin_changes_nothing(block: bytes, host: Host) -> None:
    for ins, old in (("24", pad(PIN)), ("2C", pad(PUK))):
        data = (old + block)[:255]
        command = bytes.fromhex(f"00{ins}0080") + bytes((len(data),)) + data
        assert host.sw(command) == SW.INCORRECT_PARAMETERS_IN_DATA
    assert host.verify(PIN) == OK
    assert host.card.transmit(bytes.fromhex("0024008110") + pad(WRONG) + pad(NEW)) == bytes.fromhex("63C2")


@pytest.mark.parametrize(
    ("apdu", "sw"),
    [
        pytest.param("002000800831", SW.WRONG_LENGTH, id="truncated"),
        pytest.param("00200180", SW.INCORRECT_P1_P2, id="VERIFY P1"),
        pytest.param("00200000", SW.REFERENCE_DATA_NOT_FOUND, id="global PIN"),
        pytest.param("00200081", SW.REFERENCE_DATA_NOT_FOUND, id="VERIFY the PUK"),
        pytest.param("00200096", SW.REFERENCE_DATA_NOT_FOUND, id="fingerprint"),
        pytest.param("00200098", SW.REFERENCE_DATA_NOT_FOUND, id="pairing code"),
        pytest.param("0020FF8008FFFFFFFFFFFFFFFF", SW.INCORRECT_PARAMETERS_IN_DATA, id="log out with data"),
        pytest.param("00240180", SW.INCORRECT_P1_P2, id="CHANGE P1"),
        pytest.param("00240080", SW.INCORRECT_PARAMETERS_IN_DATA, id="CHANGE without data"),
        pytest.param("00240000", SW.REFERENCE_DATA_NOT_FOUND, id="CHANGE the global PIN"),
        pytest.param("002C0180", SW.INCORRECT_P1_P2, id="RESET P1"),
        pytest.param("002C0080", SW.INCORRECT_PARAMETERS_IN_DATA, id="RESET without data"),
        pytest.param("002C0081", SW.REFERENCE_DATA_NOT_FOUND, id="RESET the PUK"),
    ],
)
def test_wrong_parameters(apdu: str, sw: int, host: Host) -> None:
    assert host.raw(apdu) == (b"", sw)
    assert host.tries() == 0x63C3


def test_change_pin(host: Host) -> None:
    assert host.change_pin(WRONG, NEW) == 0x63C2
    assert host.change_pin(PIN, NEW) == OK
    assert host.tries() == OK
    host.reset()
    assert host.verify(PIN) == 0x63C2
    assert host.verify(NEW) == OK


def test_unblock_with_the_puk(host: Host) -> None:
    for _ in range(3):
        host.verify(WRONG)
    assert host.unblock(WRONG, NEW) == 0x63C2
    assert host.unblock(PUK, NEW) == OK
    assert host.tries() == 0x63C3
    assert host.verify(NEW) == OK


class TestUnblockingAndTheSecurityStatus:
    """SP 800-73-5 part 2, 3.2.3: what RESET RETRY COUNTER does to the PIN's security status."""

    def test_success_leaves_a_verified_pin_verified(self, host: Host) -> None:
        host.verify(PIN)
        assert host.unblock(PUK, NEW) == OK
        assert host.tries() == OK
        assert host.use_key(0x11, 0x9A, bytes(32))[1] == OK

    def test_success_verifies_nobody(self, host: Host) -> None:
        assert host.unblock(PUK, NEW) == OK
        assert host.tries() == 0x63C3
        assert host.use_key(0x11, 0x9A, bytes(32))[1] == SW.SECURITY_STATUS_NOT_SATISFIED

    def test_a_wrong_puk_ends_it(self, host: Host) -> None:
        host.verify(PIN)
        assert host.unblock(WRONG, NEW) == 0x63C2
        assert host.tries() == 0x63C3
        assert host.use_key(0x11, 0x9A, bytes(32))[1] == SW.SECURITY_STATUS_NOT_SATISFIED

    @pytest.mark.parametrize("puk", [PUK, WRONG], ids=["right PUK", "wrong PUK"])
    def test_a_malformed_new_pin_changes_nothing_and_costs_no_try(self, puk: str, host: Host) -> None:
        host.verify(PIN)
        assert host.unblock(puk, "12345") == SW.INCORRECT_PARAMETERS_IN_DATA
        assert host.tries() == OK
        assert host.unblock(WRONG, NEW) == 0x63C2

    def test_a_blocked_puk_is_not_compared_and_changes_nothing(self, host: Host) -> None:
        for _ in range(3):
            host.unblock(WRONG, NEW)
        host.verify(PIN)
        assert host.unblock(PUK, NEW) == SW.AUTHENTICATION_METHOD_BLOCKED
        assert host.tries() == OK

    def test_a_signature_of_9c_wants_the_new_pin(self, host: Host) -> None:
        host.verify(PIN)
        assert host.unblock(PUK, NEW) == OK
        assert host.use_key(0x14, 0x9C, bytes(48))[1] == SW.SECURITY_STATUS_NOT_SATISFIED


def test_the_puk_blocks_too(host: Host) -> None:
    blocked = SW.AUTHENTICATION_METHOD_BLOCKED
    assert [host.unblock(WRONG, NEW) for _ in range(4)] == [0x63C2, 0x63C1, 0x63C0, blocked]
    assert host.unblock(PUK, NEW) == blocked
    assert host.change_puk(PUK, NEW) == blocked
    assert host.verify(PIN) == OK


def test_change_puk(host: Host) -> None:
    assert host.change_puk(WRONG, "13572468") == 0x63C2
    assert host.change_puk(PUK, "13572468") == OK
    assert host.unblock(PUK, NEW) == 0x63C2
    assert host.unblock("13572468", NEW) == OK


class TestTransportPin:
    def test_it_neither_verifies_nor_costs_a_try(self, blank: Host) -> None:
        for pin in (PIN, WRONG, PIN, WRONG, WRONG):
            assert blank.verify(pin) == SW.CONDITIONS_OF_USE_NOT_SATISFIED
        assert blank.tries() == 0x63C3

    @pytest.mark.parametrize("slot", [0x9A, 0x9C, 0x9D, 0x9E])
    def test_private_keys_refuse(self, slot: int, blank: Host) -> None:
        blank.authenticate_issuer()
        blank.generate(slot, 0x11)
        blank.reset()
        assert blank.use_key(0x11, slot, bytes(32))[1] == SW.CONDITIONS_OF_USE_NOT_SATISFIED

    def test_the_issuer_in_control_may_use_it(self, blank: Host) -> None:
        blank.authenticate_issuer()
        blank.generate(0x9A, 0x11)
        assert blank.verify(PIN) == OK
        assert blank.use_key(0x11, 0x9A, bytes(32))[1] == OK

    def test_the_issuer_sets_another_transport_pin(self, blank: Host) -> None:
        blank.authenticate_issuer()
        assert blank.change_pin(PIN, NEW) == OK
        blank.reset()
        assert blank.verify(NEW) == SW.CONDITIONS_OF_USE_NOT_SATISFIED
        assert blank.change_pin(NEW, "11223344") == OK
        assert blank.verify("11223344") == OK

    def test_the_holder_replaces_it_and_may_use_the_keys_at_once(self, blank: Host) -> None:
        blank.authenticate_issuer()
        blank.generate(0x9A, 0x11)
        blank.reset()
        assert blank.change_pin(WRONG, NEW) == 0x63C2
        assert blank.change_pin(PIN, NEW) == OK
        assert blank.use_key(0x11, 0x9A, bytes(32))[1] == OK

    def test_the_issuer_never_makes_a_holder_s_pin_a_transport_pin(self, host: Host) -> None:
        host.authenticate_issuer()
        host.change_pin(PIN, NEW)
        host.reset()
        assert host.verify(NEW) == OK

    def test_unblocking_makes_an_ordinary_pin(self, blank: Host) -> None:
        assert blank.unblock(PUK, NEW) == OK
        assert blank.verify(NEW) == OK


Step = Callable[[Host], int]

# Every command that writes PIN or PUK, right and wrong: (command, tries of PIN and PUK allowed after a cut)
WRITERS: dict[str, Step] = {
    "verify": lambda host: host.verify(PIN),
    "verify wrong": lambda host: host.verify(WRONG),
    "change pin": lambda host: host.change_pin(PIN, NEW),
    "change pin wrong": lambda host: host.change_pin(WRONG, NEW),
    "change puk": lambda host: host.change_puk(PUK, "13572468"),
    "change puk wrong": lambda host: host.change_puk(WRONG, "13572468"),
    "unblock": lambda host: host.unblock(PUK, NEW),
    "unblock wrong": lambda host: host.unblock(WRONG, NEW),
}


def _counters(path: Path) -> tuple[int, int]:
    with CardFile.open(path) as file:
        return file.state.piv.pin.tries_left, file.state.piv.puk.tries_left


@pytest.mark.parametrize("writes", [0, 1, 2])
@pytest.mark.parametrize("name", WRITERS)
def test_a_power_cut_never_gives_a_free_guess(name: str, writes: int, card_path: Path) -> None:
    """With the power cut before the first write nothing was compared; after it, the try is counted."""
    with CardFile.open(card_path) as file:
        card = SimulatedCard(file)
        card.power_on()
        Host(card).change_pin(PIN, PIN)
    with CardFile.open(card_path) as file:
        card = SimulatedCard(file, power_cut_after_writes=writes)
        card.power_on()
        survives = writes > 1 and name.endswith("wrong")
        if survives:
            assert WRITERS[name](Host(card)) == 0x63C2
        else:
            with pytest.raises(PowerCutError):
                WRITERS[name](Host(card))
            assert card.transmit(bytes.fromhex("00200080")) == bytes.fromhex("6F00")
    pin_is_presented = "pin" in name or name.startswith("verify")
    counted = (2, 3) if pin_is_presented else (3, 2)
    expected = (3, 3) if writes == 0 or (writes == 2 and not survives) else counted
    assert _counters(card_path) == expected


@pytest.mark.parametrize("writes", [0, 1, 2])
def test_a_pin_change_that_was_cut_is_whole_or_not_at_all(writes: int, card_path: Path) -> None:
    with CardFile.open(card_path) as file:
        card = SimulatedCard(file, power_cut_after_writes=writes)
        card.power_on()
        with pytest.raises(PowerCutError):
            Host(card).change_pin(PIN, NEW)
        card.power_on()
        host = Host(card)
        if writes == 2:
            assert host.verify(NEW) == OK
        else:
            assert host.verify(PIN) == SW.CONDITIONS_OF_USE_NOT_SATISFIED
            assert host.change_pin(PIN, NEW) == OK


def test_pulling_the_power_after_each_guess_blocks_the_pin(card_path: Path) -> None:
    guesses = 0
    with CardFile.open(card_path) as file:
        card = SimulatedCard(file)
        card.power_on()
        Host(card).change_pin(PIN, PIN)
        while True:
            torn = SimulatedCard(file, power_cut_after_writes=1)
            torn.power_on()
            try:
                sw = Host(torn).verify(WRONG)
            except PowerCutError:
                guesses += 1
                continue
            break
    assert (guesses, sw) == (3, SW.AUTHENTICATION_METHOD_BLOCKED)


def test_two_hosts_of_one_file_are_one_too_many(blank: Host, card_path: Path) -> None:
    with pytest.raises(Exception, match="another process"):
        run(card_path)
    assert blank.tries() == 0x63C3
