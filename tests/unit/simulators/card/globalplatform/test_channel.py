"""Opening a secure channel, what goes through it, and everything that ends it."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulators.card.card import SimulatedCard
from simulators.card.errors import PowerCutError
from simulators.card.file import CardFile
from simulators.card.globalplatform.keyset import KeySet
from simulators.card.globalplatform.scp03 import Level
from simulators.card.iso7816 import SW
from simulators.card.piv.access import Interface
from tests.unit.simulators.card.globalplatform.conftest import FACTORY, GpHost
from tests.unit.simulators.card.host import OK, PIN, SERIAL, pad

DENIED = SW.SECURITY_STATUS_NOT_SATISFIED
GET_STATUS = "80F28002024F00"
WRONG_KEYS = KeySet(bytes(32), bytes(32), bytes(32))


def test_initialize_update_tells_serial_version_protocol_and_counter(gp: GpHost) -> None:
    answer, sw = gp.initialize()
    assert sw == OK
    assert int.from_bytes(answer[:10], "big") == SERIAL
    assert answer[10:13] == bytes((FACTORY, 0x03, 0x70))
    assert (len(answer), answer[29:]) == (32, bytes((0, 0, 1)))


def test_the_counter_moves_on_and_no_challenge_comes_twice(gp: GpHost) -> None:
    answers = [gp.initialize()[0] for _ in range(5)]
    assert [answer[29:] for answer in answers] == [bytes((0, 0, n)) for n in range(1, 6)]
    assert len({answer[13:21] for answer in answers}) == 5


def test_trap_8_the_counter_is_durable_before_the_answer(blank_path: Path) -> None:
    with CardFile.open(blank_path) as file:
        torn = SimulatedCard(file, power_cut_after_writes=1)
        torn.power_on()
        with pytest.raises(PowerCutError):
            GpHost(torn).initialize()
        assert file.state.isd.key_sets[FACTORY].sequence_counter == 1


@pytest.mark.parametrize("level", [0x00, 0x01, 0x03, 0x11, 0x13, 0x33])
def test_every_level_opens(level: int, gp: GpHost) -> None:
    assert gp.open(level=level) == OK
    expected = DENIED if level == 0 else OK
    answer, sw = gp.raw(GET_STATUS) if level == 0 else gp.send(GET_STATUS)
    assert sw == expected
    if sw == OK:
        assert answer.startswith(bytes.fromhex("E3"))


@pytest.mark.parametrize("level", [0x02, 0x10, 0x20, 0x30, 0x31, 0x80, 0xFF])
def test_other_levels_are_refused(level: int, gp: GpHost) -> None:
    assert gp.open(level=level) == SW.INCORRECT_P1_P2
    assert gp.sw(gp.wrap(bytes.fromhex(GET_STATUS))) == DENIED


def test_a_channel_opens_while_piv_is_selected_and_carries_its_commands(gp: GpHost) -> None:
    gp.sw("00A4040005A000000308")
    assert gp.open() == OK
    answer, sw = gp.send("00CB3FFF035C017E")
    assert (sw, answer[:1]) == (OK, b"\x7e")


def test_a_chain_goes_through_the_channel_each_part_by_itself(gp: GpHost) -> None:
    gp.sw("00A4040005A000000308")
    assert gp.open() == OK
    assert gp.send("10DB3FFF055C035FC102")[1] == OK
    assert gp.send("00DB3FFF0253 00".replace(" ", ""))[1] == DENIED  # of PIV: no issuer authenticated


def test_a_warning_bears_an_r_mac_and_an_error_none(gp: GpHost) -> None:
    gp.sw("00A4040005A000000308")
    assert gp.open(level=0x11) == OK
    assert gp.send("00200080") == (b"", 0x63C3)
    assert gp.send("00CB3FFF055C035FC102") == (b"", SW.FILE_OR_APPLICATION_NOT_FOUND)
    assert gp.send("00CB3FFF035C017E")[1] == OK


class TestWhatEndsIt:
    def test_a_flipped_bit_anywhere_in_a_command(self, blank_path: Path) -> None:
        with CardFile.open(blank_path) as file:
            gp = GpHost(SimulatedCard(file))
            gp.card.power_on()
            length = 5 + 16 + 8
            for position in [0, 1, 2, 3, *range(5, length)]:
                gp.select()
                assert gp.open() == OK
                intact = gp.wrap(bytes.fromhex(GET_STATUS))
                flipped = bytearray(intact)
                flipped[position] ^= 0x80 if position == 0 else 0x01
                assert gp.sw(bytes(flipped)) == DENIED, position
                assert gp.sw(intact) == DENIED, (
                    position
                )  # its C-MAC is the next one that a channel would take

    def test_a_replayed_command(self, gp: GpHost) -> None:
        gp.open()
        wrapped = gp.wrap(bytes.fromhex(GET_STATUS))
        assert gp.sw(wrapped) == OK
        assert gp.sw(wrapped) == DENIED

    def test_a_plain_command(self, gp: GpHost) -> None:
        gp.open()
        assert gp.sw(GET_STATUS) == DENIED
        assert gp.sw(gp.wrap(bytes.fromhex(GET_STATUS))) == DENIED

    @pytest.mark.parametrize("aid", ["A000000151000000", "A000000308"])
    def test_trap_15_a_select(self, aid: str, gp: GpHost) -> None:
        gp.open()
        assert gp.sw(bytes.fromhex("00A40400") + bytes((len(aid) // 2,)) + bytes.fromhex(aid)) == OK
        assert gp.sw(gp.wrap(bytes.fromhex(GET_STATUS))) == DENIED

    def test_a_select_that_finds_nothing_does_not(self, gp: GpHost) -> None:
        gp.open()
        assert gp.sw("00A4040007A0000002471001") == SW.FILE_OR_APPLICATION_NOT_FOUND
        assert gp.send(GET_STATUS)[1] == OK

    def test_a_reset(self, gp: GpHost) -> None:
        gp.open()
        gp.card.reset()
        gp.select()
        assert gp.sw(gp.wrap(bytes.fromhex(GET_STATUS))) == DENIED

    def test_another_initialize_update(self, gp: GpHost) -> None:
        gp.open()
        assert gp.initialize()[1] == OK
        assert gp.sw(gp.wrap(bytes.fromhex(GET_STATUS))) == DENIED

    def test_a_padding_that_is_none(self, gp: GpHost) -> None:
        gp.open(level=0x01)
        gp.level = 0x01
        gp.card._runtime._initiation.channel.secure.open(Level(0x03))  # type: ignore[union-attr]
        header = bytes.fromhex("84F28002")
        assert gp.sw(gp.with_mac(header, bytes(16))) == DENIED
        assert gp.sw(gp.with_mac(header, bytes(15))) == DENIED


class TestWrongHosts:
    def test_external_authenticate_without_initialize_update(self, gp: GpHost) -> None:
        assert gp.sw("8482000010" + "00" * 16) == SW.CONDITIONS_OF_USE_NOT_SATISFIED

    def test_it_serves_one_try_only(self, gp: GpHost) -> None:
        cryptogram = gp.begin()
        assert gp.authenticate(bytes(8), 0x33) == SW.AUTHENTICATION_FAILED
        assert gp.authenticate(cryptogram, 0x33) == SW.CONDITIONS_OF_USE_NOT_SATISFIED

    def test_the_right_cryptogram_under_a_wrong_c_mac(self, gp: GpHost) -> None:
        cryptogram = gp.begin()
        assert gp.sw(bytes.fromhex("8482330010") + cryptogram + bytes(8)) == DENIED

    def test_wrong_keys_are_counted_and_block_the_set(self, gp: GpHost) -> None:
        for _ in range(10):
            assert gp.open(WRONG_KEYS) == DENIED
        assert gp.initialize()[1] == SW.AUTHENTICATION_METHOD_BLOCKED

    def test_success_gives_the_tries_back(self, gp: GpHost) -> None:
        for _ in range(9):
            gp.open(WRONG_KEYS)
        assert gp.open() == OK
        for _ in range(9):
            gp.open(WRONG_KEYS)
        assert gp.open() == OK

    def test_a_try_is_counted_before_the_comparison(self, blank_path: Path) -> None:
        with CardFile.open(blank_path) as file:
            torn = SimulatedCard(file, power_cut_after_writes=2)  # the counter's write, then the try's
            torn.power_on()
            with pytest.raises(PowerCutError):
                GpHost(torn).open(WRONG_KEYS)
            assert file.state.isd.key_sets[FACTORY].failures == 1

    @pytest.mark.parametrize(
        ("command", "sw"),
        [
            pytest.param("8050300008" + "00" * 8, SW.REFERENCE_DATA_NOT_FOUND, id="no such version"),
            pytest.param("8050000108" + "00" * 8, SW.INCORRECT_P1_P2, id="a key identifier"),
            pytest.param("8050000007" + "00" * 7, SW.WRONG_LENGTH, id="a short challenge"),
            pytest.param("8050000010" + "00" * 16, SW.WRONG_LENGTH, id="a challenge of S16"),
            pytest.param("8482000010" + "00" * 15, SW.WRONG_LENGTH, id="Lc that lies"),
            pytest.param("0050000008" + "00" * 8, SW.CLASS_NOT_SUPPORTED, id="the interindustry class"),
            pytest.param("9050000008" + "00" * 8, SW.COMMAND_CHAINING_NOT_SUPPORTED, id="a chain"),
            pytest.param("8082000010" + "00" * 16, SW.INSTRUCTION_NOT_SUPPORTED, id="without the class bit"),
        ],
    )
    def test_malformed_commands(self, command: str, sw: int, gp: GpHost) -> None:
        assert gp.sw(command) == sw


def test_no_channel_is_opened_without_contact(blank_path: Path) -> None:
    """Both commands write: who stands near a card could block its keys, or use its counter up."""
    with CardFile.open(blank_path) as file:
        before = file.state
        gp = GpHost(SimulatedCard(file, interface=Interface.CONTACTLESS))
        gp.card.power_on()
        gp.select()
        assert gp.initialize() == (b"", SW.CONDITIONS_OF_USE_NOT_SATISFIED)
        assert gp.sw("8482330010" + "00" * 16) == SW.CONDITIONS_OF_USE_NOT_SATISFIED
        assert file.state is before


@pytest.mark.parametrize(
    "ending",
    [
        "00CB3FFF035C017E",  # a plain command
        "84F24000 0C 4F00 0000000000000000 0000",  # a wrong C-MAC
        "8050000008 0102030405060708 00",  # INITIALIZE UPDATE, which needs no key
        "00A4040005A000000308",  # SELECT of what is selected already
    ],
)
def test_what_was_proved_through_the_channel_ends_with_it(ending: str, gp: GpHost) -> None:
    gp.sw("00A4040005A000000308")
    assert gp.sw(bytes.fromhex("0024008010") + pad(PIN) + pad("135790")) == OK
    gp.card.reset()
    assert gp.open() == OK
    assert gp.send(bytes.fromhex("0020008008") + pad("135790"))[1] == OK
    assert gp.send("00200080")[1] == OK
    gp.sw(ending.replace(" ", ""))
    gp.sw("00200080")  # a first plain command may still be refused for the channel's sake
    assert gp.sw("00200080") == 0x63C3


def test_what_was_proved_before_a_channel_stays(gp: GpHost) -> None:
    gp.sw("00A4040005A000000308")
    assert gp.sw(bytes.fromhex("0024008010") + pad(PIN) + pad("135790")) == OK
    assert gp.sw(bytes.fromhex("0020008008") + pad("135790")) == OK
    assert gp.open() == OK
    assert gp.send("00200080")[1] == OK


def test_pin_tries_are_counted_through_the_channel_too(gp: GpHost) -> None:
    gp.sw("00A4040005A000000308")
    gp.open()
    wrong = bytes.fromhex("0024008010") + pad("000000") + pad("111111")
    assert [gp.send(wrong)[1] for _ in range(3)] == [0x63C2, 0x63C1, 0x63C0]
    assert gp.send(wrong)[1] == SW.AUTHENTICATION_METHOD_BLOCKED


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
@given(
    body=st.binary(max_size=300), cla=st.sampled_from([0x80, 0x84, 0x04, 0x94, 0x14]), opened=st.booleans()
)
def test_any_bytes_end_in_a_status_word(body: bytes, cla: int, opened: bool, gp: GpHost) -> None:
    gp.card.reset()
    gp.select()
    if opened:
        gp.open()
    data, sw = gp.raw(bytes((cla,)) + body)
    assert len(data) <= 256
    assert sw == OK or sw >> 8 in {0x61, 0x62, 0x63, 0x65, 0x67, 0x68, 0x69, 0x6A, 0x6D, 0x6E, 0x6F}
