"""Readers with a PIN pad, and without contacts, over both stacks."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA256

from cardio.errors import ApduError, InvalidPinError, PinRequiredError
from cardio.piv.session import PivSession
from cardio.piv.slots import Algorithm, Slot
from simulators.card.blank import create_blank
from simulators.card.card import CONTACTLESS_ATR, SimulatedCard
from simulators.card.file import CardFile
from simulators.card.piv.access import Interface
from simulators.readers.padreader import PadReaderCard
from simulators.readers.pinpad import PinPad, Prompt
from tests.contract.conftest import Bench
from tests.contract.media import PIN, PUK, TRANSPORT_PIN

KEY = os.urandom(32)


@pytest.fixture
def file(tmp_path: Path) -> Iterator[CardFile]:
    path = tmp_path / "kinds.json"
    create_blank(path, 30_777_666, TRANSPORT_PIN, PUK, KEY)
    with CardFile.open(path) as file:
        yield file


def test_the_pin_is_typed_at_the_pad(bench: Bench) -> None:
    keys = {
        Prompt.CURRENT_PIN: TRANSPORT_PIN,
        Prompt.NEW_PIN: PIN,
        Prompt.NEW_PIN_AGAIN: PIN,
        Prompt.PIN: PIN,
    }
    pad = PinPad(lambda prompt: keys[prompt])
    bench.put_in(PadReaderCard(bench.card, lambda: pad))
    session = bench.session()
    found = session.pin_pad()
    assert found is not None
    session.change_pin_at(found)
    session.enter_pin(None)
    assert session.pin_status().verified
    keys[Prompt.PIN] = "000000"
    with pytest.raises(InvalidPinError):
        session.enter_pin(None)


def test_no_pad_is_found_where_there_is_none(bench: Bench) -> None:
    assert bench.session().pin_pad() is None


def test_without_contacts_only_9e_signs(bench: Bench, file: CardFile) -> None:
    bench.put_in(SimulatedCard(file))
    issuer = bench.session()
    issuer.change_pin(TRANSPORT_PIN, PIN)
    issuer.authenticate_management(KEY)
    keys = {slot: issuer.generate_key(slot, Algorithm.ECC_P256) for slot in Slot}
    issuer.channel.connection.close()
    bench.put_in(SimulatedCard(file, interface=Interface.CONTACTLESS))
    connection = bench.connect()
    assert connection.atr == CONTACTLESS_ATR
    session = PivSession(connection)
    session.sign(Slot.CARD_AUTHENTICATION, keys[Slot.CARD_AUTHENTICATION], b"message", SHA256())
    for slot in set(Slot) - {Slot.CARD_AUTHENTICATION}:
        with pytest.raises(PinRequiredError):
            session.sign(slot, keys[slot], b"message", SHA256())
    with pytest.raises(ApduError):
        session.verify_pin(PIN)
