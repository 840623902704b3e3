"""The citizen's button in a real browser, and their own record on a telephone. The extension is played."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from issuance.lookups.models import What
from tests.browser.test_operator_sign_in import EXTENSION
from tests.integration.issuance.test_citizens_own_view import Hall, open_hall

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.fixture
def hall(tmp_path: Path) -> Iterator[Hall]:
    with open_hall(tmp_path) as opened:
        yield opened


@pytest.mark.parametrize("language", ["fa", "en"])
def test_who_looked_at_me(hall: Hall, browser: Browser, language: str) -> None:
    for what in (What.LIST, What.APPLICATION, What.PORTRAIT):
        hall.look(0, what)
    card = hall.card(0)
    origin = hall.api.post("/citizen-sessions/card-challenges").json()["origin"]
    context = browser.new_context(viewport={"width": 390, "height": 800})
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.expose_function("cardAnswers", lambda nonce: card.token(nonce, origin))
    page.add_init_script(EXTENSION)
    address = str(hall.api.base_url).removesuffix("/v1/")
    page.goto(f"{address}/language/{language}?back=/issuance/my-record/login")
    page.goto(f"{address}/my-record/login")
    page.locator("#use-card").click()
    page.wait_for_url(f"{address}/my-record")
    looks = page.locator("table").last.locator("tbody tr")
    expect(looks).to_have_count(1)  # one visit, whatever the number of requests
    expect(looks.first.locator("td").last).to_contain_text(" · ")
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0
    assert errors == []
    context.close()
