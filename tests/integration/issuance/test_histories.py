"""Histories: complete, in order, page by page, of the right subject, and for those who may see them."""

from collections.abc import Callable

import httpx
import pytest
from sqlalchemy import event

from issuance.errors import InvalidInputError, NotFoundError, RoleRequiredError
from issuance.histories.service import Event, HistoryOf, Page
from issuance.lifecycle.states import RevocationCause, SuspensionReason
from issuance.models import Body
from issuance.operators.models import Role
from issuance.operators.service import Actor
from tests.integration.issuance.office import CLERK, SUPERVISOR, Office

KEEPER = Actor("stock-1", Role.STOCK)


def everything(office: Office, whose: HistoryOf, identifier: str, most: int = 3) -> list[Event]:
    found: list[Event] = []
    cursor = None
    while True:
        page = office.registry.histories.page(CLERK, whose, identifier, cursor, most)
        assert len(page.events) <= most
        found += page.events
        cursor = page.next
        if cursor is None:
            return found


@pytest.fixture
def lived(office: Office) -> str:
    """A card that was used, stopped, resumed and lost."""
    card = office.issue()
    office.registry.lifecycle.suspend(CLERK, card, SuspensionReason.FOUND)
    office.registry.lifecycle.resume(SUPERVISOR, card)
    office.registry.lifecycle.revoke(CLERK, card, RevocationCause.LOST)
    return card


def test_a_cards_whole_life_with_who_and_why(office: Office, lived: str) -> None:
    told = everything(office, HistoryOf.CARD, lived)
    what = [one.what for one in reversed(told)]
    for action in (
        *("stock.receive", "stock.take", "card.taken", "card.produced", "delivery.checked"),
        *("delivery.opened", "delivery.proven", "card.delivered", "card.suspended", "card.resumed"),
        "card.revoked",
    ):
        assert action in what
    assert what.index("stock.receive") < what.index("card.taken") < what.index("card.delivered")
    assert [one.at for one in told] == sorted((one.at for one in told), reverse=True)
    by = {one.what: one for one in told}
    assert (by["card.resumed"].who, by["card.suspended"].who) == (SUPERVISOR.username, CLERK.username)
    assert by["card.suspended"].details["reason"] == "found"
    assert by["card.revoked"].details["cause"] == "lost"
    assert by["stock.take"].why.startswith("production ")


@pytest.mark.parametrize("most", [1, 2, 7, 200])
def test_pages_of_any_size_tell_the_same(office: Office, lived: str, most: int) -> None:
    told = everything(office, HistoryOf.CARD, lived, most)
    positions = [one.position for one in told]
    assert positions == sorted(set(positions), reverse=True)
    assert told == everything(office, HistoryOf.CARD, lived, 50)


def test_a_citizens_history_holds_all_their_cards_and_nobody_elses(office: Office, lived: str) -> None:
    second = office.issue()
    other = office.issue(1)
    told = everything(office, HistoryOf.CITIZEN, office.people.person(0).national_code, 50)
    subjects = {one.subject for one in told}
    assert {f"card:{lived}", f"card:{second}", f"body:{lived}", f"body:{second}"} <= subjects
    assert f"card:{other}" not in subjects
    assert {"application.opened", "application.approve", "production.started"} <= {one.what for one in told}
    code = office.people.person(0).national_code
    assert code not in str([(one.subject, one.why, one.details) for one in told])


def test_an_orders_history(office: Office) -> None:
    application = office.approved()
    office.insert(office.blank())
    card = office.produce(application).card_number
    told = everything(office, HistoryOf.ORDER, application)
    assert {f"application:{application}", f"card:{card}"} <= {one.subject for one in told}


def test_a_batchs_history_for_the_stocks_people_too(office: Office, lived: str) -> None:
    with office.registry.database.reading() as session:
        batch = session.get_one(Body, lived).batch_id
    told = office.registry.histories.page(KEEPER, HistoryOf.BATCH, batch).events
    assert {"stock.announced", "stock.counted", "stock.confirmed", "stock.receive", "stock.take"} <= {
        one.what for one in told
    }


