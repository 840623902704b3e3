"""Every stable problem type has a title of its own, in English and in Persian."""

from collections.abc import Iterator

import issuance.app  # noqa: F401 - imports all slices
from issuance.errors import IssuanceError
from issuance.web.i18n import ENGLISH, PERSIAN, translations
from issuance.web.problems import _TITLES, refusal
from issuance.web.rendering import _environment
from issuance.web.titles import TITLES

BASES = {"call", "run-failure", "state"}
"""Raised by their subclasses alone."""


def classes(root: type[IssuanceError] = IssuanceError) -> Iterator[type[IssuanceError]]:
    """Those of the registry: a test's own don't count."""
    for each in root.__subclasses__():
        if each.__module__.startswith("issuance."):
            yield each
            yield from classes(each)


def own_kinds() -> dict[str, type[IssuanceError]]:
    return {each.kind: each for each in classes() if "kind" in vars(each)}


def test_each_type_is_one_classs() -> None:
    named = [each.kind for each in classes() if "kind" in vars(each)]
    assert len(named) > 100
    assert len(named) == len(set(named))


def test_each_type_has_a_title_of_its_own() -> None:
    lacking = {
        kind: each.__name__
        for kind, each in own_kinds().items()
        if each not in _TITLES and kind not in TITLES and kind not in BASES
    }
    assert lacking == {}, "add a line to issuance/web/titles.py, and its Persian to messages.po"


def test_no_title_is_left_over() -> None:
    assert set(TITLES) - set(own_kinds()) == set()
    assert BASES - set(own_kinds()) == set()


def test_each_title_has_its_persian() -> None:
    persian = translations(PERSIAN.code)
    titles = {title for _, title in _TITLES.values()} | set(TITLES.values())
    assert {title for title in titles if persian.gettext(title) == title} == set()


def test_a_refusal_bears_its_types_title() -> None:
    for kind, each in own_kinds().items():
        if kind in TITLES:
            error = each.__new__(each)
            Exception.__init__(error, "in English")
            assert refusal(error).title == TITLES[kind]


def test_persian_pages_say_it_in_persian_and_english_is_for_who_asks() -> None:
    """The detail may tell more; it is there, folded, and marked as English."""
    told = {"kind": "wrong-card", "title": TITLES["wrong-card"], "detail": "this is card 1, not card 2"}
    source = '{% from "macros.html" import told_box with context %}{{ told_box(told) }}'
    shown = {each: _environment(each).from_string(source).render(told=told) for each in (PERSIAN, ENGLISH)}
    before, _, folded = shown[PERSIAN].partition("<details")
    assert "card" not in before.replace("card-", "")
    assert 'lang="en">this is card 1, not card 2<' in folded
    assert "<details" not in shown[ENGLISH]
    assert "this is card 1, not card 2" in shown[ENGLISH]
