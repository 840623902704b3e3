"""Every text of the pages has its Persian, and no Persian is left over."""

from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import issuance.web
from issuance.web import labels
from issuance.web.i18n import ENGLISH, LANGUAGES, LOCALES, PERSIAN, translations

WEB = Path(issuance.web.__file__).parent
METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
OPTIONS = {"templates/**.html": {"trim_blocks": "true", "lstrip_blocks": "true"}}
KEYWORDS = {"_": None, "N_": None}


@pytest.fixture(scope="module")
def texts() -> set[str]:
    def ours(folder: str | Path) -> bool:
        return "node_modules" not in Path(folder).parts

    found = extract_from_dir(WEB, METHODS, OPTIONS, KEYWORDS, directory_filter=ours)
    return {text if isinstance(text, str) else text[0] for _, _, text, _, _ in found}


def catalog() -> dict[str, str]:
    with (LOCALES / "fa" / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return {str(message.id): str(message.string) for message in read_po(file) if message.id}


def test_every_text_is_translated(texts: set[str]) -> None:
    assert len(texts) > 100
    persian = catalog()
    assert sorted(text for text in texts if not persian.get(text)) == []


def test_no_translation_is_left_over(texts: set[str]) -> None:
    assert sorted(set(catalog()) - texts) == []


def test_translations_are_persian_and_folded() -> None:
    for text, persian in catalog().items():
        assert any("\u0600" <= letter <= "\u06ff" for letter in persian), text
        assert not set(persian) & set("يكى"), text
        assert not any(digit in persian for digit in "0123456789"), text


def test_english_is_the_source() -> None:
    assert translations(ENGLISH.code).gettext("National code") == "National code"
    assert translations(PERSIAN.code).gettext("National code") == "کد ملی"
    assert {language.direction for language in LANGUAGES.values()} == {"rtl", "ltr"}


@pytest.mark.parametrize(
    "words",
    [
        labels.APPLICATION_STATES,
        labels.CARD_STATES,
        labels.KINDS,
        labels.CAUSES,
        labels.STEPS,
        labels.ROLES,
        labels.PRODUCTION_STATES,
        labels.PURPOSES,
        labels.SEEN,
    ],
)
def test_every_member_has_a_word(words: dict[object, str]) -> None:
    members = type(next(iter(words)))
    assert set(words) == set(members)  # type: ignore[call-overload]
