"""No command with a PIN leaves a station in clear, whatever it is dressed up as."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardio.apdu import ApduFormatError, CommandApdu
from cardio.station.errors import RefusedCommandError
from cardio.station.pinguard import PinGuard

PIN = b"246813\xff\xff"
PIN_INSTRUCTIONS = [0x20, 0x21, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2C, 0x2D]
INITIALIZE_UPDATE = CommandApdu(0x80, 0x50, 0x30, 0, bytes(8), 256)
ENCIPHERED = CommandApdu(0x84, 0x82, 0x13, 0, bytes(16))
WRAPPED = bytes(16 + 8)


def enciphered() -> PinGuard:
    """A guard that has seen a secure channel opened."""
    guard = PinGuard()
    for command in (INITIALIZE_UPDATE, ENCIPHERED):
        guard.saw(guard.check(command.encode()), 0x9000)
    return guard


def refused(guard: PinGuard, encoded: bytes) -> None:
    with pytest.raises(RefusedCommandError) as told:
        guard.check(encoded)
    assert PIN[:6].decode() not in str(told.value)


@pytest.mark.parametrize("ins", PIN_INSTRUCTIONS, ids=hex)
def test_in_clear_in_every_class(ins: int) -> None:
    """Chained or not, on any logical channel, proprietary, or pretending to secure messaging."""
    for cla in range(0x100):
        for data in (PIN, PIN + PIN, WRAPPED, b"\x00"):
            refused(PinGuard(), CommandApdu(cla, ins, 0, 0x80, data).encode())


@pytest.mark.parametrize("ins", PIN_INSTRUCTIONS, ids=hex)
def test_in_clear_with_extended_length_and_with_le(ins: int) -> None:
    for guard in (PinGuard(), enciphered()):
        refused(guard, CommandApdu(0, ins, 0, 0x80, PIN).encode(extended=True))
        refused(guard, CommandApdu(0, ins, 0, 0x80, PIN + bytes(300)).encode())
        refused(guard, CommandApdu(0, ins, 0, 0x80, PIN, 256).encode())


@pytest.mark.parametrize("ins", PIN_INSTRUCTIONS, ids=hex)
@pytest.mark.parametrize("cla", [0x00, 0x10, 0x80, 0x01, 0x44, 0x60, 0x08, 0x0C, 0x8C, 0x05, 0xFF], ids=hex)
def test_in_clear_beside_a_secure_channel(cla: int, ins: int) -> None:
    """Only GlobalPlatform's secure messaging on the basic channel is enciphered by that channel."""
    refused(enciphered(), CommandApdu(cla, ins, 0, 0x80, WRAPPED).encode())


@pytest.mark.parametrize("length", [1, 8, 16, 23, 25, 39])
def test_what_can_be_no_enciphered_pin(length: int) -> None:
    """Whole blocks and a MAC, or it is something else under that class."""
    refused(enciphered(), CommandApdu(0x04, 0x20, 0, 0x80, bytes(length)).encode())


@pytest.mark.parametrize(
    "encoded",
    [
        pytest.param(bytes.fromhex("0020008008") + PIN + b"\x00\x00", id="bytes after it"),
        pytest.param(bytes.fromhex("00200080000008") + PIN, id="extended where short would do"),
        pytest.param(bytes.fromhex("00200080ff") + PIN, id="Lc beyond its data"),
        pytest.param(bytes.fromhex("0020008000") + PIN, id="Lc 00 before data"),
        pytest.param(bytes.fromhex("00a4040000000900a000000308000010"), id="a cut extended Lc"),
        pytest.param(b"\x00\x20\x00", id="cut short"),
        pytest.param(bytes.fromhex("00cb3fff000010"), id="Le of three bytes where one would do"),
    ],
)
def test_what_two_readers_could_read_differently(encoded: bytes) -> None:
    refused(PinGuard(), encoded)


