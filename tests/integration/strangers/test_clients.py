"""Strangers' clients on simulated cards over the real pcscd. They fail, not skip, when a client is absent."""

from pathlib import Path

import pytest

from tests.integration.strangers import page
from tests.integration.strangers.bench import SCENARIOS, Scenario, apdus
from tests.integration.strangers.toycard import make


@pytest.mark.pcscd
@pytest.mark.xdist_group("pcscd")
@pytest.mark.parametrize("wanted", SCENARIOS, ids=lambda wanted: wanted.name)
def test_the_client_works_as_the_page_says(wanted: Scenario, tmp_path: Path) -> None:
    commands = apdus(wanted, make(tmp_path, wanted.card), tmp_path)
    assert wanted.client.version()
    documented = page.rows(page.PAGE.read_text("utf-8")).get(page.key(wanted))
    assert documented is not None, f"not on the page; run: {page.COMMAND}"
    assert page.is_near(commands, documented), (
        f"{documented} APDUs on the page, {commands} now; run: {page.COMMAND}"
    )


def test_the_page_says_nothing_that_no_test_shows() -> None:
    said = page.rows(page.PAGE.read_text("utf-8"))
    assert set(said) == {page.key(wanted) for wanted in SCENARIOS}, f"run: {page.COMMAND}"


def test_no_two_scenarios_share_a_name_or_a_row() -> None:
    assert len({wanted.name for wanted in SCENARIOS}) == len(SCENARIOS)
    assert len({page.key(wanted) for wanted in SCENARIOS}) == len(SCENARIOS)


def test_only_the_table_changes() -> None:
    assert page.update(f"a {page.BEGIN}old{page.END} z", []).endswith(f"{page.END} z")
    with pytest.raises(ValueError, match="markers"):
        page.update("no markers", [])


@pytest.mark.parametrize(
    ("now", "then", "near"), [(10, 10, True), (14, 10, True), (15, 10, False), (111, 100, False)]
)
def test_a_few_more_commands_are_no_difference(now: int, then: int, near: bool) -> None:
    assert page.is_near(now, then) is near
