"""The citizen's page in a real browser: both languages, on a narrow telephone, under its strict policy."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from simulators.installation.server import running
from tests.browser.chromium import launched
from tests.unit.verifier.receipts.world import World
from verifier.authentication.status import CertificateStatus

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
WIDTHS = (360, 1280)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World.in_folder(tmp_path, name="سامانه‌ی درگاه ملی خدمات")
    yield made
    made.close()


@pytest.fixture
def code(world: World) -> str:
    """Of a refused attempt: made before the browser, whose event loop is this thread's."""
    world.status = CertificateStatus.REVOKED
    found: str = world.log_in()["code"]
    return found


@pytest.fixture
def page(code: str) -> Iterator[Page]:  # noqa: ARG001 - the order counts
    with launched() as browser:
        opened = browser.new_page(viewport={"width": WIDTHS[0], "height": 900})
        errors: list[str] = []
        opened.on(
            "console", lambda said: errors.append(said.text) if "Content Security" in said.text else None
        )
        yield opened
        assert errors == []


def test_the_page_on_a_telephone(world: World, code: str, page: Page, tmp_path: Path) -> None:
    with running(world.app) as server:
        page.goto(f"{server}/verifier/receipts")
        page.locator("#code").fill(f"{code[:5]}-{code[5:]}".lower())
        page.locator("button").click()
        expect(page.locator("h1")).to_have_text("گواهی باطل شده است")
        expect(page.locator("h2")).to_have_text("The certificate is revoked")
        expect(page.locator("li.failed")).to_have_count(2)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            room, needed = page.evaluate(
                "[document.documentElement.clientWidth, document.documentElement.scrollWidth]"
            )
            assert needed <= room
            page.screenshot(path=tmp_path / f"receipt-{width}.png", full_page=True)
        # The style came through the policy, and Persian runs from the right.
        assert page.evaluate("getComputedStyle(document.querySelector('section')).backgroundColor") == (
            "rgb(255, 255, 255)"
        )
        sides = "getComputedStyle(document.querySelector('{}')).direction"
        assert page.evaluate(sides.format("h1")) == "rtl"
        assert page.evaluate(sides.format("h2")) == "ltr"
