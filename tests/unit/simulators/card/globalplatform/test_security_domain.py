"""PUT KEY, DELETE, GET DATA, GET STATUS, SET STATUS."""

from collections.abc import Callable
from pathlib import Path

import pytest

from simulators.card.card import SimulatedCard
from simulators.card.errors import PowerCutError
from simulators.card.file import CardFile
from simulators.card.globalplatform import scp03
from simulators.card.globalplatform.keyset import KeySet
from simulators.card.iso7816 import SW
from simulators.card.lifecycle import LifeCycle
from tests.unit.simulators.card.globalplatform.conftest import (
    FACTORY,
    FACTORY_KEYS,
    GpHost,
    key_field,
)
from tests.unit.simulators.card.host import OK, SERIAL

DENIED = SW.SECURITY_STATUS_NOT_SATISFIED
WRONG_DATA = SW.INCORRECT_PARAMETERS_IN_DATA
NOT_FOUND = SW.REFERENCE_DATA_NOT_FOUND


def keys(seed: int, length: int = 32) -> KeySet:
    return KeySet(bytes([seed]) * length, bytes([seed + 1]) * length, bytes([seed + 2]) * length)


class TestPutKey:
    @pytest.mark.parametrize("length", [16, 24, 32])
    def test_new_keys_take_the_factory_s_place(self, length: int, gp: GpHost) -> None:
        new = keys(0x41, length)
        gp.open()
        answer, sw = gp.send(gp.put_key(1, new))
        checks = b"".join(scp03.key_check_value(key) for key in (new.enc, new.mac, new.dek))
        assert (answer, sw) == (b"\x01" + checks, OK)
        assert gp.open(new, 1) == OK
        assert gp.initialize(FACTORY)[1] == NOT_FOUND

    def test_without_the_inner_length_as_some_clients_send_them(self, gp: GpHost) -> None:
        new = keys(0x41, 16)
        data = b"\x01" + b"".join(
            key_field(key, FACTORY_KEYS.dek, inner_length=False) for key in (new.enc, new.mac, new.dek)
        )
        gp.open()
        assert gp.send(bytes((0x80, 0xD8, 0, 0x81, len(data))) + data)[1] == OK
        assert gp.open(new, 1) == OK

    def test_rotation_keeps_the_old_set_until_it_is_deleted(self, gp: GpHost) -> None:
        old, new = keys(0x41), keys(0x51)
        gp.open()
        gp.send(gp.put_key(1, old))
        gp.open(old, 1)
        assert gp.send(gp.put_key(2, new, dek=old.dek))[1] == OK
        assert gp.open(old, 1) == OK
        assert gp.send("80E4000003D20101")[1] == SW.CONDITIONS_OF_USE_NOT_SATISFIED
        assert gp.open(new, 2) == OK
        assert gp.send("80E4000003D20101") == (b"\x00", OK)
        assert gp.initialize(1)[1] == NOT_FOUND

    def test_a_set_is_replaced_by_another_version(self, gp: GpHost) -> None:
        gp.open()
        gp.send(gp.put_key(1, keys(0x41)))
        gp.open(keys(0x41), 1)
        assert gp.send(gp.put_key(2, keys(0x51), replaced=1, dek=keys(0x41).dek))[1] == OK
        assert gp.initialize(1)[1] == NOT_FOUND
        assert gp.open(keys(0x51), 2) == OK

    @pytest.mark.parametrize("writes", [2, 3, 4])
    def test_trap_8_it_is_atomic(self, writes: int, blank_path: Path) -> None:
        """Counter, try, try given back, then the keys: power is cut before and after that last write."""
        with CardFile.open(blank_path) as file:
            torn = SimulatedCard(file, power_cut_after_writes=writes)
            torn.power_on()
            gp = GpHost(torn)
            gp.select()
            with pytest.raises(PowerCutError):
                gp.send(gp.put_key(1, keys(0x41)) if gp.open() == OK else b"")
            whole = {1: keys(0x41)} if writes == 4 else {FACTORY}
            assert set(file.state.isd.key_sets) == set(whole)

    def test_a_fifth_set_has_no_room(self, gp: GpHost) -> None:
        gp.open()
        results = [gp.send(gp.put_key(version, keys(0x41)))[1] for version in (1, 2, 3, 4, 5)]
        assert results == [OK, OK, OK, OK, SW.NOT_ENOUGH_MEMORY]

    @pytest.mark.parametrize(
        ("change", "sw"),
        [
            pytest.param(lambda c: c[:3] + b"\x01" + c[4:], SW.INCORRECT_P1_P2, id="one key"),
            pytest.param(lambda c: c[:2] + b"\x05" + c[3:], NOT_FOUND, id="replaces what is not there"),
            pytest.param(lambda c: c[:5] + b"\x00" + c[6:], WRONG_DATA, id="version 00"),
            pytest.param(lambda c: c[:5] + b"\x80" + c[6:], WRONG_DATA, id="version 80"),
            pytest.param(lambda c: c[:5] + b"\xff" + c[6:], WRONG_DATA, id="the factory's version"),
            pytest.param(lambda c: c[:6] + b"\x80" + c[7:], WRONG_DATA, id="a DES key"),
            pytest.param(lambda c: c[:-1] + bytes((c[-1] ^ 1,)), WRONG_DATA, id="a wrong check value"),
            pytest.param(lambda c: c[:9] + bytes((c[9] ^ 1,)) + c[10:], WRONG_DATA, id="another key"),
            pytest.param(lambda c: c[:4] + bytes((c[4] - 1,)) + c[5:-1], WRONG_DATA, id="truncated"),
            pytest.param(lambda c: c[:4] + bytes((c[4] + 1,)) + c[5:] + b"\0", WRONG_DATA, id="more behind"),
            pytest.param(lambda c: c[:4] + b"\x01" + c[5:6], WRONG_DATA, id="no keys"),
            pytest.param(lambda c: c[:4] + b"\x25" + c[5:42], WRONG_DATA, id="one key of three"),
            pytest.param(lambda c: c[:8] + b"\x1f" + c[9:], WRONG_DATA, id="31 bytes"),
        ],
    )
    def test_bad_ones_change_nothing(self, change: Callable[[bytes], bytes], sw: int, gp: GpHost) -> None:
        gp.open()
        assert gp.send(change(gp.put_key(1, keys(0x41))))[1] == sw
        assert gp.open(FACTORY_KEYS, FACTORY) == OK

    def test_a_version_that_stands_already(self, gp: GpHost) -> None:
        gp.open()
        gp.send(gp.put_key(1, keys(0x41)))
        assert gp.send(gp.put_key(1, keys(0x51)))[1] == WRONG_DATA

    def test_keys_of_different_lengths(self, gp: GpHost) -> None:
        data = b"\x01" + b"".join(key_field(bytes(n), FACTORY_KEYS.dek) for n in (16, 16, 32))
        gp.open()
        assert gp.send(bytes((0x80, 0xD8, 0, 0x81, len(data))) + data)[1] == WRONG_DATA

    def test_nobody_puts_keys_without_a_channel(self, gp: GpHost) -> None:
        assert gp.sw(gp.put_key(1, keys(0x41))) == DENIED
        gp.open(level=0)
        assert gp.sw(gp.put_key(1, keys(0x41))) == DENIED


