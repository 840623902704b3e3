"""Looks of one visit are one line; nothing of another's goes into it."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from issuance.web.visits import visits

AT = datetime(2026, 11, 27, 8, 30, 40, tzinfo=UTC)


@dataclass
class Seen:
    at: datetime = AT
    office: str = "1"
    role: str = "clerk"
    purpose: str = "enrolment"
    case_number: str | None = None
    what: str = "list"


def test_one_visit_is_one_line() -> None:
    newest_first = [Seen(what="portrait"), Seen(what="application"), Seen(what="portrait"), Seen()]
    (visit,) = visits(newest_first)
    assert visit.seen == ("list", "portrait", "application")
    assert visit.first is newest_first[0]


def test_what_differs_stands_apart() -> None:
    one = Seen()
    others = [
        replace(one, at=AT - timedelta(minutes=1)),
        replace(one, office="2"),
        replace(one, role="supervisor"),
        replace(one, purpose="audit", case_number="7"),
        replace(one, purpose="audit", case_number="8"),
    ]
    assert len(visits([one, *others])) == 6
    assert visits([]) == []
