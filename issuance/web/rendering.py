"""Templates, and how dates and numbers read in each language."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta, timezone
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from issuance.people.erasure import GONE
from issuance.registry.text import persian_digits
from issuance.web import labels
from issuance.web.i18n import LANGUAGES, PERSIAN, Language, language_of, translations
from issuance.web.permissions import PERMISSIONS
from issuance.web.visits import visits
from pki.jalali import to_jalali

_TEMPLATES = Path(__file__).parent / "templates"
STATIC = "static"
"""Name of the route of static files."""
_TEHRAN = timezone(timedelta(hours=3, minutes=30))
"""Iran has had no summer time since 2022."""


@cache
def _environment(language: Language) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    catalog = translations(language.code)
    install: Any = environment  # the extension adds the method at run time
    install.install_gettext_translations(catalog, newstyle=True)
    environment.filters.update(
        digits=lambda value: _bdi(_digits(language, str(value))),
        day=lambda value: _bdi(_day(language, value)),
        moment=lambda value: _bdi(_moment(language, value)),
        name=catalog.gettext,
    )
    environment.globals.update(
        language=language,
        languages=tuple(LANGUAGES.values()),
        labels=labels,
        gone=GONE,
        full_name=lambda given, surname: (
            catalog.gettext(labels.ERASED) if given == surname == GONE else f"{given} {surname}"
        ),
        numeral=_numeral(language),
        visits=visits,
        allowed=lambda actor, route: actor.role in PERMISSIONS[route].roles,
    )
    return environment


def _digits(language: Language, text: str) -> str:
    return persian_digits(text) if language is PERSIAN else text


def _numeral(language: Language) -> Callable[[object], str]:
    return lambda value: _digits(language, str(value))


def _bdi(text: str) -> Markup:
    """Numbers keep their own direction inside Persian text."""
    return Markup("<bdi>{}</bdi>").format(text)


def _day(language: Language, day: date) -> str:
    jalali = to_jalali(day)
    return persian_digits(jalali) if language is PERSIAN else f"{day.isoformat()} ({jalali})"


def _moment(language: Language, time: datetime) -> str:
    local = time.astimezone(_TEHRAN)
    day = to_jalali(local.date()) if language is PERSIAN else local.date().isoformat()
    return _digits(language, f"{day} {local:%H:%M}")


def path_for(request: Request, name: str, **parameters: str) -> str:
    """The path of a page (or `static`), the mount's prefix included."""
    route = name if name == STATIC else f"page.{name}"  # the API has routes of the same names
    return str(request.scope.get("root_path", "")) + str(request.app.url_path_for(route, **parameters))


def render(
    request: Request,
    template: str,
    context: Mapping[str, object],
    status: HTTPStatus = HTTPStatus.OK,
) -> HTMLResponse:
    """A page in the browser's language."""
    return HTMLResponse(fragment(request, template, context), status)


def fragment(request: Request, template: str, context: Mapping[str, object]) -> str:
    """The same as text, for a part of a page."""
    page = _environment(language_of(request)).get_template(template)

    def url(name: str, **parameters: str) -> str:
        return path_for(request, name, **parameters)

    answers_get = request.method == "GET"  # else its address alone shows something else, or nothing
    return page.render(url=url, here=request.url.path, answers_get=answers_get, **context)