class TestDelete:
    @pytest.mark.parametrize(
        ("command", "sw"),
        [
            ("80E4000003D20107", NOT_FOUND),
            ("80E4000003D001FF", WRONG_DATA),
            ("80E4000003D20200", WRONG_DATA),
            ("80E4000004D2020101", WRONG_DATA),
            ("80E4008003D20101", SW.INCORRECT_P1_P2),
            ("80E4000003D201FF", SW.CONDITIONS_OF_USE_NOT_SATISFIED),
        ],
    )
    def test_bad_ones(self, command: str, sw: int, gp: GpHost) -> None:
        gp.open()
        assert gp.send(command)[1] == sw


class TestGetData:
    def test_cplc_has_the_serial(self, gp: GpHost) -> None:
        answer, sw = gp.raw("80CA9F7F00")
        assert (answer[:3], len(answer), sw) == (bytes.fromhex("9F7F2A"), 45, OK)
        assert int.from_bytes(answer[15:19], "big") == SERIAL

    def test_card_data_names_scp03_with_its_parameter(self, gp: GpHost) -> None:
        answer, sw = gp.raw("80CA006600")
        assert (answer[:1], sw) == (b"\x66", OK)
        assert bytes.fromhex("2A864886FC6B040370") in answer

    @pytest.mark.parametrize("command", ["80CA00E000", "80CA00E0025C0000"])
    def test_key_information_lists_every_key(self, command: str, gp: GpHost) -> None:
        entries = b"".join(bytes((0xC0, 4, n, FACTORY, 0x88, 32)) for n in (1, 2, 3))
        assert gp.raw(command) == (bytes((0xE0, len(entries))) + entries, OK)

    @pytest.mark.parametrize("tag", ["00E0", "0066", "9F7F", "00C1"])
    def test_an_interindustry_get_data_gives_the_value_alone(self, tag: str, gp: GpHost) -> None:
        """ISO/IEC 7816-4, clause 11.4.3: even INS; yubikit reads keys and card data this way."""
        whole, value = gp.raw(f"80CA{tag}00"), gp.raw(f"00CA{tag}00")
        assert value[1] == whole[1] == OK
        head = bytes.fromhex(tag).lstrip(b"\x00") + bytes((len(value[0]),))
        assert whole[0] == head + value[0]

    def test_counter_issuer_and_card_numbers(self, gp: GpHost) -> None:
        gp.initialize()
        assert gp.raw("80CA00C100") == (bytes.fromhex("C103000001"), OK)
        assert gp.raw("80CA004500") == (b"\x45\x04" + SERIAL.to_bytes(4, "big"), OK)
        assert gp.raw("80CA004200")[1] == OK

    @pytest.mark.parametrize(("command", "sw"), [("80CADF3000", NOT_FOUND), ("80CA0066035C014F", WRONG_DATA)])
    def test_what_is_not_there(self, command: str, sw: int, gp: GpHost) -> None:
        assert gp.sw(command) == sw


