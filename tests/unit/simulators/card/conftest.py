from collections.abc import Iterator
from pathlib import Path

import pytest

from simulators.card.card import SimulatedCard
from simulators.card.file import CardFile
from tests.unit.simulators.card.host import PIN, Host, new_blank


@pytest.fixture
def card_path(tmp_path: Path) -> Path:
    return new_blank(tmp_path / "card.json")


@pytest.fixture
def blank(card_path: Path) -> Iterator[Host]:
    """A blank, powered: transport PIN, no key, no object."""
    with CardFile.open(card_path) as file:
        card = SimulatedCard(file)
        card.power_on()
        yield Host(card)


@pytest.fixture
def host(blank: Host) -> Host:
    """A delivered card, freshly reset: the holder's own PIN (same digits), P-384 in 9C, P-256 elsewhere."""
    blank.authenticate_issuer()
    for slot, algorithm in ((0x9A, 0x11), (0x9C, 0x14), (0x9D, 0x11), (0x9E, 0x11)):
        blank.generate(slot, algorithm)
    blank.reset()
    blank.change_pin(PIN, PIN)
    blank.reset()
    return blank
