"""The promised date: never earlier than it can be, and unknown rather than a lie."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issuance.orders.promise import HORIZON, Arrival, Outlook, promised_date
from issuance.registry.workdays import IRANIAN_WEEK, Workdays

SATURDAY = date(2026, 11, 7)
EVERY_DAY = Workdays(frozenset())
ARRIVALS = st.lists(
    st.builds(
        Arrival, st.dates(SATURDAY - timedelta(days=9), SATURDAY + timedelta(days=60)), st.integers(1, 50)
    ),
    max_size=5,
)
OUTLOOKS = st.builds(
    Outlook,
    st.just(SATURDAY),
    st.integers(0, 100),
    ARRIVALS,
    st.one_of(st.none(), st.floats(0, 30)),
    st.floats(1, 3),
)


def test_with_bodies_and_a_pace_it_is_position_by_pace() -> None:
    outlook = Outlook(SATURDAY, on_hand=100, arrivals=(), cards_per_day=10)
    assert promised_date(0, outlook, EVERY_DAY) == SATURDAY + timedelta(days=2)  # made on Sunday
    assert promised_date(9, outlook, EVERY_DAY) == SATURDAY + timedelta(days=2)
    assert promised_date(10, outlook, EVERY_DAY) == SATURDAY + timedelta(days=3)
    assert promised_date(99, outlook, EVERY_DAY) == SATURDAY + timedelta(days=11)


def test_nobody_works_on_thursday_and_friday() -> None:
    outlook = Outlook(SATURDAY, on_hand=100, arrivals=(), cards_per_day=10)
    assert promised_date(39, outlook, IRANIAN_WEEK) == SATURDAY + timedelta(days=7)  # made on Wednesday


def test_without_bodies_it_waits_for_those_announced() -> None:
    arrival = Arrival(SATURDAY + timedelta(days=4), 20)
    outlook = Outlook(SATURDAY, on_hand=5, arrivals=(arrival,), cards_per_day=10)
    assert promised_date(4, outlook, EVERY_DAY) == SATURDAY + timedelta(days=2)
    assert promised_date(5, outlook, EVERY_DAY) == SATURDAY + timedelta(days=5)


@pytest.mark.parametrize(
    "outlook",
    [
        Outlook(SATURDAY, 100, (), None),
        Outlook(SATURDAY, 100, (), 0),
        Outlook(SATURDAY, 5, (), 10),
        Outlook(SATURDAY, 5, (Arrival(SATURDAY + timedelta(days=3), 1),), 10),
        Outlook(SATURDAY, 0, (Arrival(SATURDAY - timedelta(days=1), 100),), 10),
        Outlook(SATURDAY, 7, (), 10, bodies_per_card=1.5),
        Outlook(SATURDAY, 100, (), 6 / (2 * HORIZON)),
        Outlook(SATURDAY, 5, (Arrival(date(2029, 1, 1), 100),), 10),
    ],
    ids=["never measured", "nothing made", "no bodies", "too few", "overdue", "waste", "too slow", "too far"],
)
def test_unknown_is_said(outlook: Outlook) -> None:
    assert promised_date(6, outlook, EVERY_DAY) is None


def can_be_made_by(day: date, ahead: int, outlook: Outlook, week: Workdays) -> bool:
    """An oracle of its own: day by day in whole steps, without the clever loop."""
    bodies, made = float(outlook.on_hand), 0.0
    today = outlook.today
    for arrival in outlook.arrivals:
        bodies += arrival.bodies if arrival.on == today else 0
    while today < day:
        today += timedelta(days=1)
        bodies += sum(arrival.bodies for arrival in outlook.arrivals if arrival.on == today)
        if week.is_open(today):
            cards = min(outlook.cards_per_day or 0, bodies / outlook.bodies_per_card)
            made, bodies = made + cards, bodies - cards * outlook.bodies_per_card
    return made >= ahead + 1 - 1e-5


@given(OUTLOOKS, st.integers(0, 60), st.sampled_from([EVERY_DAY, IRANIAN_WEEK]))
def test_what_is_promised_can_be_kept(outlook: Outlook, ahead: int, week: Workdays) -> None:
    promised = promised_date(ahead, outlook, week)
    if promised is not None:
        assert week.is_open(promised)
        assert can_be_made_by(promised - timedelta(days=1), ahead, outlook, week)


@given(OUTLOOKS, st.integers(0, 60))
def test_whoever_is_behind_is_not_promised_an_earlier_day(outlook: Outlook, ahead: int) -> None:
    first, second = (promised_date(place, outlook, IRANIAN_WEEK) for place in (ahead, ahead + 1))
    if second is not None:
        assert first is not None
        assert first <= second


@given(OUTLOOKS, st.integers(0, 60), st.integers(0, 50))
def test_more_bodies_never_make_it_later(outlook: Outlook, ahead: int, more: int) -> None:
    richer = Outlook(
        outlook.today,
        outlook.on_hand + more,
        outlook.arrivals,
        outlook.cards_per_day,
        outlook.bodies_per_card,
    )
    before, after = (promised_date(ahead, each, IRANIAN_WEEK) for each in (outlook, richer))
    if before is not None:
        assert after is not None
        assert after <= before
