"""Whoever had a hand in an application decides nothing about it, whoever came after them."""

from collections.abc import Callable

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from issuance.duplicates.models import MatchDecision
from issuance.enrolment.authors import authors_of
from issuance.enrolment.evidence import Shown
from issuance.enrolment.service import Correction
from issuance.errors import ForbiddenTransitionError, OwnWorkError
from simulators.population.portrait import draw_portrait
from tests.integration.issuance.desk import CLERK, OTHER_SUPERVISOR, PEOPLE, SUPERVISOR, Desk

CHANGED = Correction(latin_surname="Changed")


def taken_over(desk: Desk, application: str) -> str:
    desk.enrolment.take_over(SUPERVISOR, application)
    return application


def given_back(desk: Desk, application: str) -> None:
    """The clerk changes it last and hands it over."""
    desk.enrolment.give_back(SUPERVISOR, application)
    desk.enrolment.correct(CLERK, application, Correction(latin_surname="Last"))
    desk.enrolment.submit(CLERK, application)


def authors(desk: Desk, application: str) -> list[str]:
    with desk.database.reading() as session:
        return authors_of(session, application)


HANDS: dict[str, Correction] = {
    "a name": CHANGED,
    "the portrait": Correction(portrait=draw_portrait(PEOPLE.person(1))),
    "a document": Correction(evidence=(Shown("birth_certificate", "7"),)),
}


@pytest.mark.parametrize("hand", sorted(HANDS))
def test_who_changed_it_before_another_did(desk: Desk, hand: str) -> None:
    application = taken_over(desk, desk.open())
    desk.enrolment.correct(SUPERVISOR, application, HANDS[hand])
    given_back(desk, application)
    assert desk.application(application).edited_by == CLERK.username
    assert authors(desk, application) == [CLERK.username, SUPERVISOR.username]
    decisions: list[Callable[[], object]] = [
        lambda: desk.approval.approve(SUPERVISOR, application),
        lambda: desk.approval.refuse(SUPERVISOR, application, "no"),
        lambda: desk.approval.send_back(SUPERVISOR, application, "no"),
        lambda: desk.duplicates.decide(SUPERVISOR, application, 1, MatchDecision.OTHER, "why"),
    ]
    for decide in decisions:
        with pytest.raises(OwnWorkError):
            decide()
    desk.approval.approve(OTHER_SUPERVISOR, application)


def test_a_document_that_somebody_else_saw_again(desk: Desk) -> None:
    """The record of the evidence names the last one only."""
    application = taken_over(desk, desk.open())
    shown = Correction(evidence=(Shown("birth_certificate", "7"),))
    desk.enrolment.correct(SUPERVISOR, application, shown)
    desk.enrolment.give_back(SUPERVISOR, application)
    desk.enrolment.correct(CLERK, application, shown)
    desk.enrolment.submit(CLERK, application)
    assert [each.seen_by for each in desk.application(application).evidence] == [CLERK.username]
    with pytest.raises(OwnWorkError):
        desk.approval.approve(SUPERVISOR, application)


def test_who_hands_it_over_says_that_it_is_complete(desk: Desk) -> None:
    application = taken_over(desk, desk.open())
    desk.enrolment.submit(SUPERVISOR, application)
    assert desk.application(application).edited_by == CLERK.username
    with pytest.raises(OwnWorkError):
        desk.approval.approve(SUPERVISOR, application)


def test_who_took_over_the_registers_record(desk: Desk) -> None:
    application = taken_over(desk, desk.open())
    desk.enrolment.accept_record(SUPERVISOR, application)
    given_back(desk, application)
    with pytest.raises(OwnWorkError):
        desk.approval.approve(SUPERVISOR, application)


def test_looking_and_giving_back_is_no_hand_in_it(desk: Desk) -> None:
    application = taken_over(desk, desk.open())
    given_back(desk, application)
    desk.approval.approve(SUPERVISOR, application)
    assert desk.state(application) == "approved"


def test_a_correction_that_changes_nothing_is_no_edit(desk: Desk) -> None:
    application = taken_over(desk, desk.open())
    desk.enrolment.correct(SUPERVISOR, application, CHANGED)
    desk.enrolment.give_back(SUPERVISOR, application)
    before = desk.application(application)
    for nothing in (Correction(), CHANGED):
        desk.enrolment.correct(CLERK, application, nothing)
    after = desk.application(application)
    assert (after.edited_by, after.version) == (SUPERVISOR.username, before.version)
    assert desk.actions(application).count("application.corrected") == 1


def test_what_may_not_be_changed_is_not_left_as_it_is_either(desk: Desk) -> None:
    application = desk.submitted()
    with pytest.raises(ForbiddenTransitionError):
        desk.enrolment.correct(CLERK, application, Correction())


def test_who_returned_it_may_become_one_of_its_authors(desk: Desk) -> None:
    application = desk.submitted()
    desk.approval.send_back(SUPERVISOR, application, "the name")
    desk.enrolment.take_over(SUPERVISOR, application)
    desk.enrolment.submit(SUPERVISOR, application)
    assert authors(desk, application) == [CLERK.username, SUPERVISOR.username]
    with pytest.raises(OwnWorkError):
        desk.approval.approve(SUPERVISOR, application)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE applications SET state = 'approved', decided_by = 'supervisor-1'",
        "UPDATE applications SET decided_by = 'supervisor-1'",
        "DELETE FROM application_authors",
        "UPDATE application_authors SET username = 'clerk-2' WHERE username = 'supervisor-1'",
    ],
)
def test_the_database_refuses_it_by_itself(desk: Desk, statement: str) -> None:
    application = taken_over(desk, desk.open())
    desk.enrolment.correct(SUPERVISOR, application, CHANGED)
    given_back(desk, application)
    with (
        pytest.raises(DBAPIError, match=r"own work|append-only|on record"),
        desk.database.writing() as session,
    ):
        session.execute(text(statement))


def test_nobody_becomes_an_author_of_what_they_decided(desk: Desk) -> None:
    application = desk.submitted()
    desk.approval.approve(SUPERVISOR, application)
    insert = text("INSERT INTO application_authors VALUES (:application, 'supervisor-1')")
    with pytest.raises(DBAPIError, match="own work"), desk.database.writing() as session:
        session.execute(insert, {"application": application})
