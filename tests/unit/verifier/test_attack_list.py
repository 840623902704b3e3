"""docs/attacks.md: every attack that it names has a test that exists, and is named once."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LINES = re.findall(r"^\| (.+) \| `(.+)::(.+)` \|$", (ROOT / "docs/attacks.md").read_text(), re.MULTILINE)


@cache
def named_in(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_the_page_has_its_lines() -> None:
    rows = [line for line in (ROOT / "docs/attacks.md").read_text().splitlines() if line.startswith("| ")]
    headings = [row for row in rows if row == "| attack | test |"]
    assert len(LINES) == len(rows) - len(headings) >= 140
    assert len({attack for attack, *_ in LINES}) == len(LINES)


@pytest.mark.parametrize(("path", "name"), [line[1:] for line in LINES], ids=[line[0] for line in LINES])
def test_attack_has_its_test(path: str, name: str) -> None:
    assert name.startswith("test_")
    assert name in named_in(path)
