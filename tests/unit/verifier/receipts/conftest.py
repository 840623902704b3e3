"""A verifier for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.verifier.receipts.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World.in_folder(tmp_path)
    yield made
    made.close()
