"""How cards are handed over in a country, and what a look at the person comes to; pure."""

from collections.abc import Container
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum, unique

from pki.profiles.table import Table

MAX_SCORE = 1000
"""Scores are per mille."""
_MAX_DAYS = 3660
_MAX_MINUTES = 24 * 60
_MAX_CHECKS = 20


@dataclass(frozen=True)
class DeliveryRules:
    """What it takes to hand a card over."""

    documents: tuple[str, ...]
    """By which a person can be identified."""
    register_age: timedelta
    """How old the civil register's answer may be."""
    check_life: timedelta
    """For how long a check that was passed is good."""
    failed_checks: int
    """So many, and the card is void."""
    score_threshold: int
    """Per mille, for a one-to-one comparison of face and portrait."""
    score_required: bool
    notice_after: timedelta
    """From the end of production until the holder of an uncollected card is told."""
    return_after: timedelta
    """From then until the card is taken back."""


@dataclass(frozen=True)
class Seen:
    """What the operator saw when the person stood there."""

    document: str
    same_person: bool
    """The operator's own comparison of person, document and the portrait on record."""
    score: int | None = None
    """Per mille, of an automatic comparison; the images and templates it was made of stay where they were."""


@unique
class CheckFault(StrEnum):
    """Why a person is not taken for the card's."""

    PORTRAIT = "portrait"
    """The operator sees somebody else."""
    SCORE = "score"
    """The automatic comparison stays below the threshold."""
    DECEASED = "deceased"
    """The civil register has the person's death."""
    RECORD_CHANGED = "record_changed"
    """The civil register has other data than the card."""


def fault_of(seen: Seen, rules: DeliveryRules) -> CheckFault | None:
    """What speaks against handing the card over; None if nothing does."""
    if not seen.same_person:
        return CheckFault.PORTRAIT
    if seen.score is not None and seen.score < rules.score_threshold:
        return CheckFault.SCORE
    return None


def read_delivery(table: Table, known: Container[str]) -> DeliveryRules:
    """The table [delivery] of a country file; `known` are its documents. Raises ProfileError."""
    documents = table.texts("documents")
    if not documents or not all(document in known for document in documents):
        raise table.error("documents", "must name documents of [documents]")
    rules = DeliveryRules(
        documents=documents,
        register_age=timedelta(days=table.integer("register_days", 0, _MAX_DAYS, None)),
        check_life=timedelta(minutes=table.integer("check_minutes", 1, _MAX_MINUTES, None)),
        failed_checks=table.integer("failed_checks", 1, _MAX_CHECKS, None),
        score_threshold=table.integer("score_threshold", 0, MAX_SCORE, None),
        score_required=table.flag("score_required"),
        notice_after=timedelta(days=table.integer("notice_days", 1, _MAX_DAYS, None)),
        return_after=timedelta(days=table.integer("return_days", 1, _MAX_DAYS, None)),
    )
    table.refuse_unknown()
    return rules
