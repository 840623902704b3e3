"""Possible duplicates: found by indexed keys, judged by a person, in the way of an approval until then."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Connection, insert, text
from sqlalchemy.exc import DBAPIError

from issuance.database import Database
from issuance.duplicates.errors import MatchesUndecidedError, SamePersonError
from issuance.duplicates.models import DuplicateMatch, MatchDecision
from issuance.duplicates.repository import candidate_queries, matches_of
from issuance.errors import (
    ForbiddenTransitionError,
    InvalidInputError,
    NotFoundError,
    OwnWorkError,
    RoleRequiredError,
)
from issuance.registry.civilregister import CivilRecord
from issuance.registry.dates import parse_date
from issuance.registry.models import Citizen, indexed
from issuance.registry.namekeys import sort_key
from issuance.stock.errors import SecondPersonError
from simulators.population.register import record_of
from tests.integration.issuance.desk import (
    CLERK,
    OTHER_CLERK,
    OTHER_SUPERVISOR,
    PEOPLE,
    SUPERVISOR,
    Desk,
    new,
)

PERSON = replace(
    record_of(PEOPLE.person(0)),
    given_name="آرش",
    surname="طاهری",
    father_name="کیان",
    birth_date=parse_date("1369/04/12"),
)
OTHER, SAME = MatchDecision.OTHER, MatchDecision.SAME


def alias(**changes: object) -> CivilRecord:
    """The same person under another code, but for the changes."""
    values: dict[str, object] = {"national_code": PEOPLE.national_code(1), **changes}
    return replace(PERSON, **values)  # type: ignore[arg-type]


def submit(desk: Desk, record: CivilRecord) -> str:
    desk.register.add(record)
    application = desk.enrolment.open(CLERK, new(record))
    desk.enrolment.submit(CLERK, application)
    return application


def found(desk: Desk, application: str) -> list[DuplicateMatch]:
    with desk.database.reading() as session:
        return matches_of(session, application)


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({}, "name"),
        ({"surname": "تاهری"}, "name"),
        ({"surname": "آرش", "given_name": "طاهري"}, "name_swapped"),
        ({"birth_date": parse_date("1369/12/04")}, "date_day_and_month"),
        ({"birth_date": parse_date("1359/04/12")}, "date_one_digit"),
        ({"birth_date": PERSON.birth_date + timedelta(days=1)}, "date_next_day"),
        ({"father_name": "داریوش"}, "name"),
    ],
)
def test_somebody_who_is_here_under_another_code(desk: Desk, change: dict[str, object], cause: str) -> None:
    submit(desk, PERSON)
    application = submit(desk, alias(**change))
    (match,) = found(desk, application)
    assert cause in match.causes.split()
    assert 75 <= match.score <= 100
    with pytest.raises(MatchesUndecidedError) as refused:
        desk.approval.approve(SUPERVISOR, application)
    assert refused.value.count == 1
    desk.duplicates.decide(SUPERVISOR, application, match.number, OTHER, "a cousin")
    desk.approval.approve(SUPERVISOR, application)
    assert desk.state(application) == "approved"


@pytest.mark.parametrize(
    "change",
    [
        {"surname": "احمدی"},
        {"birth_date": date(1950, 5, 5)},
        {"given_name": "آرمین"},
    ],
)
def test_people_who_are_others(desk: Desk, change: dict[str, object]) -> None:
    submit(desk, PERSON)
    assert found(desk, submit(desk, alias(**change))) == []


def test_ahmadi_is_not_mohammadi(desk: Desk) -> None:
    submit(desk, replace(PERSON, surname="محمدی"))
    assert found(desk, submit(desk, alias(surname="احمدی"))) == []


def test_whoever_comes_between_submission_and_approval_is_found(desk: Desk) -> None:
    first = submit(desk, PERSON)
    submit(desk, alias())
    with pytest.raises(MatchesUndecidedError):
        desk.approval.approve(SUPERVISOR, first)
    assert desk.application(first).undecided_matches == 1


def test_the_same_person_gets_no_second_card(desk: Desk) -> None:
    submit(desk, PERSON)
    application = submit(desk, alias())
    desk.duplicates.decide(SUPERVISOR, application, 1, SAME, "the portraits are one")
    with pytest.raises(SamePersonError):
        desk.approval.approve(SUPERVISOR, application)
    desk.approval.refuse(SUPERVISOR, application, "known under another code")
    assert desk.state(application) == "refused"
    (match,) = found(desk, application)
    assert (match.decision, match.decided_by, match.decided_at) == ("same", "supervisor-1", desk.clock())
    assert match.reason == "the portraits are one"
    assert desk.actions(application).count("match.decided") == 1


def test_a_decision_can_be_put_right_and_outlives_another_submission(desk: Desk) -> None:
    submit(desk, PERSON)
    application = submit(desk, alias())
    desk.duplicates.decide(SUPERVISOR, application, 1, SAME, "a slip")
    desk.duplicates.decide(OTHER_SUPERVISOR, application, 1, OTHER, "two people after all")
    desk.approval.send_back(SUPERVISOR, application, "another portrait")
    desk.enrolment.submit(CLERK, application)
    assert [match.decision for match in found(desk, application)] == ["other"]
    desk.approval.approve(SUPERVISOR, application)


def test_whoever_judged_the_same_turns_it_not_alone(desk: Desk) -> None:
    submit(desk, PERSON)
    application = submit(desk, alias())
    desk.duplicates.decide(SUPERVISOR, application, 1, SAME, "the portraits are one")
    with pytest.raises(SecondPersonError):
        desk.duplicates.decide(SUPERVISOR, application, 1, OTHER, "a cousin")
    desk.duplicates.decide(SUPERVISOR, application, 1, SAME, "and so are the signatures")
    with pytest.raises(SecondPersonError):  # it would be the other's, and free to turn for the first
        desk.duplicates.decide(OTHER_SUPERVISOR, application, 1, SAME, "I say so, too")
    (match,) = found(desk, application)
    assert (match.decision, match.decided_by) == ("same", SUPERVISOR.username)
    desk.duplicates.decide(OTHER_SUPERVISOR, application, 1, OTHER, "a twin")
    desk.duplicates.decide(OTHER_SUPERVISOR, application, 1, SAME, "no: a person stops by themselves")
    with pytest.raises(SamePersonError):
        desk.approval.approve(SUPERVISOR, application)


def test_whoever_became_an_author_has_judged_nothing(desk: Desk) -> None:
    """A supervisor judges, sends back and hands over again: then somebody else judges."""
    submit(desk, PERSON)
    application = submit(desk, alias())
    desk.duplicates.decide(SUPERVISOR, application, 1, OTHER, "a cousin")
    desk.approval.send_back(OTHER_SUPERVISOR, application, "the name")
    desk.enrolment.take_over(SUPERVISOR, application)
    desk.enrolment.submit(SUPERVISOR, application)
    with pytest.raises(MatchesUndecidedError) as refused:
        desk.approval.approve(OTHER_SUPERVISOR, application)
    assert refused.value.count == 1
    desk.duplicates.decide(OTHER_SUPERVISOR, application, 1, OTHER, "a cousin")
    desk.approval.approve(OTHER_SUPERVISOR, application)


FORGED = {
    "the author's": "UPDATE duplicate_matches SET decision = 'other', decided_by = 'clerk-1'",
    "the author's, put in": "INSERT INTO duplicate_matches SELECT application_id, 9, national_code, score, "
    "causes, found_at, 'other', 'clerk-1', found_at, reason FROM duplicate_matches",
    "his own, turned": "UPDATE duplicate_matches SET decision = 'other'",
    "taken over": "UPDATE duplicate_matches SET decided_by = 'supervisor-2'",
    "forgotten": "UPDATE duplicate_matches SET decision = NULL, decided_by = NULL",
    "gone": "DELETE FROM duplicate_matches",
    "another's application": "UPDATE duplicate_matches SET application_id = 'X'",
    "approved all the same": "UPDATE applications SET state = 'approved', decided_by = 'supervisor-2' "
    "WHERE undecided_matches = 0 AND id IN (SELECT application_id FROM duplicate_matches)",
}


@pytest.mark.parametrize("statement", FORGED.values(), ids=FORGED)
def test_the_database_keeps_what_was_judged(desk: Desk, statement: str) -> None:
    submit(desk, PERSON)
    application = submit(desk, alias())
    desk.duplicates.decide(SUPERVISOR, application, 1, SAME, "the portraits are one")
    refusal = "own work|second person|stays judged|judged first"
    with pytest.raises(DBAPIError, match=refusal), desk.database.writing() as session:
        session.execute(text(statement))
    assert [match.decision for match in found(desk, application)] == ["same"]


@pytest.mark.parametrize("judged_by", ["nobody", "an author"])
def test_the_database_approves_nothing_unjudged(desk: Desk, judged_by: str) -> None:
    submit(desk, PERSON)
    application = submit(desk, alias())
    if judged_by == "an author":
        desk.duplicates.decide(SUPERVISOR, application, 1, OTHER, "a cousin")
        desk.approval.send_back(OTHER_SUPERVISOR, application, "the name")
        desk.enrolment.take_over(SUPERVISOR, application)
        desk.enrolment.submit(SUPERVISOR, application)
    approve = text(
        "UPDATE applications SET state = 'approved', decided_by = 'supervisor-2', undecided_matches = 0 "
        "WHERE id = :id"
    )
    with pytest.raises(DBAPIError, match="judged first"), desk.database.writing() as session:
        session.execute(approve, {"id": application})
    assert desk.state(application) == "submitted"


def test_who_is_no_match_any_more_goes(desk: Desk) -> None:
    submit(desk, PERSON)
    application = submit(desk, alias())
    desk.approval.send_back(SUPERVISOR, application, "the date")
    desk.register.add(alias(birth_date=date(1955, 5, 5), revision=2))
    desk.enrolment.accept_record(CLERK, application)
    desk.enrolment.submit(CLERK, application)
    assert found(desk, application) == []
    assert desk.application(application).undecided_matches == 0


def test_who_may_decide_and_how(desk: Desk) -> None:
    submit(desk, PERSON)
    application = submit(desk, alias())
    with pytest.raises(OwnWorkError):
        desk.duplicates.decide(CLERK, application, 1, OTHER, "mine")
    with pytest.raises(RoleRequiredError):
        desk.duplicates.decide(OTHER_CLERK, application, 1, OTHER, "not mine")
    with pytest.raises(NotFoundError):
        desk.duplicates.decide(SUPERVISOR, application, 2, OTHER, "nobody")
    for reason in ("", " \u200f\u200c ", "x" * 501):
        with pytest.raises(InvalidInputError):
            desk.duplicates.decide(SUPERVISOR, application, 1, OTHER, reason)
    desk.approval.refuse(SUPERVISOR, application, "no")
    with pytest.raises(ForbiddenTransitionError):
        desk.duplicates.decide(SUPERVISOR, application, 1, OTHER, "too late")


CROWD = 20_000


def _row(number: int) -> dict[str, object]:
    person = PEOPLE.person(number)
    names = person.given_name.persian, person.surname.persian
    return {
        "national_code": person.national_code,
        "given_name": names[0],
        "surname": names[1],
        "father_name": person.father_name.persian,
        "latin_given_name": "",
        "latin_surname": "",
        "birth_date": person.birth_date,
        "birth_precision": "day",
        "sex": person.sex,
        "confirmed_at": datetime(2026, 1, 1, tzinfo=UTC),
        **indexed(*names, person.birth_date),
    }


@contextmanager
def analysed(database: Database) -> Iterator[Connection]:
    with database.engine.begin() as connection:
        connection.execute(insert(Citizen), [_row(number) for number in range(CROWD)])
        connection.execute(text("ANALYZE"))
    with database.engine.connect() as connection:
        yield connection


def test_no_search_reads_everybody(desk: Desk) -> None:
    """The database's own plan: by an index, whatever the number of people."""
    with analysed(desk.database) as connection:
        with desk.database.reading() as session:
            citizen = session.get_one(Citizen, PEOPLE.national_code(7))
        explain = "EXPLAIN " if connection.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN "
        for query in candidate_queries(citizen):
            compiled = query.compile(connection, compile_kwargs={"literal_binds": True})
            rows = connection.exec_driver_sql(explain + str(compiled).replace("%", "%%")).all()
            plan = "\n".join(str(row) for row in rows)
            assert "ix_citizens_" in plan, plan
            assert "Seq Scan" not in plan, plan
            assert "SCAN citizens" not in plan, plan


def test_names_sort_as_in_a_persian_directory() -> None:
    surnames = {PEOPLE.person(number).surname.persian for number in range(CROWD)}
    order = sorted(surnames, key=lambda surname: sort_key(surname, ""))
    assert order[:3] == ["آذری", "احمدی", "بهرامی"]
    assert order[-2:] == ["نوری", "یزدانی"]
    assert order.index("چگینی") < order.index("رحمانی") < order.index("ژاله‌پور") < order.index("شیخ‌الاسلامی")
    assert order.index("کاکاوند") < order.index("گودرزی") < order.index("مافی")