@pytest.mark.parametrize(
    "encoded",
    [
        pytest.param(bytes.fromhex("FFC2010000"), id="the reader's features"),
        pytest.param(bytes.fromhex("FFC201060D") + bytes(13), id="VERIFY at the pad with a template"),
        pytest.param(bytes.fromhex("00C200000D0020008008") + PIN, id="ENVELOPE"),
        pytest.param(bytes.fromhex("00C300000D0020008008") + PIN, id="ENVELOPE as TLV"),
        pytest.param(bytes.fromhex("0070000001"), id="MANAGE CHANNEL"),
    ],
)
def test_ways_around_the_card(encoded: bytes) -> None:
    refused(PinGuard(), encoded)
    refused(enciphered(), encoded)


@pytest.mark.parametrize("ins", [0x20, 0x24, 0x2C], ids=hex)
@pytest.mark.parametrize("cla", [0x04, 0x84, 0x14], ids=hex)
def test_enciphered_by_the_issuer(cla: int, ins: int) -> None:
    command = CommandApdu(cla, ins, 0, 0x80, WRAPPED)
    assert enciphered().check(command.encode()) == command
    refused(PinGuard(), command.encode())


def test_what_ends_the_secure_channel() -> None:
    command = CommandApdu(0x04, 0x20, 0, 0x80, WRAPPED).encode()
    for ending in (INITIALIZE_UPDATE, CommandApdu(0, 0xA4, 4, 0, bytes(5)), ENCIPHERED):
        for sw in (0x9000, 0x6985):
            guard = enciphered()
            guard.saw(ending, sw)
            refused(guard, command)
    guard = enciphered()
    guard.reset()
    refused(guard, command)


@pytest.mark.parametrize("level", [0x00, 0x01, 0x11], ids=hex)
def test_a_channel_that_does_not_encipher(level: int) -> None:
    guard = PinGuard()
    guard.saw(INITIALIZE_UPDATE, 0x9000)
    guard.saw(CommandApdu(0x84, 0x82, level, 0, bytes(16)), 0x9000)
    refused(guard, CommandApdu(0x04, 0x20, 0, 0x80, WRAPPED).encode())


@pytest.mark.parametrize("begun", [0x6985, None])
def test_a_channel_that_the_card_did_not_open(begun: int | None) -> None:
    guard = PinGuard()
    if begun is not None:
        guard.saw(INITIALIZE_UPDATE, begun)
    guard.saw(ENCIPHERED, 0x9000)
    refused(guard, CommandApdu(0x04, 0x20, 0, 0x80, WRAPPED).encode())
    guard.saw(INITIALIZE_UPDATE, 0x9000)
    guard.saw(ENCIPHERED, 0x6300)
    refused(guard, CommandApdu(0x04, 0x20, 0, 0x80, WRAPPED).encode())


@pytest.mark.parametrize("encoded", ["00200080", "0020FF80", "00A4040005A000000308", "80CA9F7F00"])
def test_what_passes(encoded: str) -> None:
    command = bytes.fromhex(encoded)
    assert PinGuard().check(command).encode() == command


@given(st.binary(max_size=600))
def test_whatever_passes_is_a_command_and_none_with_a_pin(encoded: bytes) -> None:
    guard = PinGuard()
    try:
        command = guard.check(encoded)
    except RefusedCommandError:
        return
    assert command == CommandApdu.decode(encoded)
    assert command.ins not in PIN_INSTRUCTIONS or (command.ins == 0x20 and not command.data)


@given(st.integers(0, 255), st.integers(0, 255), st.binary(max_size=300), st.none() | st.integers(1, 65_536))
def test_nothing_but_pins_and_detours_is_refused(cla: int, ins: int, data: bytes, le: int | None) -> None:
    command = CommandApdu(cla, ins, 0, 0x80, data, le)
    expected = cla == 0xFF or ins in {0xC2, 0xC3, 0x70}
    expected = expected or (ins in PIN_INSTRUCTIONS and not (ins == 0x20 and not data))
    try:
        PinGuard().check(command.encode())
    except RefusedCommandError:
        assert expected
    except ApduFormatError:
        pytest.fail("no error of this kind leaves the guard")
    else:
        assert not expected