def statements(office: Office, call: Callable[[], Page]) -> int:
    count = 0

    def counted(*_: object) -> None:
        nonlocal count
        count += 1

    event.listen(office.registry.database.engine, "before_cursor_execute", counted)
    try:
        call()
    finally:
        event.remove(office.registry.database.engine, "before_cursor_execute", counted)
    return count


def test_a_page_takes_as_many_statements_however_much_it_holds(office: Office, lived: str) -> None:
    histories, code = office.registry.histories, office.people.person(0).national_code
    assert lived
    small = statements(office, lambda: histories.page(CLERK, HistoryOf.CITIZEN, code, None, 1))
    office.issue()
    large = statements(office, lambda: histories.page(CLERK, HistoryOf.CITIZEN, code, None, 200))
    assert small == large == 4  # BEGIN, whether there is such a citizen, the chain, the ledger


@pytest.mark.parametrize("whose", HistoryOf)
@pytest.mark.parametrize("identifier", ["0000000009", "x", "", "' OR 1=1", "\x00", "۱۲۳", "%"])
def test_nobody_of_that_name(office: Office, whose: HistoryOf, identifier: str) -> None:
    with pytest.raises(NotFoundError):
        office.registry.histories.page(CLERK, whose, identifier)


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "1.2.3.",
        "-1.0.0.",
        "1.0",
        "9" * 19 + ".1.1.",
        "9223372036854775807.1.1.",
        "253402300800000000.1.1.",
        "1.1.1.1'",
    ],
)
def test_cursors_that_are_none(office: Office, lived: str, cursor: str) -> None:
    with pytest.raises(InvalidInputError):
        office.registry.histories.page(CLERK, HistoryOf.CARD, lived, cursor)


@pytest.mark.parametrize("role", [Role.PRODUCTION, Role.ADMINISTRATOR, Role.STOCK])
def test_whom_it_does_not_concern(office: Office, lived: str, role: Role) -> None:
    with pytest.raises(RoleRequiredError):
        office.registry.histories.page(Actor("x", role), HistoryOf.CARD, lived)


def test_at_the_api(clerk: httpx.Client, lived: str) -> None:
    first = clerk.post("/histories/card", json={"identifier": lived, "most": 2}).json()
    assert first["events"][0]["what"] == "card.revoked"
    second = clerk.post(
        "/histories/card", json={"identifier": lived, "most": 2, "cursor": first["next"]}
    ).json()
    assert len(second["events"]) == 2
    assert second["events"][0] not in first["events"]
    assert clerk.post("/histories/people", json={"identifier": lived}).status_code == 422
    assert clerk.post("/histories/card", json={"identifier": lived, "most": 0}).status_code == 422
    wrong = clerk.post("/histories/card", json={"identifier": lived, "cursor": "zzz"})
    assert wrong.json()["type"].endswith("invalid-input")


def test_why_is_what_somebody_said_or_the_reason_on_record(office: Office) -> None:
    application = office.enrol()
    office.registry.approval.send_back(SUPERVISOR, application, "the portrait is dark")
    office.registry.enrolment.submit(CLERK, application)
    office.registry.approval.approve(SUPERVISOR, application, note="seen in person")
    office.registry.orders.make_urgent(SUPERVISOR, application, "a journey to hospital")
    office.insert(office.blank())
    card = office.produce(application).card_number
    assert card is not None
    office.registry.lifecycle.revoke(CLERK, card, RevocationCause.DAMAGED)
    told = {one.what: one.why for one in everything(office, HistoryOf.ORDER, application)}
    assert told["application.approve"] == "seen in person"
    assert told["application.opened"] == told["application.submitted"] == "new"
    assert told["order.urgent"] == "a journey to hospital"
    assert told["card.revoked"] == "damaged"
    assert told["application.return"] == "other"  # of its words only the last decision's are kept
    assert "hospital" not in str([one.details for one in everything(office, HistoryOf.ORDER, application)])
