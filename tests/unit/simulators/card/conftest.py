from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from simulators.card.card import SimulatedCard
from simulators.card.file import CardFile
from simulators.card.lifecycle import LifeCycle
from tests.unit.simulators.card.host import PIN, Host, new_blank


@pytest.fixture
def card_path(tmp_path: Path) -> Path:
    return new_blank(tmp_path / "card.json")


@pytest.fixture
def card_file(card_path: Path) -> Iterator[CardFile]:
    """The blank's file, open."""
    with CardFile.open(card_path) as file:
        yield file


@pytest.fixture
def blank(card_file: CardFile) -> Host:
    """A blank, powered: transport PIN, no key but F9, no object but its certificate."""
    card = SimulatedCard(card_file)
    card.power_on()
    return Host(card)


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


@pytest.fixture
def issued(host: Host, card_file: CardFile) -> Host:
    """The delivered card after the issuer closed personalisation."""
    card_file.commit(replace(card_file.state, life_cycle=LifeCycle.SECURED))
    return host
