"""Looks in the database, on both kinds: with what is shown or not at all, and never changed."""

from datetime import timedelta
from secrets import token_bytes

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import DBAPIError

from issuance.errors import InvalidInputError
from issuance.lookups.models import RecordLookup, What
from issuance.lookups.purposes import Purpose, Said
from issuance.lookups.service import Looker, Lookups
from tests.depot import CLERK, Depot, application_id, citizen

ROW = {
    "id": "0" * 16,
    "operator": CLERK.username,
    "role": "clerk",
    "office": CLERK.office,
    "purpose": "enrolment",
    "what": "list",
}


@pytest.fixture
def lookups(depot: Depot) -> Lookups:
    return Lookups(depot.database, depot.clock, token_bytes)


@pytest.fixture
def person(depot: Depot) -> str:
    somebody = citizen(1)
    with depot.database.writing() as session:
        session.add(somebody)
        session.flush()
        return somebody.national_code


LOOKER = Looker(CLERK, Said(Purpose.INVESTIGATION, "17"))


def test_the_person_is_told_office_and_role(lookups: Lookups, person: str) -> None:
    with lookups.looking(LOOKER) as looking:
        looking.saw(What.PORTRAIT, person)
    (told,) = lookups.at_person(person).looks
    assert (told.office, told.role, told.purpose, told.case_number) == ("1", "clerk", "investigation", "17")
    assert not hasattr(told, "operator")


def test_what_fails_was_not_seen(lookups: Lookups, person: str) -> None:
    def fail() -> None:
        with lookups.looking(LOOKER) as looking:
            looking.saw(What.PORTRAIT, person)
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert lookups.at_person(person).looks == []


def test_nothing_is_shown_whose_look_can_not_be_noted(lookups: Lookups, person: str) -> None:
    def show() -> str:
        with lookups.looking(LOOKER) as looking:
            looking.saw(What.APPLICATION, person, application_id(99))  # there is none
            return "shown"

    with pytest.raises(DBAPIError):
        show()


def test_the_newest_hundred_and_those_before(depot: Depot, lookups: Lookups, person: str) -> None:
    for _ in range(103):
        depot.clock.forward(timedelta(seconds=1))
        with lookups.looking(LOOKER) as looking:
            looking.saw(What.LIST, person)
    newest = lookups.at_person(person)
    assert len(newest.looks) == 100
    assert newest.looks[0].at > newest.looks[-1].at
    older = lookups.at_person(person, newest.cursor)
    assert (len(older.looks), older.cursor) == (3, None)
    assert older.looks[0].at < newest.looks[-1].at


def test_looks_of_one_moment_are_told_once_each(lookups: Lookups, person: str) -> None:
    """A list shows one person's applications at once, and a page may end among them."""
    with lookups.looking(LOOKER) as looking:
        for _ in range(99):
            looking.saw(What.CARD, person)
        for _ in range(150):
            looking.saw(What.LIST, person)
    seen, cursor = [], None
    while True:
        page = lookups.at_person(person, cursor)
        seen += [look.what for look in page.looks]
        cursor = page.cursor
        if cursor is None:
            break
    assert sorted(seen) == ["card"] * 99 + ["list"] * 150


@pytest.mark.parametrize(
    "cursor",
    ["", "1", "1.x", f"-1.{'0' * 16}", f"{'9' * 18}.{'0' * 16}", f"1.{'0' * 15}'", f"1.{'0' * 16}\n"],
)
def test_what_is_no_cursor_is_refused(lookups: Lookups, person: str, cursor: str) -> None:
    with pytest.raises(InvalidInputError):
        lookups.at_person(person, cursor)


@pytest.mark.parametrize(
    "wrong",
    [
        {"purpose": "curiosity"},
        {"what": "everything"},
        {"purpose": "audit"},
        {"operator": "nobody"},
        {"office": "9"},
        {"national_code": "0000000000"},
    ],
)
def test_rows_that_can_not_be(depot: Depot, person: str, wrong: dict[str, str]) -> None:
    row = {**ROW, "national_code": person, "at": depot.clock(), **wrong}
    with pytest.raises(DBAPIError), depot.database.writing() as session:
        session.execute(insert(RecordLookup).values(row))


@pytest.mark.parametrize("change", [update(RecordLookup).values(purpose="enrolment"), delete(RecordLookup)])
def test_rows_are_only_added(depot: Depot, lookups: Lookups, person: str, change: object) -> None:
    with lookups.looking(LOOKER) as looking:
        looking.saw(What.LIST, person)
    with pytest.raises(DBAPIError), depot.database.writing() as session:
        session.execute(change)  # type: ignore[call-overload]
    with depot.database.reading() as session:
        assert session.scalar(select(RecordLookup.purpose)) == "investigation"
