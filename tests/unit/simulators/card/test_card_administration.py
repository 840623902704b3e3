"""Yubico's MOVE KEY, SET PIN RETRIES and RESET, while the card is personalised."""

import pytest

from simulators.card.card import SimulatedCard
from simulators.card.errors import PowerCutError
from simulators.card.file import CardFile
from simulators.card.iso7816 import SW
from tests.unit.simulators.card.host import OK, PIN, PUK, Host, tlv

DENIED = SW.SECURITY_STATUS_NOT_SATISFIED
REFUSED = SW.CONDITIONS_OF_USE_NOT_SATISFIED
BLOCKED = SW.AUTHENTICATION_METHOD_BLOCKED


def block_both(host: Host) -> None:
    for _ in range(15):
        host.change_pin("00000000", PIN)
        host.unblock("00000000", PIN)


class TestMoveKey:
    def test_a_key_moves_with_its_origin_and_policy(self, host: Host) -> None:
        host.authenticate_issuer()
        before = host.send(0xF7, 0, 0x9D)
        assert host.send(0xF6, 0x82, 0x9D) == (b"", OK)
        assert host.send(0xF7, 0, 0x82) == before
        assert host.send(0xF7, 0, 0x9D)[1] == SW.REFERENCE_DATA_NOT_FOUND

    def test_a_key_is_deleted(self, host: Host) -> None:
        host.authenticate_issuer()
        assert host.send(0xF6, 0xFF, 0x9A) == (b"", OK)
        host.verify(PIN)
        assert host.use_key(0x11, 0x9A, bytes(32))[1] == SW.REFERENCE_DATA_NOT_FOUND

    @pytest.mark.parametrize(
        ("source", "destination"), [(0x9E, 0x83), (0x9E, 0x9A), (0x9A, 0x9C), (0x82, 0x9C)]
    )
    def test_no_slot_gets_a_weaker_pin_policy(self, source: int, destination: int, host: Host) -> None:
        host.authenticate_issuer()
        for slot in (0x82, 0x83):
            host.generate(slot, 0x11)
        assert host.send(0xF6, 0xFF, destination)[1] == OK
        assert host.send(0xF6, destination, source)[1] == REFUSED

    @pytest.mark.parametrize(
        ("apdu", "sw"),
        [
            pytest.param("00F69A9D", REFUSED, id="taken"),
            pytest.param("00F69A9A", REFUSED, id="onto itself"),
            pytest.param("00F68382", SW.REFERENCE_DATA_NOT_FOUND, id="no key"),
            pytest.param("00F6FF82", SW.REFERENCE_DATA_NOT_FOUND, id="no key to delete"),
            pytest.param("00F69B9A", SW.INCORRECT_P1_P2, id="to 9B"),
            pytest.param("00F6829B", SW.INCORRECT_P1_P2, id="from 9B"),
            pytest.param("00F68080", SW.INCORRECT_P1_P2, id="the PIN"),
            pytest.param("00F682FF", SW.INCORRECT_P1_P2, id="from FF"),
            pytest.param("00F6829A01AA", SW.WRONG_LENGTH, id="data"),
        ],
    )
    def test_what_is_refused(self, apdu: str, sw: int, host: Host, card_file: CardFile) -> None:
        host.authenticate_issuer()
        before = card_file.state
        assert host.raw(apdu) == (b"", sw)
        assert card_file.state == before

    def test_only_the_issuer_moves(self, host: Host) -> None:
        host.verify(PIN)
        assert host.send(0xF6, 0x82, 0x9D)[1] == DENIED
        assert host.send(0xF6, 0xFF, 0x9D)[1] == DENIED


