"""Names one slip of the pen apart: which keys to keep of a name so that such a name finds it by equality.

Two words are one letter apart (another one, one more, one less, two swapped) only if they are equal once at
most one letter is left out of each. So a word is kept under all that is left of it by leaving one out, and
looked for by all that is left of what was typed; what only looks alike by chance is told apart by counting.
"""

from rapidfuzz.distance import OSA

SHORTEST = 3
"""Of two letters, one slip leaves nothing to go by."""
LONGEST = 100
MOST_ERRORS = 1


def remains(key: str) -> frozenset[str]:
    """The key itself, and what is left of it without one of its letters."""
    if not SHORTEST <= len(key) <= LONGEST:
        return frozenset({key})
    return frozenset({key, *(key[:place] + key[place + 1 :] for place in range(len(key)))})


def errors(one: str, other: str) -> int | None:
    """Slips between two keys, 0 or 1; None: more than that, or too short to tell."""
    if one == other:
        return 0
    if min(len(one), len(other)) < SHORTEST or max(len(one), len(other)) > LONGEST:
        return None
    counted = OSA.distance(one, other, score_cutoff=MOST_ERRORS)
    return counted if counted <= MOST_ERRORS else None
