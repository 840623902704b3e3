"""Labels of officers: no spelling hides behind another, and nobody is two officers."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pki.ceremony.errors import OfficersError
from pki.ceremony.officers import require_officers
from pki.errors import OfficerLabelError, SelectionError
from pki.massactions import values
from pki.officers import MAX_LABEL, OWN_NAMES, officer_label, same_officer, two_officers

GOOD = ["a", "7", "officer-1", "a.b_c-d", "x" * MAX_LABEL, "cli-1"]
BAD = [
    *("", " ", "officer-1 ", " officer-1", "officer 1", "officer-1\n", "officer-1\x00", "\tofficer"),
    *("officer-", "officer.", "officer_", "-officer", ".officer", "a--b", "a..b", "a.-b", "a,", "a:b"),
    *("Officer-1", "OFFICER", "x" * (MAX_LABEL + 1), "a/b", "a+b", "a@b"),
    *("officer-\u0661", "\u043efficer", "officer\u200b-1", "\u202eofficer", "officer-1\u2069"),
    *("o\u0308fficer", "\u00f6fficer", "\uff4ffficer", "o\ufb03cer", "\u017fofficer", "\u0633"),
    *sorted(OWN_NAMES),
]


@pytest.mark.parametrize("label", GOOD)
def test_labels_are_taken_as_they_are(label: str) -> None:
    assert officer_label(label) == label
    assert values.officer_label(label) == label


@pytest.mark.parametrize("label", BAD)
def test_anything_else_is_refused(label: str) -> None:
    with pytest.raises(OfficerLabelError) as caught:
        officer_label(label)
    assert caught.value.label == label
    with pytest.raises(SelectionError):
        values.officer_label(label)


@pytest.mark.parametrize("label", [label for label in BAD if label not in OWN_NAMES])
def test_a_ceremony_takes_no_more(label: str) -> None:
    with pytest.raises(OfficersError):
        require_officers((label, "other"))


@given(st.text(max_size=20))
def test_what_is_taken_has_one_spelling(text: str) -> None:
    try:
        label = officer_label(text)
    except OfficerLabelError:
        return
    folded = unicodedata.normalize("NFKC", label).casefold()
    assert label == text == folded == unicodedata.normalize("NFC", text)
    assert label.isascii()


@pytest.mark.parametrize(
    ("one", "other"),
    [("a-b", "a.b"), ("ab", "a_b"), ("officer-1", "officer-l"), ("o7", "07"), ("il", "11")],
)
def test_labels_that_look_alike_are_one_officers(one: str, other: str) -> None:
    assert same_officer(one, other)
    with pytest.raises(OfficerLabelError):
        two_officers((one, other))


def test_two_are_two() -> None:
    assert not same_officer("officer-1", "officer-2")
    assert two_officers(("officer-1", "officer-2")) == ("officer-1", "officer-2")
    for labels in ((), ("officer-1",), ("officer-1", "officer-1"), ("officer-1", "officer-2", "officer2")):
        with pytest.raises(OfficerLabelError):
            two_officers(labels)


def test_a_ceremony_takes_no_two_that_look_alike() -> None:
    with pytest.raises(OfficersError):
        require_officers(("officer-1", "officer-l"))
