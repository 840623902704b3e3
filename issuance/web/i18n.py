"""Persian and English. Catalogs are gettext .po files, compiled in memory when first needed."""

import io
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from starlette.requests import Request

LOCALES = Path(__file__).parent / "locales"
COOKIE = "hoviat-language"


@dataclass(frozen=True)
class Language:
    """A language of the pages."""

    code: str
    """BCP 47."""
    name: str
    """In the language itself."""
    direction: str
    """`rtl` or `ltr`, the value of HTML's dir."""


PERSIAN = Language("fa", "فارسی", "rtl")
ENGLISH = Language("en", "English", "ltr")
LANGUAGES = {language.code: language for language in (PERSIAN, ENGLISH)}
DEFAULT = PERSIAN


def language_of(request: Request) -> Language:
    """The language that was chosen in this browser, else Persian."""
    return LANGUAGES.get(request.cookies.get(COOKIE, ""), DEFAULT)


@cache
def translations(code: str) -> NullTranslations:
    """The catalog of a language; English is what stands in the source."""
    if code == ENGLISH.code:
        return NullTranslations()
    with (LOCALES / code / "LC_MESSAGES" / "messages.po").open("rb") as file:
        catalog = read_po(file, locale=code)
    compiled = io.BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return Translations(compiled)
