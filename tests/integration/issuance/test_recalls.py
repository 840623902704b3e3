"""Cards that nobody collects: told, taken back, ended by a second person, destroyed by two of the stock."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from issuance.delivery.errors import NotYetError
from issuance.enrolment.kinds import RULES
from issuance.errors import ForbiddenTransitionError, NotFoundError, RoleRequiredError
from issuance.lifecycle.models import Card
from issuance.lifecycle.states import ApplicationState, CardState
from issuance.models import Body, Delivery
from issuance.notices.models import Notice
from issuance.notices.templates import Template
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.stock.errors import SecondPersonError
from issuance.stock.states import BodyState
from pki.errors import PkiError
from pki.status.state import Status
from tests.integration.issuance.office import CLERK, SUPERVISOR, Office
from tests.integration.issuance.test_deliveries import produced, statuses

KEEPER, SECOND_KEEPER = Actor("stock-1", Role.STOCK), Actor("stock-2", Role.STOCK)
DAY = timedelta(days=1)


@pytest.fixture
def told(office: Office) -> str:
    """An uncollected card whose holder was told."""
    card = produced(office)
    office.clock.ahead += RULES.delivery.notice_after + DAY
    assert office.registry.recalls.notify(CLERK) == [card]
    return card


@pytest.fixture
def returned(office: Office, told: str) -> str:
    office.clock.ahead += RULES.delivery.return_after + DAY
    office.registry.recalls.take_back(CLERK, told)
    return told


def test_nobody_is_told_before_the_time_or_twice(office: Office) -> None:
    card = produced(office)
    office.clock.ahead += RULES.delivery.notice_after - DAY
    assert office.registry.recalls.notify(CLERK) == []
    office.clock.ahead += 2 * DAY
    assert office.registry.recalls.notify(CLERK) == [card]
    assert office.registry.recalls.notify(SUPERVISOR) == []
    with office.registry.database.reading() as session:
        (notice,) = session.scalars(select(Notice))
        assert notice.template == Template.CARD_UNCOLLECTED


def test_a_delivered_card_waits_for_nobody(office: Office) -> None:
    office.issue()
    office.clock.ahead += RULES.delivery.notice_after + DAY
    assert office.registry.recalls.notify(CLERK) == []


def test_another_offices_cards_are_not_told_of(office: Office) -> None:
    produced(office)
    office.clock.ahead += RULES.delivery.notice_after + DAY
    assert office.registry.recalls.notify(Actor("clerk-1", Role.CLERK, "2")) == []


def test_the_person_may_still_come(office: Office, told: str) -> None:
    delivery = office.open_delivery(told)
    office.registry.deliveries.complete(CLERK, delivery.delivery_id, office.accept(delivery))
    assert statuses(office) == {Status.GOOD}
    assert office.registry.recalls.open(CLERK) == []
    office.clock.ahead += RULES.delivery.return_after + DAY
    with pytest.raises(ForbiddenTransitionError, match="active can't be: take back"):
        office.registry.recalls.take_back(CLERK, told)


def test_it_is_not_taken_back_before_its_time_or_untold(office: Office, told: str) -> None:
    office.clock.ahead += RULES.delivery.return_after - 2 * DAY
    with pytest.raises(NotYetError):
        office.registry.recalls.take_back(CLERK, told)
    with pytest.raises(NotFoundError):
        office.registry.recalls.take_back(CLERK, produced(office, 1))
    with pytest.raises(NotYetError):
        office.registry.recalls.end(SUPERVISOR, told)


def test_what_was_taken_back_is_not_handed_over(office: Office, told: str) -> None:
    office.clock.ahead += RULES.delivery.return_after + DAY
    office.open_delivery(told)
    office.registry.recalls.take_back(CLERK, told)
    with pytest.raises(ForbiddenTransitionError):
        office.open_delivery(told)
    with office.registry.database.reading() as session:
        assert [row.closed_for for row in session.scalars(select(Delivery))] == ["returned"]
    with pytest.raises(ForbiddenTransitionError):
        office.registry.recalls.take_back(CLERK, told)


def test_a_second_person_ends_it_and_two_more_destroy_the_body(office: Office, returned: str) -> None:
    recalls, stock = office.registry.recalls, office.registry.stock
    with pytest.raises(SecondPersonError):
        recalls.end(CLERK, returned)
    assert statuses(office) == {Status.ON_HOLD}
    recalls.end(SUPERVISOR, returned)
    recalls.end(SUPERVISOR, returned)  # asked again
    assert statuses(office) == {Status.REVOKED}
    assert recalls.open(CLERK) == []
    with office.registry.database.reading() as session:
        card = session.get_one(Card, returned)
        assert (card.state, card.application.state) == (CardState.VOIDED, ApplicationState.WITHDRAWN)
    stock.condemn(KEEPER, [returned], "uncollected")
    with pytest.raises(SecondPersonError):
        stock.destroy(KEEPER, [returned], "shredded")
    stock.destroy(SECOND_KEEPER, [returned], "shredded")
    with office.registry.database.reading() as session:
        assert session.get_one(Body, returned).state == BodyState.DESTROYED
    office.issue()  # the person applies anew


def test_an_authority_that_refuses_is_asked_again(
    office: Office, returned: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PkiError("out of order")

    monkeypatch.setattr(office.pki.authority, "revoke", refuse)
    with pytest.raises(PkiError):
        office.registry.recalls.end(SUPERVISOR, returned)
    monkeypatch.undo()
    office.registry.recalls.end(SUPERVISOR, returned)
    assert statuses(office) == {Status.REVOKED}


def test_whose_work_it_is_not(office: Office, returned: str) -> None:
    recalls, stranger = office.registry.recalls, Actor("clerk-1", Role.CLERK, "2")
    with pytest.raises(NotFoundError):
        recalls.end(stranger, returned)
    for actor in (KEEPER, Actor("administrator-1", Role.ADMINISTRATOR)):
        with pytest.raises(RoleRequiredError):
            recalls.notify(actor)
        with pytest.raises(RoleRequiredError):
            recalls.take_back(actor, returned)
        with pytest.raises(RoleRequiredError):
            recalls.end(actor, returned)
        with pytest.raises(RoleRequiredError):
            recalls.open(actor)


@pytest.mark.parametrize(
    "change",
    [
        "returned_at = NULL",
        "returned_by = NULL",
        "ended_by = returned_by, ended_at = returned_at",
        "returned_at = NULL, returned_by = NULL, ended_by = 'supervisor-1', ended_at = noticed_at",
        "noticed_at = '2999-01-01 00:00:00'",
        "ended_at = returned_at",
    ],
)
def test_the_database_itself_refuses(office: Office, returned: str, change: str) -> None:
    assert returned
    with pytest.raises(DBAPIError), office.registry.database.writing() as session:
        session.execute(text(f"UPDATE card_recalls SET {change}"))  # noqa: S608 - our own text
