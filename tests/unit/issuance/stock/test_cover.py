"""How long the stock lasts, and which days count."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from issuance.registry.workdays import IRANIAN_WEEK, Workdays
from issuance.stock.cover import WINDOW, Pace, counted_days, days_of_cover

DAYS = st.dates(date(2025, 1, 1), date(2027, 1, 1))
WEEKS = st.sets(st.integers(0, 6), max_size=6).map(lambda closed: Workdays(frozenset(closed)))


def test_an_iranian_week() -> None:
    saturday = date(2026, 11, 7)
    week = [saturday + timedelta(days=day) for day in range(7)]
    assert [IRANIAN_WEEK.is_open(day) for day in week] == [True] * 5 + [False] * 2


def open_days(week: Workdays, first: date, end: date) -> int:
    return sum(week.is_open(first + timedelta(days=day)) for day in range((end - first).days))


@given(WEEKS, DAYS)
def test_the_last_days_are_open_and_past(week: Workdays, today: date) -> None:
    days = week.last(WINDOW, today)
    assert len(set(days)) == WINDOW
    assert all(week.is_open(day) and day < today for day in days)
    assert days == sorted(days, reverse=True)
    assert open_days(week, days[-1], today) == WINDOW


@given(DAYS, st.integers(0, 40))
def test_a_young_office_is_measured_over_the_days_it_had(today: date, age: int) -> None:
    first = today - timedelta(days=age)
    days = counted_days(IRANIAN_WEEK, today, first)
    assert len(days) == min(WINDOW, open_days(IRANIAN_WEEK, first, today))
    assert counted_days(IRANIAN_WEEK, today, None) == []


def test_cover() -> None:
    assert days_of_cover(120, Pace(days=10, taken=200, voided=10)) == 6
    assert days_of_cover(0, Pace(10, 200, 0)) == 0
    assert days_of_cover(120, Pace(0, 0, 0)) is None
    assert days_of_cover(120, Pace(10, 0, 0)) is None


def test_waste_takes_bodies_and_gives_no_cards() -> None:
    pace = Pace(days=10, taken=100, voided=20)
    assert (pace.bodies_per_day, pace.cards_per_day, pace.bodies_per_card) == (10, 8, 1.25)
    assert Pace(10, 5, 5).bodies_per_card == 1
    assert Pace(10, 5, 9).cards_per_day == 0  # voided now, taken before the window
