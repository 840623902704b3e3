"""Why something was done: what the chain says in a word, or what somebody wrote where it can be erased.

The chain holds no person's words; they stand in the rows that they are about, and are fetched with the page.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, func

from issuance.audit import AuditEntry
from issuance.enrolment.models import Application
from issuance.massactions.models import MassAction
from issuance.orders.models import Order

_CODES = ("reason", "cause", "ground", "finding", "purpose")
_PRESENT = "holder-present"
"""What is done in person alone: by the check that the details name."""
_DECISIONS = ("application.approve", "application.return", "application.refuse")
_SAME = timedelta(seconds=5)
"""The chain's time comes after the row's, in one transaction."""
_KEY = func.substr(AuditEntry.subject, len("application:") + 1)
"""`mass-action:` is as long."""


@dataclass(frozen=True)
class Words:
    """What is written beside an entry's subject; None where there is nothing."""

    note: str | None = field(repr=False)
    decided_at: datetime | None
    urgent: str | None = field(repr=False)
    action: str | None
    lift: str | None
    kind: str | None
    """Of the application: what it is for, in a word."""
    cause: str | None


def with_words(entries: Select[AuditEntry]) -> Select[AuditEntry, *tuple[Any, ...]]:
    """The same entries, in the same statement, each with the words that may be its own."""
    return (
        entries.outerjoin(Application, and_(AuditEntry.subject.like("application:%"), Application.id == _KEY))
        .outerjoin(Order, Order.application_id == Application.id)
        .outerjoin(MassAction, and_(AuditEntry.subject.like("mass-action:%"), MassAction.id == _KEY))
        .add_columns(
            Application.decision_note,
            Application.decided_at,
            Order.urgent_reason,
            MassAction.reason,
            MassAction.lift_reason,
            Application.kind,
            Application.cause,
        )
    )


def why(entry: AuditEntry, words: Words) -> str:
    """The reason of one entry; empty where none was given."""
    if entry.action in _DECISIONS and words.decided_at is not None:
        is_last = timedelta() <= entry.time - words.decided_at < _SAME
        said = (words.note if is_last and words.note else "") or _coded(entry.details)
        return said or _wish(words)
    if entry.action == "order.urgent":
        return words.urgent or ""
    if entry.action.startswith("mass-action."):
        return (words.lift if "lift" in entry.action else words.action) or ""
    return _coded(entry.details) or _wish(words)


def _wish(words: Words) -> str:
    """What an application is for: why it was opened, handed over and approved without a remark."""
    return words.cause or words.kind or ""


def _coded(details: Mapping[str, object]) -> str:
    reasons = details.get("reasons")
    if isinstance(reasons, list):
        return ", ".join(map(str, reasons))
    coded = next((str(details[name]) for name in _CODES if details.get(name)), "")
    return coded or (_PRESENT if details.get("check") else "")
