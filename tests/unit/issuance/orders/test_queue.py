"""The queue of an office: who is next, who holds what, what is urgent, and what people are told."""

from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest

from issuance.errors import InvalidInputError, NotFoundError, RoleRequiredError
from issuance.lifecycle.states import ApplicationEvent
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.orders.errors import NotWaitingError, OrderHeldError, UrgentQuotaError
from issuance.orders.fairness import HEAD_START
from issuance.orders.repository import CLAIM_LEASE, begin
from issuance.orders.service import PAGE, Orders
from issuance.stock.repository import Hand
from issuance.stock.service import Delivery
from issuance.stock.taking import take_body
from tests.depot import (
    CLERK,
    FAR_CLERK,
    FAR_SUPERVISOR,
    HERE,
    KEEPER,
    PRODUCER,
    START,
    SUPERVISOR,
    Depot,
)

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


def approved_a_minute_apart(depot: Depot, count: int) -> list[str]:
    orders = []
    for _ in range(count):
        orders.append(depot.approved())
        depot.clock.forward(MINUTE)
    return orders


def take(depot: Depot) -> str | None:
    taken = depot.orders.take(PRODUCER)
    return None if taken is None else taken.application_id


def start(depot: Depot, application: str, holder: str | None = None) -> None:
    with depot.database.writing() as session:
        begin(session, application, holder, depot.clock())
    depot.move(application, ApplicationEvent.START_PRODUCTION)


def test_first_come_first_served_and_each_once(depot: Depot) -> None:
    orders = approved_a_minute_apart(depot, 3)
    depot.approved(far=True)
    assert [take(depot) for _ in range(4)] == [*orders, None]


def test_what_nobody_begins_is_back_in_its_place(depot: Depot) -> None:
    first, second = approved_a_minute_apart(depot, 2)
    assert (take(depot), take(depot), take(depot)) == (first, second, None)
    depot.clock.forward(CLAIM_LEASE)
    assert (take(depot), take(depot)) == (first, second)


def test_what_is_put_back_is_next(depot: Depot) -> None:
    first, second = approved_a_minute_apart(depot, 2)
    taken = depot.orders.take(PRODUCER)
    assert taken is not None
    depot.orders.put_back(taken)
    assert (take(depot), take(depot)) == (first, second)
    depot.orders.put_back(taken)  # too late: somebody else holds it now
    assert take(depot) is None


def test_who_holds_an_order_begins_it_and_nobody_else(depot: Depot) -> None:
    order = depot.approved()
    taken = depot.orders.take(PRODUCER)
    assert taken is not None
    for other in (None, "another"):
        with pytest.raises(OrderHeldError):
            start(depot, order, other)
    start(depot, order, taken.holder)
    depot.clock.forward(CLAIM_LEASE * 2)
    assert take(depot) is None


def test_what_comes_back_from_production_keeps_its_place(depot: Depot) -> None:
    first, second, third = approved_a_minute_apart(depot, 3)
    start(depot, first)
    start(depot, second)
    depot.move(first, ApplicationEvent.VOID_PRODUCTION)
    depot.move(second, ApplicationEvent.FINISH_PRODUCTION)
    assert [view.application_id for view in depot.orders.queue(HERE)] == [first, third]
    depot.move(second, ApplicationEvent.LOSE_CARD)
    assert [take(depot) for _ in range(3)] == [first, second, third]


def test_urgent_is_a_head_start(depot: Depot) -> None:
    (old,) = approved_a_minute_apart(depot, 1)
    depot.clock.forward(HEAD_START)
    first, second = approved_a_minute_apart(depot, 2)
    depot.orders.make_urgent(SUPERVISOR, second, "surgery abroad")
    assert [view.application_id for view in depot.orders.queue(HERE)] == [old, second, first]
    assert [view.ahead for view in depot.orders.queue(HERE)] == [0, 1, 2]
    assert depot.orders.view(second).ahead == 1


def test_urgent_orders_have_a_quota(depot: Depot) -> None:
    orders = approved_a_minute_apart(depot, 20)
    depot.orders.make_urgent(SUPERVISOR, orders[5], "surgery")
    depot.orders.make_urgent(SUPERVISOR, orders[5], "surgery")
    depot.orders.make_urgent(SUPERVISOR, orders[6], "surgery")
    with pytest.raises(UrgentQuotaError) as refused:
        depot.orders.make_urgent(SUPERVISOR, orders[7], "surgery")
    assert refused.value.quota == 2
    start(depot, orders[5])
    with pytest.raises(UrgentQuotaError):
        depot.orders.make_urgent(SUPERVISOR, orders[7], "surgery")
    start(depot, orders[6])
    depot.orders.make_urgent(SUPERVISOR, orders[7], "surgery")


