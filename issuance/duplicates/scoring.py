"""How alike two people are, from 0 to 100.

    score = 60 · name + 30 · date + 10 · father, less 15 where the sex differs

- *name*: each of the two names agrees from 0 to 1, and the lesser of both counts, so that the same given name
  never makes up for another surname. Names that sound alike (`registry.namekeys.skeleton`) agree fully;
  otherwise the agreement is (s − 0.8) / 0.15, at most 1, s being 1 less the typing errors a letter
  (Damerau-Levenshtein): one error in five letters, as between احمدی and محمدی, is another name, one in nine
  may be a slip. Given name and surname that changed places agree by 0.95.
- *date*: 1 for the same date, 0.8 for a slip (`registry.datevariants`), 0.6 for a part of it, else 0.
- *father*: as a name.

From THRESHOLD on a person has to judge. Without a date that agrees, no score reaches it.
"""

from dataclasses import dataclass
from datetime import date

from rapidfuzz.distance import DamerauLevenshtein

from issuance.registry.datevariants import DateSlip, slip_between

THRESHOLD = 75
_NAME, _DATE, _FATHER, _SEX = 60, 30, 10, 15
_LEAST_SIMILAR, _FULL_AT = 0.8, 0.95
_SWAPPED = 0.95
_DATES = {
    DateSlip.SAME: 1.0,
    DateSlip.NEXT_DAY: 0.8,
    DateSlip.ONE_DIGIT: 0.8,
    DateSlip.DAY_AND_MONTH: 0.8,
    DateSlip.PARTIAL: 0.6,
    None: 0.0,
}


@dataclass(frozen=True)
class Traits:
    """What is compared: names as they sound, and the rest."""

    given_key: str
    surname_key: str
    father_key: str
    birth_date: date
    sex: str


@dataclass(frozen=True)
class Score:
    """How alike, and what makes it so."""

    points: int
    """0 to 100."""
    causes: tuple[str, ...]
    """`name`, `name_similar`, `name_swapped`; a DateSlip as `date_…`; `father`; `sex_differs`."""


def score(one: Traits, other: Traits) -> Score:
    """Compares two people; the order does not matter."""
    straight = min(agreement(one.given_key, other.given_key), agreement(one.surname_key, other.surname_key))
    crossed = _SWAPPED * min(
        agreement(one.given_key, other.surname_key), agreement(one.surname_key, other.given_key)
    )
    name = max(straight, crossed)
    slip = slip_between(one.birth_date, other.birth_date)
    father = agreement(one.father_key, other.father_key)
    points = _NAME * name + _DATE * _DATES[slip] + _FATHER * father - _SEX * (one.sex != other.sex)
    causes = [
        *([] if name == 0 else ["name_swapped" if crossed > straight else _name_cause(straight)]),
        *([] if slip is None else [f"date_{slip}"]),
        *(["father"] if father else []),
        *(["sex_differs"] if one.sex != other.sex else []),
    ]
    return Score(max(0, round(points)), tuple(causes))


def agreement(one: str, other: str) -> float:
    """0 to 1 for two names as they sound; two missing names agree."""
    similarity = DamerauLevenshtein.normalized_similarity(one, other)
    return min(1.0, max(0.0, (similarity - _LEAST_SIMILAR) / (_FULL_AT - _LEAST_SIMILAR)))


def _name_cause(straight: float) -> str:
    return "name" if straight == 1 else "name_similar"
