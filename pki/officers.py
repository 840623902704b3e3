"""How officers are named: labels (a role, a staff number), no persons' names. They stand in the audit.

A label is ASCII, lower case, and its punctuation only ever joins: there is no space, control or bidirectional
character to hide in it, and its case folding and its NFKC are itself. Until operators have cards a label is
what its bearer says; who may run the commands is the operating system's to decide.
"""

import re
from collections.abc import Sequence

from pki.errors import OfficerLabelError

MAX_LABEL = 63
OWN_NAMES = frozenset({"authority", "cli", "documents", "init"})
"""Actors of what the authority does by itself: nobody's labels."""
_LABEL = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*", re.ASCII)
_LOOK_ALIKE = str.maketrans({"l": "1", "i": "1", "o": "0", ".": None, "_": None, "-": None})
"""What is taken for another in a hurry: two labels that differ in nothing else are one officer's."""


def officer_label(label: str) -> str:
    """The label, if it is one. Raises OfficerLabelError."""
    if len(label) > MAX_LABEL or not _LABEL.fullmatch(label) or label in OWN_NAMES:
        raise OfficerLabelError(label)
    return label


def same_officer(one: str, other: str) -> bool:
    """Whether two labels can be taken for each other."""
    return skeleton(one) == skeleton(other)


def skeleton(label: str) -> str:
    """What all labels that look alike have in common."""
    return label.translate(_LOOK_ALIKE)


def two_officers(labels: Sequence[str]) -> tuple[str, ...]:
    """Two or more labels, no two of which look alike. Raises OfficerLabelError."""
    checked = tuple(officer_label(label) for label in labels)
    if len({skeleton(label) for label in checked}) != len(checked) or len(checked) < 2:  # noqa: PLR2004 - two
        raise OfficerLabelError(", ".join(checked), "two officers are needed, under labels that differ")
    return checked