def test_what_may_not_be_urgent(depot: Depot) -> None:
    order, begun = approved_a_minute_apart(depot, 2)
    start(depot, begun)
    for actor in (CLERK, PRODUCER, KEEPER):
        with pytest.raises(RoleRequiredError):
            depot.orders.make_urgent(actor, order, "a friend")
    for reason in ("", " ", "x" * 201):
        with pytest.raises(InvalidInputError):
            depot.orders.make_urgent(SUPERVISOR, order, reason)
    with pytest.raises(NotFoundError):
        depot.orders.make_urgent(FAR_SUPERVISOR, order, "not theirs")
    with pytest.raises(NotFoundError):
        depot.orders.make_urgent(SUPERVISOR, "nothing", "x")
    with pytest.raises(NotWaitingError):
        depot.orders.make_urgent(SUPERVISOR, begun, "too late")


TAKING: dict[str, Callable[[Orders, Actor], object]] = {
    "take": lambda orders, actor: orders.take(actor),
    "tell": lambda orders, actor: orders.tell(actor, "x"),
    "retell": lambda orders, actor: orders.retell(actor),
}


@pytest.mark.parametrize("action", TAKING)
def test_stock_keepers_neither_take_nor_tell(depot: Depot, action: str) -> None:
    with pytest.raises(RoleRequiredError):
        TAKING[action](depot.orders, Actor("keeper", Role.STOCK, HERE))


def use(depot: Depot, serials: list[str], at: datetime) -> None:
    with depot.database.writing() as session:
        for serial in serials:
            take_body(session, serial, Hand("producer", at))


def measured(depot: Depot, *, bodies: int, per_day: int, days: int) -> None:
    """So many bodies on hand after so many working days, `per_day` of them used on each."""
    serials = [f"{number:010d}" for number in range(bodies + per_day * days)]
    depot.receive(serials)
    for day in range(days):
        use(depot, serials[day * per_day : (day + 1) * per_day], depot.clock())
        depot.clock.forward(DAY)


def test_the_date_is_kept_when_told_and_told_anew_when_it_changes(depot: Depot) -> None:
    measured(depot, bodies=3, per_day=2, days=2)  # Saturday and Sunday; now it is Monday, the 9th
    orders = approved_a_minute_apart(depot, 5)
    told = [depot.orders.tell(CLERK, order).promised_on for order in orders]
    assert told == [date(2026, 11, 11), date(2026, 11, 11), date(2026, 11, 14), None, None]
    assert depot.orders.tell(CLERK, orders[0]).number == 1
    assert depot.orders.retell(CLERK) == []
    depot.stock.announce(
        KEEPER, Delivery("P71", "more", [["0000001000", "0000001099"]], expected_on=date(2026, 11, 15))
    )
    anew = {promise.application_id: promise for promise in depot.orders.retell(CLERK)}
    assert {order: promise.promised_on for order, promise in anew.items()} == {
        orders[3]: date(2026, 11, 16),
        orders[4]: date(2026, 11, 16),
    }
    assert {promise.number for promise in anew.values()} == {2}
    assert depot.orders.retell(CLERK) == []
    assert depot.orders.retell(FAR_CLERK) == []
    view = depot.orders.view(orders[3])
    assert view.told is not None
    assert (view.expected_on, view.told.promised_on) == (date(2026, 11, 16), date(2026, 11, 16))


def test_nothing_is_promised_where_nothing_was_measured(depot: Depot) -> None:
    depot.receive(["0000000001"])
    order = depot.approved()
    assert depot.orders.tell(CLERK, order).promised_on is None
    use(depot, ["0000000001"], depot.clock())
    assert depot.orders.view(order).expected_on is None  # today is not over: it is no measure


def test_what_does_not_wait_is_promised_nothing(depot: Depot) -> None:
    order = depot.approved()
    start(depot, order)
    for look in (lambda: depot.orders.view(order), lambda: depot.orders.tell(CLERK, order)):
        with pytest.raises(NotWaitingError):
            look()
    with pytest.raises(NotFoundError):
        depot.orders.tell(CLERK, "nothing")


def test_cover_is_of_this_office_and_these_days(depot: Depot) -> None:
    measured(depot, bodies=9, per_day=3, days=2)
    view = depot.stock.view(HERE)
    assert (view.pace.days, view.pace.bodies_per_day, view.days_of_cover) == (2, 3, 3)
    assert (view.balance.used, view.balance.on_hand) == (6, 9)
    depot.clock.forward(DAY * 60)
    balance = depot.stock.view(HERE).balance
    assert (balance.opening, balance.received, balance.used, balance.on_hand) == (9, 0, 0, 9)
    assert depot.stock.view(HERE).days_of_cover is None
    assert depot.stock.view("2").days_of_cover is None


def test_the_queue_comes_in_stretches(depot: Depot) -> None:
    orders = approved_a_minute_apart(depot, 3)
    assert [view.application_id for view in depot.orders.queue(HERE, 1)] == orders[1:]
    assert [view.ahead for view in depot.orders.queue(HERE, 1)] == [1, 2]
    assert depot.orders.queue(HERE, PAGE) == []
    assert depot.clock() == START + 3 * MINUTE
