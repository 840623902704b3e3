"""The card's life cycle, and what PIV permits in each state of it."""

import itertools
from dataclasses import replace

import pytest

from simulators.card.file import CardFile
from simulators.card.iso7816 import SW
from simulators.card.lifecycle import LifeCycle, is_in_personalisation, may_become, runs_applications
from tests.unit.simulators.card.host import OK, PIN, PUK, Host, tlv

REFUSED = SW.CONDITIONS_OF_USE_NOT_SATISFIED
DENIED = SW.SECURITY_STATUS_NOT_SATISFIED
IMPORT_P256 = tlv(0x06, bytes(31) + b"\7")

STEPS = {
    (LifeCycle.OP_READY, LifeCycle.INITIALIZED),
    (LifeCycle.INITIALIZED, LifeCycle.SECURED),
    (LifeCycle.SECURED, LifeCycle.CARD_LOCKED),
    (LifeCycle.CARD_LOCKED, LifeCycle.SECURED),
    (LifeCycle.OP_READY, LifeCycle.TERMINATED),
    (LifeCycle.INITIALIZED, LifeCycle.TERMINATED),
    (LifeCycle.SECURED, LifeCycle.TERMINATED),
    (LifeCycle.CARD_LOCKED, LifeCycle.TERMINATED),
}


@pytest.mark.parametrize(("current", "wanted"), itertools.product(LifeCycle, LifeCycle))
def test_only_the_steps_of_the_standard(current: LifeCycle, wanted: LifeCycle) -> None:
    assert may_become(current, wanted) == ((current, wanted) in STEPS)


def test_nothing_leads_back_to_personalisation() -> None:
    reached = {LifeCycle.SECURED}
    while more := {new for old in reached for new in LifeCycle if may_become(old, new)} - reached:
        reached |= more
    assert not any(is_in_personalisation(state) for state in reached)


def test_the_coding_is_globalplatform_s() -> None:
    assert [state.value for state in LifeCycle] == [0x01, 0x07, 0x0F, 0x7F, 0xFF]
    assert [runs_applications(state) for state in LifeCycle] == [True, True, True, False, False]


@pytest.mark.parametrize("state", [LifeCycle.CARD_LOCKED, LifeCycle.TERMINATED])
@pytest.mark.parametrize(
    "apdu",
    [
        "00200080",
        "00200080083733313035323834",
        "00240080",
        "002C0080",
        "00CB3FFF035C017E",
        "00DB3FFF",
        "0087119E047C028200",
        "0087009B047C028100",
        "0047009A",
        *(f"00{ins:02X}0000" for ins in (0xF6, 0xF7, 0xF8, 0xF9, 0xFA, 0xFB, 0xFD, 0xFE, 0xFF)),
    ],
)
def test_a_locked_or_terminated_card_does_nothing(
    apdu: str, state: LifeCycle, host: Host, card_file: CardFile
) -> None:
    card_file.commit(replace(card_file.state, life_cycle=state))
    before = card_file.state
    assert host.raw(apdu) == (b"", REFUSED)
    assert card_file.state == before


def test_an_unlocked_card_works_again(issued: Host, card_file: CardFile) -> None:
    card_file.commit(replace(card_file.state, life_cycle=LifeCycle.CARD_LOCKED))
    assert issued.verify(PIN) == REFUSED
    card_file.commit(replace(card_file.state, life_cycle=LifeCycle.SECURED))
    assert issued.verify(PIN) == OK


def test_the_holder_s_commands_are_the_same_on_an_issued_card(issued: Host) -> None:
    assert issued.verify(PIN) == OK
    assert issued.use_key(0x14, 0x9C, bytes(48))[1] == OK
    assert issued.change_pin(PIN, "246810") == OK
    assert issued.unblock(PUK, PIN) == OK


class TestAfterIssuance:
    @pytest.mark.parametrize("slot", [0x9A, 0x9C, 0x9D, 0x9E, 0x82])
    def test_nothing_is_imported(self, slot: int, issued: Host) -> None:
        assert issued.send(0xFE, 0x11, slot, IMPORT_P256)[1] == DENIED
        issued.authenticate_issuer()
        assert issued.send(0xFE, 0x11, slot, IMPORT_P256)[1] == REFUSED

    def test_tries_stay(self, issued: Host) -> None:
        issued.authenticate_issuer()
        issued.verify(PIN)
        assert issued.sw("00FA0F0F") == REFUSED
        assert issued.verify(PIN) == OK

    def test_a_dead_card_is_not_reset(self, issued: Host, card_file: CardFile) -> None:
        for _ in range(3):
            issued.verify("000000")
            issued.unblock("00000000", PIN)
        before = card_file.state
        assert issued.sw("00FB0000") == REFUSED
        assert card_file.state == before

    @pytest.mark.parametrize("slot", [0x9D, 0x9E, 0x82])
    def test_other_keys_are_generated(self, slot: int, issued: Host) -> None:
        issued.authenticate_issuer()
        issued.put({0x9D: "5FC10B", 0x9E: "5FC101", 0x82: "5FC10D"}[slot], b"certificate")
        assert issued.generate(slot, 0x11)[1] == OK

    def test_renewal_needs_the_issuer_even_without_a_certificate(self, issued: Host) -> None:
        issued.verify(PIN)
        assert issued.generate(0x9A, 0x11)[1] == DENIED

    @pytest.mark.parametrize(("slot", "certificate"), [(0x9A, "5FC105"), (0x9C, "5FC10A")])
    def test_a_key_with_its_certificate_is_not_deleted(
        self, slot: int, certificate: str, issued: Host
    ) -> None:
        issued.authenticate_issuer()
        issued.put(certificate, b"certificate")
        assert issued.send(0xF6, 0xFF, slot)[1] == REFUSED
        issued.put(certificate, b"")
        assert issued.send(0xF6, 0xFF, slot)[1] == OK

    @pytest.mark.parametrize(
        ("source", "destination"),
        [(0x9A, 0x82), (0x9C, 0x82), (0x9E, 0x82), (0x9D, 0x9E), (0x9D, 0x9A), (0x9D, 0x9C)],
    )
    def test_keys_do_not_change_their_purpose(self, source: int, destination: int, issued: Host) -> None:
        issued.authenticate_issuer()
        if destination != 0x82:
            assert issued.send(0xF6, 0xFF, destination)[1] == OK
        assert issued.send(0xF6, destination, source)[1] == REFUSED

    def test_a_key_management_key_retires(self, issued: Host) -> None:
        issued.authenticate_issuer()
        assert issued.send(0xF6, 0x82, 0x9D)[1] == OK
        assert issued.generate(0x9D, 0x11)[1] == OK
        assert issued.send(0xF6, 0x95, 0x82)[1] == OK
