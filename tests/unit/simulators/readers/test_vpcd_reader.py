"""The vpcd client against a stand-in for vpcd, and the lock of a slot."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from cardio.transport import pcsc
from cardio.transport.base import NoCardError
from simulators.readers.errors import CardNotSeenError, SlotBusyError, SlotUnavailableError
from simulators.readers.slotlock import SlotLock
from simulators.readers.vpcd import LOOPBACK, SLOTS, VirtualReader
from tests.unit.simulators.readers.fakes import ATR, DEADLY, EchoCard

LONG_WAIT_S = 60.0


def frame(body: bytes) -> bytes:
    return len(body).to_bytes(2, "big") + body


class Vpcd:
    """The driver's side of one slot."""

    def __init__(self) -> None:
        self.listener = socket.create_server((LOOPBACK, 0))
        self.port: int = self.listener.getsockname()[1]
        self.peers: list[socket.socket] = []

    def accept(self) -> socket.socket:
        peer, _ = self.listener.accept()
        peer.settimeout(LONG_WAIT_S)
        self.peers.append(peer)
        return peer

    def close(self) -> None:
        for peer in self.peers:
            peer.close()
        self.listener.close()


@pytest.fixture
def vpcd() -> Iterator[Vpcd]:
    server = Vpcd()
    yield server
    server.close()


@contextmanager
def inserted(vpcd: Vpcd, card: EchoCard) -> Iterator[tuple[VirtualReader, socket.socket]]:
    with VirtualReader(card, vpcd.port, slot_wait_s=0) as reader:
        reader.insert()
        yield reader, vpcd.accept()


def receive(peer: socket.socket) -> bytes:
    with peer.makefile("rb") as stream:
        return stream.read(int.from_bytes(stream.read(2), "big"))


def test_controls_and_commands(vpcd: Vpcd) -> None:
    card = EchoCard()
    with inserted(vpcd, card) as (_, peer):
        peer.sendall(frame(b"\x01") + frame(b"\x02") + frame(b"\x04"))
        assert receive(peer) == ATR
        peer.sendall(frame(b"\x00\xcb\x3f\xff"))
        assert receive(peer) == b"\x00\xcb\x3f\xff\x90\x00"
        peer.sendall(frame(b"\x00") + frame(b"\x09") + frame(b"\x04"))
        assert receive(peer) == ATR
        assert card.events == ["on", "reset", "off"]


def test_frames_may_come_in_pieces(vpcd: Vpcd) -> None:
    command = bytes(range(256)) * 200
    with inserted(vpcd, EchoCard()) as (_, peer):
        for piece in (frame(command)[:1], frame(command)[1:2], frame(command)[2:700], frame(command)[700:]):
            peer.sendall(piece)
        assert receive(peer) == command + b"\x90\x00"


def test_an_empty_frame_is_an_empty_command(vpcd: Vpcd) -> None:
    with inserted(vpcd, EchoCard()) as (_, peer):
        peer.sendall(frame(b""))
        assert receive(peer) == b"\x90\x00"


@pytest.mark.parametrize("last", [b"", b"\x00", frame(b"abcdef")[:5]])
def test_the_card_loses_power_when_the_driver_hangs_up(vpcd: Vpcd, last: bytes) -> None:
    card = EchoCard()
    with inserted(vpcd, card) as (reader, peer):
        peer.sendall(last)
        peer.close()
        assert reader.wait_ended(LONG_WAIT_S)
    assert card.events == ["off"]


def test_a_power_cut_hangs_up_without_an_answer(vpcd: Vpcd) -> None:
    with inserted(vpcd, EchoCard()) as (reader, peer):
        peer.sendall(frame(DEADLY))
        assert peer.recv(1) == b""
        assert reader.wait_ended(LONG_WAIT_S)


def test_removal_hangs_up_and_frees_the_slot(vpcd: Vpcd) -> None:
    card = EchoCard()
    with inserted(vpcd, card) as (reader, peer):
        with pytest.raises(SlotBusyError):
            VirtualReader(EchoCard(), vpcd.port, slot_wait_s=0).insert()
        reader.remove()
        assert peer.recv(1) == b""
        reader.remove()
    with inserted(vpcd, card):
        pass


def test_a_slot_that_nobody_listens_on() -> None:
    with socket.create_server((LOOPBACK, 0)) as probe:
        port = probe.getsockname()[1]
    reader = VirtualReader(EchoCard(), port, slot_wait_s=0)
    for _ in range(2):  # the refusal lets the slot go
        with pytest.raises(SlotUnavailableError, match="pcscd") as refusal:
            reader.insert()
        assert refusal.value.port == port


def test_a_card_that_pcscd_does_not_see(vpcd: Vpcd, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(name: str, _timeout_s: float) -> None:
        raise NoCardError(name, "no card in the reader")

    monkeypatch.setattr(pcsc, "wait_for_card", nothing)
    with inserted(vpcd, EchoCard()) as (reader, _), pytest.raises(CardNotSeenError):
        reader.wait_inserted(0)


def test_debian_s_two_slots_have_their_full_names() -> None:
    assert [VirtualReader(EchoCard(), port).name for port in SLOTS] == [
        "Virtual PCD 00 00",
        "Virtual PCD 00 01",
    ]


class TestSlotLock:
    def test_a_taken_slot_is_busy_until_released(self, vpcd: Vpcd) -> None:
        with SlotLock(LOOPBACK, vpcd.port) as first:
            first.acquire(0)
            with SlotLock(LOOPBACK, vpcd.port) as second, pytest.raises(SlotBusyError) as refusal:
                second.acquire(0.1)
            assert refusal.value.port == vpcd.port
            with SlotLock(LOOPBACK, vpcd.port + 1) as neighbour:
                neighbour.acquire(0)
        with SlotLock(LOOPBACK, vpcd.port) as third:
            third.acquire(0)

    def test_another_process_holds_it_until_it_ends(self, vpcd: Vpcd) -> None:
        program = (
            "import sys\n"
            "from simulators.readers.slotlock import SlotLock\n"
            "lock = SlotLock(sys.argv[1], int(sys.argv[2]))\n"
            "lock.acquire(0)\nprint('held', flush=True)\nsys.stdin.read()\n"
        )
        command = [sys.executable, "-c", program, LOOPBACK, str(vpcd.port)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            with SlotLock(LOOPBACK, vpcd.port) as lock:
                with pytest.raises(SlotBusyError):
                    lock.acquire(0)
                holder.kill()
                lock.acquire(LONG_WAIT_S)
