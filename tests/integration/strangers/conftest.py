from collections.abc import Iterator
from pathlib import Path

import pytest

from simulators.card.card import SimulatedCard
from simulators.card.file import CardFile
from simulators.readers.pcscd import pcscd_service
from simulators.readers.vpcd import insert
from tests.integration.strangers import clients
from tests.integration.strangers.toycard import ToyCard, make

SLOT_WAIT_S = 300.0  # other test runs of this machine may have a card in


@pytest.fixture(scope="module")
def toy_card(tmp_path_factory: pytest.TempPathFactory) -> ToyCard:
    return make(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="module")
def _occupied_reader(toy_card: ToyCard) -> Iterator[str]:
    with (
        CardFile.open(toy_card.path) as file,
        pcscd_service(),
        insert(SimulatedCard(file), slot_wait_s=SLOT_WAIT_S) as slot,
    ):
        yield slot.name


@pytest.fixture
def reader(_occupied_reader: str) -> str:
    """The full name of the reader that holds the toy card, freshly reset."""
    clients.reset(_occupied_reader)
    return _occupied_reader


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a client's files go."""
    return tmp_path
