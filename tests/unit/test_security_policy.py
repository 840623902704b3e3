"""SECURITY.md says where each rule is kept: those places exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLACES = re.findall(r"`([a-z]+/[\w/.]*)`", (ROOT / "SECURITY.md").read_text())


@pytest.mark.parametrize("place", sorted(set(PLACES)))
def test_what_the_policy_names_exists(place: str) -> None:
    assert (ROOT / place).exists()
