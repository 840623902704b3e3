"""The page on the PKI is made from the profiles, and up to date."""

from pathlib import Path

import pytest

from pki.lint.rules import MODULES
from pki.profiles import Profile
from pki.profiles.definitions import DEFINITIONS
from pki.profiles.tables import BEGIN, END, main, render, update

PAGE = Path(__file__).parents[4] / "docs" / "pki.md"


def test_the_page_is_up_to_date() -> None:
    text = PAGE.read_text("utf-8")
    assert update(text) == text, "run: python -m pki.profiles.tables docs/pki.md"


def test_every_profile_and_rule_stands_in_the_tables() -> None:
    tables = render()
    assert all(f"### {definition.title}\n" in tables for definition in DEFINITIONS.values())
    assert all(f"| `{module.RULE}` |" in tables for module in MODULES)
    assert all(f"| {profile.value} |" in tables for profile in Profile)


def test_only_what_stands_between_the_markers_changes(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before {BEGIN} old {END} after | é", "utf-8")
    assert main([str(page)]) == 0
    text = page.read_text("utf-8")
    assert text.startswith(f"before {BEGIN}\n")
    assert text.endswith(f"\n{END} after | é")
    assert " old " not in text


@pytest.mark.parametrize("text", ["", BEGIN, END, f"{END}{BEGIN}"])
def test_a_page_without_markers_is_left_alone(tmp_path: Path, text: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(text, "utf-8")
    with pytest.raises(ValueError, match="markers"):
        main([str(page)])
    assert page.read_text("utf-8") == text


def test_usage() -> None:
    said: list[str] = []
    assert main([], said.append) == 2
    assert said