class TestStatus:
    def test_the_domain_and_the_application(self, gp: GpHost) -> None:
        gp.open()
        domain, _ = gp.send("80F28002024F00")
        assert domain == bytes.fromhex("E313 4F08A000000151000000 9F700107 C5039EFE80")
        application, _ = gp.send("80F24002024F00")
        assert bytes.fromhex("4F0BA000000308000010000100") in application

    @pytest.mark.parametrize(
        ("command", "sw"),
        [
            ("80F22002024F00", NOT_FOUND),
            ("80F24002044F02DEAD", NOT_FOUND),
            ("80F28000024F00", SW.INCORRECT_P1_P2),
            ("80F20002024F00", SW.INCORRECT_P1_P2),
            ("80F28002", WRONG_DATA),
        ],
    )
    def test_bad_ones(self, command: str, sw: int, gp: GpHost) -> None:
        gp.open()
        assert gp.send(command)[1] == sw

    def test_the_life_cycle_is_durable_and_goes_one_way(self, blank_path: Path) -> None:
        with CardFile.open(blank_path) as file:
            gp = GpHost(SimulatedCard(file))
            gp.card.power_on()
            gp.select()
            gp.open()
            assert gp.send("80F0800F")[1] == OK
            assert gp.send("80F08007")[1] == SW.CONDITIONS_OF_USE_NOT_SATISFIED
            assert gp.send("80F08042")[1] == WRONG_DATA
            assert gp.send("80F0400F")[1] == SW.INCORRECT_P1_P2
        with CardFile.open(blank_path) as file:
            assert file.state.life_cycle is LifeCycle.SECURED

    def test_a_locked_card_has_its_security_domain_alone(self, gp: GpHost) -> None:
        gp.open()
        assert [gp.send(f"80F080{state}")[1] for state in ("0F", "7F")] == [OK, OK]
        gp.card.reset()
        assert gp.sw("00CB3FFF035C017E00") != OK
        assert gp.sw("00A4040005A000000308") == SW.FUNCTION_NOT_SUPPORTED
        answer, sw = gp.raw("00A4040008A000000151000000")
        assert (answer[:1], sw) == (b"\x6f", SW.CARD_LOCKED)
        gp.open()
        assert gp.send("80F0800F")[1] == OK
        assert gp.sw("00A4040005A000000308") == OK

    def test_a_terminated_card_only_tells_what_it_was(self, gp: GpHost) -> None:
        gp.open()
        assert gp.send("80F080FF")[1] == OK
        gp.card.reset()
        gp.select()
        assert gp.sw("80CA9F7F00") == OK
        assert gp.initialize()[1] == SW.CONDITIONS_OF_USE_NOT_SATISFIED
        assert gp.sw("00A4040005A000000308") == SW.FUNCTION_NOT_SUPPORTED
