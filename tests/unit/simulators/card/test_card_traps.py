"""The mistakes that cards and their issuers are known to make, one test or more for each.

The modules beside this one test each command in full; here each trap stands under its name.
"""

from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, modes

from simulators.card.blank import create_blank
from simulators.card.card import SimulatedCard
from simulators.card.errors import BlankError, PowerCutError
from simulators.card.file import CardFile
from simulators.card.iso7816 import SW
from simulators.card.lifecycle import LifeCycle
from simulators.card.memory import CardMemory
from simulators.card.piv.access import Interface
from tests.unit.simulators.card.host import (
    MANAGEMENT_KEY,
    OK,
    PIN,
    PUK,
    SERIAL,
    Host,
    pad,
    tlv,
    value_of,
    without_card,
)

WRONG = "00000000"
DENIED = SW.SECURITY_STATUS_NOT_SATISFIED
REFUSED = SW.CONDITIONS_OF_USE_NOT_SATISFIED
BLOCKED = SW.AUTHENTICATION_METHOD_BLOCKED
MALFORMED = SW.INCORRECT_PARAMETERS_IN_DATA


def torn(file: CardFile, writes: int) -> Host:
    card = SimulatedCard(file, power_cut_after_writes=writes)
    card.power_on()
    return Host(card)


class TestTrap1PinAndPukCounters:
    @pytest.mark.parametrize("right", [True, False])
    def test_a_try_is_counted_before_the_comparison(
        self, right: bool, host: Host, card_file: CardFile
    ) -> None:
        host.reset()
        with pytest.raises(PowerCutError):
            torn(card_file, 1).verify(PIN if right else WRONG)
        assert card_file.state.piv.pin.tries_left == 2
        with pytest.raises(PowerCutError):
            torn(card_file, 1).unblock(PUK if right else WRONG, PIN)
        assert card_file.state.piv.puk.tries_left == 2

    def test_with_both_blocked_nobody_uses_the_card_again(self, issued: Host, card_file: CardFile) -> None:
        for _ in range(3):
            issued.verify(WRONG)
            issued.unblock(WRONG, PIN)
        assert card_file.state.piv.is_blocked_for_good
        issued.authenticate_issuer()
        assert issued.verify(PIN) == BLOCKED
        assert issued.change_pin(PIN, PIN) == BLOCKED
        assert issued.unblock(PUK, PIN) == BLOCKED
        assert issued.change_puk(PUK, PUK) == BLOCKED
        for slot, algorithm in ((0x9A, 0x11), (0x9C, 0x14), (0x9D, 0x11), (0x9E, 0x11)):
            assert issued.use_key(algorithm, slot, bytes(32)) == (b"", BLOCKED)
        assert issued.generate(0x9E, 0x11)[1] == OK
        assert issued.use_key(0x11, 0x9E, bytes(32)) == (b"", BLOCKED)
        assert issued.sw("00FB0000") == REFUSED
        assert issued.sw("00FA0303") == DENIED

    @pytest.mark.parametrize("left", ["pin", "puk"])
    def test_with_one_of_them_left_the_card_lives(self, left: str, issued: Host) -> None:
        for _ in range(3):
            assert issued.unblock(WRONG, PIN) if left == "pin" else issued.verify(WRONG)
        assert issued.use_key(0x11, 0x9E, bytes(32))[1] == OK
        assert (issued.verify(PIN) if left == "pin" else issued.unblock(PUK, PIN)) == OK


class TestTrap2Commits:
    def test_a_chained_object_is_written_at_its_last_part(self, host: Host, card_file: CardFile) -> None:
        host.authenticate_issuer()
        before = card_file.state
        data = tlv(0x5C, bytes.fromhex("5FC105")) + tlv(0x53, bytes(600))
        for start in (0, 255):
            assert host.sw(bytes.fromhex("10DB3FFFFF") + data[start : start + 255]) == OK
            assert card_file.state == before
        rest = data[510:]
        assert host.sw(bytes.fromhex("00DB3FFF") + bytes((len(rest),)) + rest) == OK
        assert len(card_file.state.piv.objects[0x5FC105]) == 600

    def test_a_key_and_its_certificate_are_two_commits(self, host: Host, card_file: CardFile) -> None:
        host.authenticate_issuer()
        host.put("5FC105", b"certificate of the old key")
        card = torn(card_file, 1)
        card.authenticate_issuer()
        old = card.send(0xF7, 0, 0x9A)
        with pytest.raises(PowerCutError):
            card.generate(0x9A, 0x11)
        host.reset()
        assert host.send(0xF7, 0, 0x9A) != old
        assert host.get("5FC105")[0].endswith(b"certificate of the old key")


