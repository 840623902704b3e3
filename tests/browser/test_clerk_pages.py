"""The clerks' pages in a real browser, in both languages: sign in, list, approve, produce live, deliver."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect
from starlette.applications import Starlette
from starlette.routing import Mount

from issuance.app import create_app
from issuance.production.steps import Step
from issuance.registry.text import persian_digits
from simulators.installation.server import running
from simulators.population.portrait import draw_portrait
from tests.integration.issuance.office import CLERK, Office, new_application, open_office

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

WIDTHS = (390, 1280)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with open_office(tmp_path) as opened:
        yield opened


@pytest.fixture
def address(office: Office) -> Iterator[str]:
    with running(Starlette(routes=[Mount("/issuance", create_app(office.registry))])) as server:
        yield f"{server}/issuance"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("console", lambda said: errors.append(said.text) if "Content Security" in said.text else None)
    yield opened
    context.close()
    assert errors == []


def sign_in(page: Page, address: str, office: Office, username: str, language: str) -> None:
    page.goto(f"{address}/language/{language}")
    page.locator("#username").fill(username)
    passwords = json.loads((office.home.secrets / "operators.json").read_text())
    page.locator("#password").fill(passwords[username])
    page.locator("#password").press("Enter")
    expect(page.locator("h1")).to_have_text({"fa": "درخواست‌ها", "en": "Applications"}[language])


def holds_together(page: Page, language: str) -> None:
    """The page's direction is the language's, its styles came, and nothing sticks out sideways."""
    assert page.locator("html").get_attribute("dir") == {"fa": "rtl", "en": "ltr"}[language]
    assert "Vazirmatn" in page.evaluate("getComputedStyle(document.body).fontFamily")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        room, needed = page.evaluate(
            "[document.documentElement.clientWidth, document.documentElement.scrollWidth]"
        )
        assert needed <= room, f"{page.url} needs {needed} of {room} pixels"


@pytest.mark.parametrize("language", ["fa", "en"])
def test_from_list_to_delivery(office: Office, address: str, page: Page, language: str) -> None:
    application = office.enrol()
    person = office.people.person(0)
    full_name = f"{person.given_name.persian} {person.surname.persian}"
    sign_in(page, address, office, "supervisor-1", language)
    holds_together(page, language)
    code = persian_digits(person.national_code) if language == "fa" else person.national_code
    expect(page.locator("tbody tr")).to_contain_text([code])
    page.get_by_text(full_name).click()
    expect(page.locator("h1")).to_have_text(full_name)
    holds_together(page, language)
    page.locator(f"form[action$='/{application}/approval'] button").click()
    office.insert(office.blank())
    page.locator("#reader").select_option(office.reader.name)
    page.locator(f"form[action$='/{application}/production'] button").click()
    # The page itself follows the run to its end: nothing is reloaded here.
    expect(page.locator(".steps .step-done")).to_have_count(len(Step), timeout=30_000)
    deliver = page.locator("a[href$='/delivery']")
    expect(deliver).to_be_visible(timeout=30_000)
    holds_together(page, language)
    deliver.click()
    expect(page.locator("main ol li")).to_have_count(4)
    holds_together(page, language)


@pytest.mark.parametrize("language", ["fa", "en"])
def test_a_new_application_by_form(office: Office, address: str, page: Page, language: str) -> None:
    person = office.people.person(3)
    sign_in(page, address, office, "clerk-1", language)
    page.goto(f"{address}/applications/new")
    holds_together(page, language)
    page.locator("#national_code").fill(persian_digits(person.national_code[:-1]) + "x")
    page.locator("#birth_date").fill("1300/01/01")
    portrait = FilePayload(name="p.jpg", mimeType="image/jpeg", buffer=draw_portrait(person))
    page.locator("#portrait").set_input_files([portrait])
    page.locator("main form button").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.locator("#national_code").fill(persian_digits(person.national_code))
    page.locator("#birth_date").fill(person.birth_date.isoformat())
    page.locator("#portrait").set_input_files([portrait])
    page.locator("main form button").click()
    expect(page.locator("form[action$='/submission'] button")).to_be_visible()
    page.locator("form[action$='/submission'] button").click()
    expect(page.locator("form[action$='/submission']")).to_have_count(0)
    expect(page.locator("form[action$='/approval']")).to_have_count(0)  # nobody approves their own work


def test_search_narrows_the_list_while_typing(office: Office, address: str, page: Page) -> None:
    for number in range(3):
        office.enrol(number)
    sign_in(page, address, office, "clerk-1", "fa")
    expect(page.locator("tbody tr")).to_have_count(3)
    page.locator("#q").press_sequentially(persian_digits(office.people.person(1).national_code))
    expect(page.locator("tbody tr")).to_have_count(1)


def test_a_card_pulled_in_the_middle_is_told_and_resumed(office: Office, address: str, page: Page) -> None:
    application = office.approved()
    blank = office.blank()
    office.insert(blank, power_cut_after_writes=6)
    sign_in(page, address, office, "clerk-1", "en")
    page.goto(f"{address}/applications/{application}")
    page.locator(f"form[action$='/{application}/production'] button").click()
    expect(page.locator(".alert")).to_contain_text("Put the same card back", timeout=30_000)
    office.insert(blank)
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("a[href$='/delivery']")).to_be_visible(timeout=30_000)


def test_a_form_without_its_token_is_refused(office: Office, address: str, page: Page) -> None:
    application = office.registry.enrolment.open(CLERK, new_application(office.people.person(0)))
    sign_in(page, address, office, "clerk-1", "en")
    page.goto(f"{address}/applications/{application}")
    page.evaluate("document.querySelectorAll('[name=csrf]').forEach(token => token.value = 'guessed')")
    page.locator("form[action$='/submission'] button").click()
    expect(page.get_by_role("alert")).to_contain_text("This form is not from your own page")
    cookie = next(c for c in page.context.cookies() if c["name"] == "hoviat-session")
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Strict"