class TestSetPinRetries:
    def test_both_get_new_tries_and_the_factory_s_values(self, host: Host) -> None:
        host.change_pin(PIN, "246810")
        host.change_puk(PUK, "13572468")
        host.authenticate_issuer()
        host.verify("246810")
        assert host.sw("00FA0502") == OK
        assert host.tries() == 0x63C5
        host.reset()
        assert host.verify(PIN) == REFUSED  # a transport PIN again
        assert host.change_pin(PIN, PIN) == OK
        assert [host.verify("000000") for _ in range(6)] == [0x63C4, 0x63C3, 0x63C2, 0x63C1, 0x63C0, BLOCKED]
        assert [host.unblock("00000000", PIN) for _ in range(2)] == [0x63C1, 0x63C0]

    def test_success_restores_as_many_as_were_set(self, host: Host) -> None:
        host.authenticate_issuer()
        host.verify(PIN)
        host.sw("00FA0F0F")
        host.change_pin(PIN, PIN)
        host.verify("000000")
        host.verify(PIN)
        host.reset()
        assert host.tries() == 0x63CF

    @pytest.mark.parametrize(("pin_tries", "puk_tries"), [(0, 3), (3, 0), (16, 3), (3, 16), (255, 255)])
    def test_impossible_numbers(self, pin_tries: int, puk_tries: int, host: Host) -> None:
        host.authenticate_issuer()
        host.verify(PIN)
        assert host.sw(bytes((0, 0xFA, pin_tries, puk_tries))) == SW.INCORRECT_P1_P2
        assert host.tries() == OK

    def test_issuer_and_pin_are_wanted(self, host: Host) -> None:
        host.verify(PIN)
        assert host.sw("00FA0505") == DENIED
        host.reset()
        host.authenticate_issuer()
        assert host.sw("00FA0505") == DENIED
        host.verify(PIN)
        assert host.sw("00FA050501AA") == SW.WRONG_LENGTH
        assert host.tries() == OK


class TestReset:
    def test_it_returns_to_what_the_factory_delivered(self, host: Host, card_file: CardFile) -> None:
        host.change_pin(PIN, "246810")
        host.change_puk(PUK, "13572468")
        host.authenticate_issuer()
        host.put("5FC102", b"content")
        host.send(0xDB, 0x3F, 0xFF, tlv(0x7F61, b"\2\1\0"))
        host.send(0xFF, 0xFF, 0xFF, bytes((0x08, 0x9B, 16)) + bytes(16))
        attestation = card_file.state.piv.private_keys[0xF9], host.get("5FFF01")
        block_both(host)
        assert host.sw("00FB0000") == OK
        assert host.put("5FC102", b"content") == DENIED  # the issuer's session ended
        assert host.get("5FC102")[1] == SW.FILE_OR_APPLICATION_NOT_FOUND
        assert set(card_file.state.piv.private_keys) == {0xF9}
        assert (card_file.state.piv.private_keys[0xF9], host.get("5FFF01")) == attestation
        assert host.authenticate_issuer() == OK
        host.reset()
        assert host.verify(PIN) == REFUSED
        assert host.change_pin(PIN, PIN) == OK
        assert host.change_puk(PUK, PUK) == OK

    @pytest.mark.parametrize("blocked", ["nothing", "pin", "puk"])
    def test_both_must_be_blocked(self, blocked: str, host: Host, card_file: CardFile) -> None:
        for _ in range(3):
            if blocked == "pin":
                host.verify("000000")
            if blocked == "puk":
                host.unblock("00000000", PIN)
        before = card_file.state
        assert host.sw("00FB0000") == REFUSED
        assert card_file.state == before

    @pytest.mark.parametrize(
        ("apdu", "sw"),
        [
            ("00FB0100", SW.INCORRECT_P1_P2),
            ("00FB0001", SW.INCORRECT_P1_P2),
            ("00FB000001AA", SW.WRONG_LENGTH),
        ],
    )
    def test_malformed_resets(self, apdu: str, sw: int, host: Host, card_file: CardFile) -> None:
        block_both(host)
        before = card_file.state
        assert host.raw(apdu) == (b"", sw)
        assert card_file.state == before

    @pytest.mark.parametrize("writes", [0, 1])
    def test_a_power_cut_leaves_the_old_or_the_new(
        self, writes: int, host: Host, card_file: CardFile
    ) -> None:
        block_both(host)
        before = card_file.state
        torn = SimulatedCard(card_file, power_cut_after_writes=writes)
        torn.power_on()
        with pytest.raises(PowerCutError):
            Host(torn).sw("00FB0000")
        assert (card_file.state == before) == (writes == 0)
        assert (set(card_file.state.piv.private_keys) == {0xF9}) == (writes == 1)