class TestTrap3Chains:
    @pytest.mark.parametrize("between", ["00200080", "00A4040005A000000308", "00A4040005A000000247", None])
    def test_another_command_a_select_or_a_reset_ends_a_chain(self, between: str | None, host: Host) -> None:
        host.authenticate_issuer()
        data = tlv(0x5C, bytes.fromhex("5FC105")) + tlv(0x53, bytes(300))
        host.sw(bytes.fromhex("10DB3FFFFF") + data[:255])
        if between is None:
            host.reset()
            host.authenticate_issuer()
        else:
            host.raw(between)
        assert host.sw(bytes.fromhex("00DB3FFF") + bytes((len(data) - 255,)) + data[255:]) == MALFORMED

    @pytest.mark.parametrize("ins", ["DB3FFF", "87119D", "47009A", "FE079D"])
    def test_a_chain_s_total_is_limited(self, ins: str, host: Host) -> None:
        host.authenticate_issuer()
        part = bytes.fromhex(f"10{ins}FF") + bytes(255)
        assert SW.NOT_ENOUGH_MEMORY in [host.sw(part) for _ in range(100)]


class TestTrap4Freshness:
    @pytest.mark.parametrize(
        "between",
        [
            "00F70080",
            "00F80000",
            "00F99C00",
            "00FD0000",
            "00F6829F",
            "00FA0000",
            "00FE0000",
            "00FFFFFF",
            "0047019A",
        ],
    )
    def test_yubico_s_commands_use_it_up_too_even_when_they_fail(self, between: str, host: Host) -> None:
        host.verify(PIN)
        host.raw(between)
        assert host.use_key(0x14, 0x9C, bytes(48)) == (b"", DENIED)

    def test_two_verifications_before_a_signature_are_fine(self, host: Host) -> None:
        host.verify(PIN)
        host.verify(PIN)
        assert host.use_key(0x14, 0x9C, bytes(48))[1] == OK

    def test_a_strict_key_in_another_slot_follows_the_same_rule(self, host: Host) -> None:
        host.authenticate_issuer()
        host.send(0x47, 0, 0x9D, tlv(0xAC, tlv(0x80, b"\x11"), tlv(0xAA, b"\3")))
        host.verify(PIN)
        host.raw("00F70080")
        assert host.use_key(0x11, 0x9D, bytes(32)) == (b"", DENIED)


class TestTrap5TransportPin:
    def test_it_permits_only_its_own_change(self, blank: Host, card_file: CardFile) -> None:
        blank.authenticate_issuer()
        for slot in (0x82, 0x9A, 0x9C, 0x9D, 0x9E):
            blank.generate(slot, 0x11)
        blank.put("5FC109", b"printed information")
        blank.reset()
        card_file.commit(replace(card_file.state, life_cycle=LifeCycle.SECURED))
        assert blank.verify(PIN) == REFUSED
        for slot in (0x82, 0x9A, 0x9C, 0x9D, 0x9E):
            assert blank.use_key(0x11, slot, bytes(32)) == (b"", REFUSED)
        assert blank.get("5FC109") == (b"", DENIED)
        assert blank.change_pin(PIN, "246810") == OK
        assert blank.get("5FC109")[1] == OK
        assert blank.use_key(0x11, 0x9A, bytes(32))[1] == OK


class TestTrap6VerifyForms:
    @pytest.mark.parametrize("length", [1, 5, 6, 7, 9, 16, 255])
    def test_a_wrong_length_costs_no_try(self, length: int, host: Host) -> None:
        for _ in range(4):
            assert host.sw(bytes((0, 0x20, 0, 0x80, length)) + b"1" * length) == MALFORMED
        assert host.tries() == 0x63C3

    def test_status_and_log_out_cost_no_try(self, host: Host) -> None:
        for _ in range(4):
            assert host.tries() == 0x63C3
            assert host.sw("0020FF80") == OK
        host.verify(PIN)
        assert host.tries() == OK
        assert host.sw("0020FF80") == OK
        assert host.use_key(0x11, 0x9A, bytes(32)) == (b"", DENIED)

    @pytest.mark.parametrize("ins", [0x24, 0x2C])
    @pytest.mark.parametrize("length", [8, 15, 17, 24])
    def test_the_other_commands_count_no_such_try_either(self, ins: int, length: int, host: Host) -> None:
        data = (pad(PIN) * 3)[:length]
        assert host.sw(bytes((0, ins, 0, 0x80, length)) + data) == MALFORMED
        assert host.send(0xF7, 0, 0x80)[0][-2:] + host.send(0xF7, 0, 0x81)[0][-2:] == bytes((3, 3, 3, 3))


