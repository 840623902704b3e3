"""A card that another program holds for itself alone, over the real pcscd."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from smartcard import scard

from cardio.transport import pcsc
from cardio.transport.base import ReaderBusyError
from simulators.card.blank import blank_state
from simulators.card.card import SimulatedCard
from simulators.card.store import VolatileStore
from simulators.readers.pcscd import pcscd_service
from simulators.readers.vpcd import insert

pytestmark = [pytest.mark.pcscd, pytest.mark.xdist_group("pcscd")]

PORT = 35964
WAIT_S = 300
GET_SERIAL = bytes.fromhex("00F8000000")
SHARING_VIOLATION = 0x8010000B


@pytest.fixture
def reader() -> Iterator[str]:
    """A reader with a card in it."""
    card = SimulatedCard(VolatileStore(blank_state(1, "73105284", "90417263", bytes(range(32)))))
    with pcscd_service(), insert(card, PORT, slot_wait_s=WAIT_S) as inserted:
        yield inserted.name


@contextmanager
def held_exclusively(reader: str) -> Iterator[int]:
    """Asks the service for the card exclusively, as another of its clients; yields the result code."""
    result, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM)
    assert result == scard.SCARD_S_SUCCESS
    try:
        result, handle, _ = scard.SCardConnect(
            context, reader, scard.SCARD_SHARE_EXCLUSIVE, scard.SCARD_PROTOCOL_ANY
        )
        yield result & 0xFFFF_FFFF
        if result == scard.SCARD_S_SUCCESS:
            scard.SCardDisconnect(handle, scard.SCARD_RESET_CARD)
    finally:
        scard.SCardReleaseContext(context)


def test_trap_12_an_exclusive_holder_keeps_us_out_until_it_lets_go(reader: str) -> None:
    with held_exclusively(reader) as result:
        assert result == scard.SCARD_S_SUCCESS
        for _ in range(2):
            with pytest.raises(ReaderBusyError) as caught:
                pcsc.connect(reader)
            assert caught.value.reader == reader
    with pcsc.connect(reader) as connection:
        assert connection.transmit(GET_SERIAL) == bytes.fromhex("000000019000")


def test_trap_12_nobody_gets_a_card_exclusively_that_we_are_connected_to(reader: str) -> None:
    with pcsc.connect(reader) as connection:
        with held_exclusively(reader) as result:
            assert result == SHARING_VIOLATION
        assert connection.transmit(GET_SERIAL) == bytes.fromhex("000000019000")
