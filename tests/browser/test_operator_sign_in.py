"""The card's button in a real browser: signing in, and a proof before a decision. The extension is played."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from issuance.enrolment.repository import get_application
from issuance.operators.models import OperatorSession
from tests.integration.issuance.office import CLERK, new_application
from tests.integration.issuance.test_operator_cards import House, open_house

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

EXTENSION = """
window.addEventListener("message", async (event) => {
  if (event.data.action !== "web-eid:authenticate") return;
  window.postMessage({ action: "web-eid:authenticate-ack" }, location.origin);
  const token = await window.cardAnswers(event.data.challengeNonce);
  window.postMessage({ action: "web-eid:authenticate-success", ...token }, location.origin);
});
"""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as opened:
        yield opened


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("console", lambda said: errors.append(said.text) if "Content Security" in said.text else None)
    yield opened
    context.close()
    assert errors == []


def test_signing_in_and_deciding_with_a_card(house: House, page: Page) -> None:
    card, origin = house.card("supervisor-1"), house.origin_of_cards
    registry = house.installation.issuance
    application = registry.enrolment.open(CLERK, new_application(house.installation.people.person(0)))
    registry.enrolment.submit(CLERK, application)
    page.expose_function("cardAnswers", lambda nonce: card.token(nonce, origin))
    page.add_init_script(EXTENSION)
    address = str(house.api.base_url).removesuffix("/v1/")
    page.goto(f"{address}/language/en")
    page.locator("#use-card").click()
    expect(page.locator("h1")).to_have_text("Applications")
    page.goto(f"{address}/applications/{application}")
    with registry.database.writing() as session:
        session.scalars(select(OperatorSession)).one().proved_at = datetime(2026, 1, 1, tzinfo=UTC)
    page.locator(f"form[action$='/{application}/approval'] button").click()
    expect(page.locator("h1")).to_have_text("Prove once more who you are")
    page.locator("#use-card").click()
    expect(page.locator(f"form[action$='/{application}/approval']")).to_have_count(0)
    expect(page).to_have_url(f"{address}/applications/{application}")
    with registry.database.reading() as session:
        assert get_application(session, application).state == "approved"


def test_a_browser_without_the_extension_at_an_http_address_says_what_is_missing(
    house: House, page: Page
) -> None:
    address = str(house.api.base_url).removesuffix("/v1/")
    page.goto(f"{address}/language/en")
    page.locator("#use-card").click()
    expect(page.locator("#card-message")).to_have_text("Cards work at https addresses alone.")
