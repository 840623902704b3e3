"""A card that is given for tests: nothing is done to any other."""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from cardio.errors import ObjectNotFoundError
from cardio.piv.objects import ObjectId
from cardio.piv.session import PivSession
from cardio.transport import pcsc
from simulators.card.blank import create_blank
from simulators.card.card import SimulatedCard
from simulators.card.file import CardFile
from simulators.readers.inprocess import InProcessReader
from simulators.readers.wrapped import WrappedCard
from tests.contract.conftest import Bench
from tests.contract.media import PIN, PUK, TRANSPORT_PIN, given
from tests.givencard import GivenCard, GivenCardError

SERIAL = 30_111_333
FACTORY_PIN, FACTORY_PUK = "123456", "12345678"
KEY = os.urandom(32)
DESCRIPTION = {
    "serial": SERIAL,
    "pin": FACTORY_PIN,
    "puk": FACTORY_PUK,
    "management_key": KEY.hex(),
    "may_be_erased": True,
}


class Heard(WrappedCard):
    """A card that keeps the instructions that it was sent."""

    def __init__(self, card: SimulatedCard) -> None:
        super().__init__(card)
        self.instructions: list[int] = []

    def transmit(self, command: bytes) -> bytes:
        self.instructions.append(command[1])
        return super().transmit(command)


@pytest.fixture
def heard(tmp_path: Path) -> Iterator[Heard]:
    path = tmp_path / "given.json"
    create_blank(path, SERIAL, FACTORY_PIN, FACTORY_PUK, KEY)
    with CardFile.open(path) as file:
        yield Heard(SimulatedCard(file))


@pytest.fixture
def reader(heard: Heard) -> Iterator[str]:
    with InProcessReader(f"Given Reader {uuid4()}") as reader:
        reader.insert(heard)
        yield reader.name


def described(folder: Path, **changes: Any) -> Path:
    path = folder / "description.json"
    path.write_text(json.dumps({key: value for key, value in (DESCRIPTION | changes).items() if value != ""}))
    return path


def test_a_used_card_becomes_a_blank_again(reader: str, tmp_path: Path) -> None:
    card = GivenCard.load(described(tmp_path))
    for _ in range(2):
        card.erase_in(reader, TRANSPORT_PIN, PUK)
        with pcsc.connect(reader) as connection:
            session = PivSession(connection)
            session.change_pin(TRANSPORT_PIN, PIN)
            session.authenticate_management(KEY)
            with pytest.raises(ObjectNotFoundError):
                session.get_object(ObjectId.SECURITY_OBJECT)
            session.put_object(ObjectId.SECURITY_OBJECT, b"x")
            session.change_puk(PUK, "99887766")


def test_another_card_is_asked_its_number_and_nothing_else(heard: Heard, reader: str, tmp_path: Path) -> None:
    card = GivenCard.load(described(tmp_path, serial=SERIAL + 1))
    with pytest.raises(GivenCardError, match="only"):
        card.erase_in(reader, TRANSPORT_PIN, PUK)
    assert heard.instructions == [0xA4, 0xF8]


class TestSwaps:
    """Another card comes whenever a connection to the one before has ended."""

    @pytest.fixture
    def other(self, tmp_path: Path) -> Iterator[Heard]:
        path = tmp_path / "other.json"
        create_blank(path, SERIAL + 1, FACTORY_PIN, FACTORY_PUK, KEY)
        with CardFile.open(path) as file:
            yield Heard(SimulatedCard(file))

    @pytest.fixture
    def swapping(
        self, heard: Heard, other: Heard, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[InProcessReader]:
        connect = pcsc.connect
        with InProcessReader(f"Swapped Reader {uuid4()}") as reader:
            reader.insert(heard)

            @contextmanager
            def connect_once(name: str) -> Iterator[pcsc.PcscConnection]:
                with connect(name) as connection:
                    yield connection
                reader.insert(other)

            monkeypatch.setattr(pcsc, "connect", connect_once)
            yield reader

    def test_what_is_erased_was_asked_in_the_same_breath(
        self, heard: Heard, other: Heard, swapping: InProcessReader, tmp_path: Path
    ) -> None:
        card = GivenCard.load(described(tmp_path))
        card.erase_in(swapping.name, TRANSPORT_PIN, PUK)
        assert heard.instructions[:2] == [0xA4, 0xF8]
        with pytest.raises(GivenCardError, match="only"):
            card.erase_in(swapping.name, TRANSPORT_PIN, PUK)
        assert other.instructions == [0xA4, 0xF8]

    def test_a_card_that_comes_with_the_reset_gets_nothing(
        self, heard: Heard, other: Heard, reader: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def swap() -> bytes:
            monkeypatch.setattr(heard, "_card", other)
            return other.reset()

        monkeypatch.setattr(heard, "reset", swap)
        with pytest.raises(GivenCardError, match="only"):
            GivenCard.load(described(tmp_path)).erase_in(reader, TRANSPORT_PIN, PUK)
        assert other.instructions == [0xA4, 0xF8]

    def test_a_test_connects_to_no_other_card(
        self, other: Heard, swapping: InProcessReader, tmp_path: Path
    ) -> None:
        card = GivenCard.load(described(tmp_path))
        with given(swapping.name, card) as place, ExitStack() as stack, pytest.raises(GivenCardError):
            Bench(place, stack).issuer()
        assert other.instructions == [0xA4, 0xF8]


@pytest.mark.parametrize("cut", [slice(0, -1), slice(1, None), slice(0, 12)], ids=["end", "begin", "prefix"])
def test_a_reader_s_name_is_its_whole_name(cut: slice, heard: Heard, reader: str, tmp_path: Path) -> None:
    with pytest.raises(GivenCardError, match="exactly"):
        GivenCard.load(described(tmp_path)).erase_in(reader[cut], TRANSPORT_PIN, PUK)
    assert not heard.instructions


@pytest.mark.parametrize(
    "changes",
    [
        {"may_be_erased": False},
        {"may_be_erased": "yes"},
        {"may_be_erased": ""},
        {"serial": ""},
        {"serial": "x"},
        {"management_key": "xyz"},
        {"channel_keys": {"version": 255}},
    ],
    ids=repr,
)
def test_what_is_no_consent(changes: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(GivenCardError):
        GivenCard.load(described(tmp_path, **changes))


def test_a_description_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "none.json"
    for content in (None, "[]", "{", "null"):
        if content is not None:
            path.write_text(content)
        with pytest.raises(GivenCardError):
            GivenCard.load(path)


def test_a_card_with_another_factory_says_so(reader: str, tmp_path: Path) -> None:
    card = GivenCard.load(described(tmp_path, puk="00112233"))
    with pytest.raises(GivenCardError, match="as its file says"):
        card.erase_in(reader, TRANSPORT_PIN, PUK)
