"""Another person's values in an application's place are noticed before a card is made by them."""

from collections.abc import Callable

import pytest
from sqlalchemy import text

from issuance.enrolment.service import Correction
from issuance.errors import SealBrokenError
from tests.integration.issuance.office import CLERK, ITS_PERSON, SUPERVISOR, Office, new_application

SWAPS = ["portrait", "latin_given_name", "latin_surname"]
OF_PEOPLE = ["given_name", "surname", "birth_date", "father_name"]


def swap(office: Office, table: str, column: str, key: str = "id") -> None:
    """Two rows, each with the other one's value; both decrypt as before."""
    with office.registry.database.writing() as session:
        rows = session.execute(text(f"SELECT {key}, {column} FROM {table} ORDER BY 1")).all()  # noqa: S608
        (one, its), (other, others) = rows
        update = text(f"UPDATE {table} SET {column} = :value WHERE {key} = :key")  # noqa: S608
        session.execute(update, {"key": one, "value": others})
        session.execute(update, {"key": other, "value": its})


def swap_people(office: Office, column: str) -> None:
    swap(office, "citizens", column, "national_code")


@pytest.mark.parametrize("column", SWAPS)
def test_nothing_is_approved(office: Office, column: str) -> None:
    application, _ = office.enrol(0), office.enrol(1)
    swap(office, "applications", column)
    with pytest.raises(SealBrokenError):
        office.registry.approval.approve(SUPERVISOR, application)
    office.registry.approval.refuse(SUPERVISOR, application, "altered")


@pytest.mark.parametrize("column", OF_PEOPLE)
def test_nothing_is_approved_for_a_person_with_anothers_name(office: Office, column: str) -> None:
    application, _ = office.enrol(0), office.enrol(1)
    swap_people(office, column)
    with pytest.raises(SealBrokenError, match="person"):
        office.registry.approval.approve(SUPERVISOR, application)


def test_an_edit_does_not_seal_what_somebody_else_wrote(office: Office) -> None:
    enrolment = office.registry.enrolment
    application, _ = (enrolment.open(CLERK, new_application(office.people.person(n))) for n in (0, 1))
    swap(office, "applications", "portrait")
    steps: list[Callable[[], object]] = [
        lambda: enrolment.correct(CLERK, application, Correction(latin_surname="Other")),
        lambda: enrolment.accept_record(CLERK, application),
        lambda: enrolment.submit(CLERK, application),
    ]
    for step in steps:
        with pytest.raises(SealBrokenError):
            step()


def test_nothing_is_made_and_the_body_stays_what_it_was(office: Office) -> None:
    application, _ = office.approved(0), office.approved(1)
    swap(office, "applications", "latin_surname")
    office.insert(office.blank())
    with pytest.raises(SealBrokenError):
        office.produce(application)
    swap(office, "applications", "latin_surname")
    assert office.produce(application).card_number


def test_what_is_swapped_once_the_run_has_begun(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    application, _ = office.approved(0), office.approved(1)
    office.insert(office.blank())
    line = office.registry.production
    start = line._record_start

    def begun(*said: object) -> str:
        production: str = start(*said)  # type: ignore[arg-type]
        swap(office, "applications", "latin_surname")
        return production

    monkeypatch.setattr(line, "_record_start", begun)
    made = office.produce(application)
    assert (made.state.value, made.failure_kind, made.card_number) == ("failed", "seal-broken", None)


def test_nobody_is_held_against_another_ones_portrait(office: Office) -> None:
    office.insert(office.blank())
    card = str(office.produce(office.approved(0)).card_number)
    office.enrol(1)
    swap(office, "applications", "portrait")
    with pytest.raises(SealBrokenError):
        office.registry.identity_checks.check(CLERK, card, ITS_PERSON)


def test_the_way_on_is_a_new_application(office: Office) -> None:
    application, _ = office.enrol(0), office.enrol(1)
    swap_people(office, "surname")
    with pytest.raises(SealBrokenError):
        office.registry.approval.approve(SUPERVISOR, application)
    office.registry.enrolment.withdraw(CLERK, application)
    assert office.approved(0)


def test_what_was_changed_here_is_sealed(office: Office) -> None:
    enrolment = office.registry.enrolment
    application = enrolment.open(CLERK, new_application(office.people.person(0)))
    portrait = new_application(office.people.person(1)).portrait
    enrolment.correct(CLERK, application, Correction(latin_surname="Changed", portrait=portrait))
    enrolment.accept_record(CLERK, application)
    enrolment.submit(CLERK, application)
    office.registry.approval.approve(SUPERVISOR, application)
