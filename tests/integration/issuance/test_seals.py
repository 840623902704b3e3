"""Another person's values in an application's place are noticed before a card is made by them."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from sqlalchemy import text

from issuance.enrolment.service import Correction
from issuance.errors import SealBrokenError
from issuance.registry.models import Citizen
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


APPLICATION = "latin_given_name, latin_surname, portrait, seal"


def kept(office: Office, columns: str, application: str) -> Mapping[str, Any]:
    """What its row holds now, as the database has it."""
    query = text(f"SELECT {columns} FROM applications WHERE id = :id")  # noqa: S608 - the test's own words
    with office.registry.database.reading() as session:
        return dict(session.execute(query, {"id": application}).mappings().one())


def put(office: Office, application: str, row: Mapping[str, Any]) -> None:
    said = ", ".join(f"{name} = :{name}" for name in row)
    update = text(f"UPDATE applications SET {said} WHERE id = :id")  # noqa: S608
    with office.registry.database.writing() as session:
        session.execute(update, {**row, "id": application})


def corrected_and_approved(office: Office) -> tuple[str, Mapping[str, Any]]:
    """An application, and what it was before its correction: sealed, too."""
    enrolment = office.registry.enrolment
    application = enrolment.open(CLERK, new_application(office.people.person(0)))
    older = kept(office, APPLICATION, application)
    portrait = new_application(office.people.person(1)).portrait
    enrolment.correct(CLERK, application, Correction(latin_surname="Changed", portrait=portrait))
    enrolment.submit(CLERK, application)
    office.registry.approval.approve(SUPERVISOR, application)
    return application, older


def require_unmade(office: Office, application: str) -> None:
    office.insert(office.blank())
    with pytest.raises(SealBrokenError, match="approval"):
        office.produce(application)


def test_what_it_was_before_is_not_what_was_approved(office: Office) -> None:
    application, older = corrected_and_approved(office)
    now = kept(office, APPLICATION, application)
    put(office, application, older)
    require_unmade(office, application)
    put(office, application, now)
    assert office.produce(application).card_number


def test_nor_is_what_its_person_was_called_before(office: Office) -> None:
    """A row of the same person that the registry itself had sealed."""
    application, code = office.approved(0), office.people.person(0).national_code
    with office.registry.database.writing() as session:
        session.get_one(Citizen, code).surname = "پیشین"
    require_unmade(office, application)


def test_nobodys_approval(office: Office) -> None:
    """State and decider as an approval leaves them; nobody without the key makes its seal."""
    approved, application = office.approved(0), office.enrol(1)
    seal = kept(office, "approval_seal", approved)
    put(office, application, {"state": "approved", "decided_by": "supervisor-1"})
    require_unmade(office, application)
    put(office, application, seal)
    require_unmade(office, application)


def test_nobody_is_handed_what_was_not_approved(office: Office) -> None:
    office.insert(office.blank())
    application, older = corrected_and_approved(office)
    card = str(office.produce(application).card_number)
    put(office, application, older)
    with pytest.raises(SealBrokenError, match="approval"):
        office.registry.identity_checks.check(CLERK, card, ITS_PERSON)
