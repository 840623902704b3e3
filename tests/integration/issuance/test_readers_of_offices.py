"""Nobody makes, unblocks or hands over a card at another office's reader, nor learns that it is there."""

from collections.abc import Iterator

import pytest
from sqlalchemy import func, select

from issuance.bootstrap import open_issuance
from issuance.errors import NotFoundError
from issuance.offices.service import NewOffice
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.production.models import Production
from tests.integration.issuance.office import CLERK, SUPERVISOR, Office, Readers, new_application
from tests.integration.issuance.staff import HERE, THERE, Staff, staff
from tests.integration.issuance.stationing import Desk, Yard, open_desk
from tests.integration.issuance.test_registry_api import refused

NOBODYS = "nobody/Reader"
CLERK_THERE = Actor("clerk-of-2", Role.CLERK, THERE)
SUPERVISOR_THERE = Actor("supervisor-of-2", Role.SUPERVISOR, THERE)


@pytest.fixture
def desk(yard: Yard) -> Iterator[Desk]:
    """A station of the first office, with its agent at work."""
    with open_desk(yard) as opened:
        yield opened


@pytest.fixture
def people(server: str, office: Office) -> Iterator[Staff]:
    with staff(server, office) as everybody:
        yield everybody


def approved_there(office: Office) -> str:
    enrolment, person = office.registry.enrolment, office.people.person(5)
    application = enrolment.open(CLERK_THERE, new_application(person))
    enrolment.submit(CLERK_THERE, application)
    office.registry.approval.approve(SUPERVISOR_THERE, application)
    return application


def runs(office: Office) -> int:
    with office.registry.database.reading() as session:
        return session.scalar(select(func.count()).select_from(Production)) or 0


def test_each_office_sees_its_own_readers(people: Staff, office: Office, desk: Desk) -> None:
    for role in (Role.CLERK, Role.SUPERVISOR, Role.PRODUCTION):
        assert people[THERE, role].ask("GET /v1/readers").json() == []
        assert people[HERE, role].ask("GET /v1/readers").json() == [office.reader.name, desk.full_name]
    page = people[THERE, Role.CLERK].ask(f"GET /applications/{approved_there(office)}").text
    assert desk.full_name not in page
    assert office.reader.name not in page


def test_a_servers_own_readers_are_of_the_office_where_it_stands(office: Office) -> None:
    office.registry.offices.open(SUPERVISOR, NewOffice(THERE, "شیراز", "Shiraz", "فارس"))
    readers = Readers(office.reader.name)
    machine = office.home, office.pki, office.register, readers, office.clock
    elsewhere = open_issuance(*machine, office=THERE)
    try:
        assert list(elsewhere.production.readers(CLERK_THERE)) == [office.reader.name]
        assert list(elsewhere.production.readers(CLERK)) == []
        with pytest.raises(NotFoundError):
            elsewhere.production.start(CLERK, office.approved(), office.reader.name)
    finally:
        elsewhere.close()
    with pytest.raises(NotFoundError):
        open_issuance(*machine, office="9")
    assert list(office.registry.production.readers(CLERK)) == [office.reader.name]


def test_no_card_is_made_at_anothers_reader(people: Staff, office: Office, desk: Desk) -> None:
    desk.insert(office.blank())
    application = approved_there(office)
    for role in (Role.CLERK, Role.SUPERVISOR, Role.PRODUCTION):
        member, told = people[THERE, role], []
        for reader in (desk.full_name, office.reader.name, NOBODYS):
            answer = member.ask(f"POST /v1/applications/{application}/production", json={"reader": reader})
            told.append(refused(answer, 404, "not-found"))
            batch = member.ask("POST /v1/batch-runs", json={"readers": [reader]})
            told.append(refused(batch, 404, "not-found"))
        assert all(each == told[0] for each in told)
        assert told[0]["detail"] == "no such reader"
    assert runs(office) == 0
    assert people[THERE, Role.CLERK].ask("GET /v1/batch-runs").json() == []


def test_one_reader_of_another_office_stops_the_whole_batch_run(people: Staff, desk: Desk) -> None:
    mixed = {"readers": [desk.full_name, NOBODYS]}
    refused(people[HERE, Role.CLERK].ask("POST /v1/batch-runs", json=mixed), 404, "not-found")
    assert people[HERE, Role.CLERK].ask("GET /v1/batch-runs").json() == []
    own = people[HERE, Role.CLERK].ask("POST /v1/batch-runs", json={"readers": [desk.full_name]})
    assert own.status_code in {201, 202}, own.text


def test_no_card_is_unblocked_renewed_or_handed_over_at_anothers_reader(
    people: Staff, office: Office, desk: Desk
) -> None:
    card = office.issue()
    clerk = people[THERE, Role.CLERK]
    for reader in (desk.full_name, NOBODYS):
        answer = clerk.ask(f"POST /v1/cards/{card}/station-unblockings", json={"reader": reader})
        assert refused(answer, 404, "not-found")["detail"] == "no such reader"
        key = {"reader": reader, "key": "authentication"}
        answer = clerk.ask(f"POST /v1/cards/{card}/station-renewals", json=key)
        assert refused(answer, 404, "not-found")["detail"] == "no such reader"
        with pytest.raises(NotFoundError) as told:
            office.registry.handovers.hand_over(CLERK_THERE, card, reader)
        assert told.value.what == "reader"
    assert desk.typist.asked == []


def test_ones_own_reader_still_works(yard: Yard, desk: Desk) -> None:
    office = yard.office
    desk.insert(office.blank())
    made = office.registry.production.produce(CLERK, office.approved(), desk.full_name)
    assert made.card_number is not None