class TestTrap7ManagementKey:
    def test_3des_is_refused_wherever_it_is_asked_for(self, host: Host) -> None:
        known = bytes.fromhex("0102030405060708") * 3
        for template in (tlv(0x80), tlv(0x81), tlv(0x82, bytes(8))):
            assert host.send(0x87, 0x03, 0x9B, tlv(0x7C, template)) == (b"", SW.INCORRECT_P1_P2)
        host.authenticate_issuer()
        assert host.send(0xFF, 0xFF, 0xFF, bytes((0x03, 0x9B, 24)) + known) == (b"", MALFORMED)

    def test_a_card_made_for_a_test_has_a_3des_key_and_takes_no_other(self, tmp_path: Path) -> None:
        key = bytes(range(24))
        create_blank(tmp_path / "card", SERIAL, PIN, PUK, key, triple_des=True)
        with CardFile.open(tmp_path / "card") as file:
            card = SimulatedCard(file)
            card.power_on()
            host = Host(card)
            answer, _ = host.send(0x87, 0x03, 0x9B, tlv(0x7C, tlv(0x81)))
            cipher = Cipher(TripleDES(key), modes.ECB()).encryptor()  # noqa: S305 - single blocks
            response = cipher.update(value_of(answer, 0x7C, 0x81))
            assert host.send(0x87, 0x03, 0x9B, tlv(0x7C, tlv(0x82, response))) == (b"", OK)
            assert host.send(0xFF, 0xFF, 0xFF, bytes((0x03, 0x9B, 24)) + key[::-1]) == (b"", MALFORMED)
            assert host.send(0x87, 0x0A, 0x9B, tlv(0x7C, tlv(0x81))) == (b"", SW.INCORRECT_P1_P2)
            assert host.send(0xF7, 0, 0x9B)[0].startswith(bytes.fromhex("010103"))

    @pytest.mark.parametrize("length", [0, 16, 23, 32])
    def test_a_3des_key_has_24_bytes(self, length: int, tmp_path: Path) -> None:
        with pytest.raises(BlankError):
            create_blank(tmp_path / "card", SERIAL, PIN, PUK, bytes(length), triple_des=True)

    def test_random_bytes_for_everybody_authenticate_nobody(self, host: Host, card_file: CardFile) -> None:
        before = card_file.state
        answer, sw = host.raw("0087009B047C028100")
        assert sw == OK
        response = host.encrypt(value_of(answer, 0x7C, 0x81))
        assert host.management(tlv(0x82, response))[1] == REFUSED
        assert card_file.state == before


class TestTrap9LifeCycle:
    @pytest.mark.parametrize(("slot", "certificate"), [(0x9A, "5FC105"), (0x9C, "5FC10A")])
    def test_no_new_key_beside_the_old_certificate(self, slot: int, certificate: str, issued: Host) -> None:
        issued.authenticate_issuer()
        issued.put(certificate, b"certificate")
        old = issued.send(0xF7, 0, slot)
        assert issued.generate(slot, 0x11) == (b"", REFUSED)
        assert issued.send(0xF7, 0, slot) == old
        issued.put(certificate, b"")
        assert issued.generate(slot, 0x11)[1] == OK

    def test_before_issuance_a_torn_run_may_repeat(self, host: Host) -> None:
        host.authenticate_issuer()
        host.put("5FC105", b"certificate")
        assert host.generate(0x9A, 0x11)[1] == OK

    def test_a_key_from_the_history_can_t_take_the_place(self, issued: Host) -> None:
        issued.authenticate_issuer()
        issued.generate(0x82, 0x11)
        issued.send(0xF6, 0xFF, 0x9A)
        assert issued.send(0xF6, 0x9A, 0x82) == (b"", REFUSED)


def test_trap_10_a_new_key_proves_its_possession(blank: Host) -> None:
    """Under the issuer's control, so before the holder has a PIN of their own."""
    blank.authenticate_issuer()
    answer, _ = blank.generate(0x9A, 0x11)
    blank.verify(PIN)
    digest = hashes.Hash(hashes.SHA256())
    digest.update(b"proof")
    signature, sw = blank.use_key(0x11, 0x9A, digest.finalize())
    assert sw == OK
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), value_of(answer, 0x7F49, 0x86))
    key.verify(signature, b"proof", ec.ECDSA(hashes.SHA256()))


def test_trap_11_two_cards_differ_in_the_serial_not_in_the_atr(blank: Host, tmp_path: Path) -> None:
    create_blank(tmp_path / "other", SERIAL + 1, PIN, PUK, MANAGEMENT_KEY)
    with CardFile.open(tmp_path / "other") as file:
        other = SimulatedCard(file)
        other.power_on()
        assert other.atr == blank.card.atr
        assert Host(other).raw("00F80000") != blank.raw("00F80000")


def test_trap_15_a_select_of_another_application_finds_none_and_changes_nothing(host: Host) -> None:
    host.verify(PIN)
    assert host.sw("00A4040007A0000002471001") == SW.FILE_OR_APPLICATION_NOT_FOUND
    assert host.tries() == OK


@pytest.mark.usefixtures("host")
def test_trap_16_without_contact_only_9e_works(card_file: CardFile) -> None:
    send = without_card(CardMemory(card_file), interface=Interface.CONTACTLESS)
    template = tlv(0x7C, tlv(0x82), tlv(0x81, bytes(32)))
    signed = [
        slot
        for slot, algorithm in ((0x9A, 0x11), (0x9C, 0x14), (0x9D, 0x11), (0x9E, 0x11))
        if send(bytes((0, 0x87, algorithm, slot, len(template))) + template)[1] == OK
    ]
    assert signed == [0x9E]
