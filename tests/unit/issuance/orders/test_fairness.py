"""Urgent orders come first, and nobody starves."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from issuance.orders.fairness import HEAD_START, rank, urgent_quota

START = datetime(2026, 11, 7, tzinfo=UTC)
APPROVALS = st.lists(
    st.tuples(
        st.integers(0, 60 * 24 * 40).map(lambda minutes: START + timedelta(minutes=minutes)), st.booleans()
    ),
    min_size=2,
    max_size=40,
)


@given(APPROVALS)
def test_nobody_is_overtaken_by_who_came_much_later(orders: list[tuple[datetime, bool]]) -> None:
    served = sorted(orders, key=lambda order: rank(order[0], urgent=order[1]))
    for place, (approved_at, _) in enumerate(served):
        for earlier, urgent in served[:place]:
            assert earlier <= approved_at or (urgent and earlier - approved_at <= HEAD_START)


@given(APPROVALS)
def test_equals_are_served_as_they_came(orders: list[tuple[datetime, bool]]) -> None:
    for kind in (True, False):
        alike = [at for at, urgent in orders if urgent is kind]
        assert sorted(alike, key=lambda at: rank(at, urgent=kind)) == sorted(alike)


@given(st.integers(0, 100_000))
def test_the_quota_leaves_most_places_to_the_others(waiting: int) -> None:
    assert 1 <= urgent_quota(waiting) <= max(1, waiting / 10)
