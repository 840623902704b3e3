"""Bookkeeping of bodies: any walk by the table of arrows adds up, and any lost body shows."""

from collections import Counter

from hypothesis import assume, given
from hypothesis import strategies as st

from issuance.stock.ledger import Flow, balance
from issuance.stock.states import BODY, ON_HAND, BodyEvent, BodyState

OFFICES = ("1", "2", "3")
WALKS = st.lists(
    st.tuples(
        st.sampled_from(OFFICES), st.lists(st.tuples(st.sampled_from(BodyEvent), st.sampled_from(OFFICES)))
    ),
    max_size=12,
)


def walk(office: str, events: list[tuple[BodyEvent, str]]) -> tuple[list[Flow], BodyState, str]:
    """What one body's ledger says, and where the body ends."""
    state, flows = BodyState.IN_STOCK, [Flow(None, None, BodyState.IN_STOCK, office, 1)]
    for event, other in events:
        if not BODY.allows(state, event) or (event is BodyEvent.SEND and other == office):
            continue
        target = BODY.after(state, event)
        goal = other if event is BodyEvent.SEND else office
        flows.append(Flow(state, office, target, goal, 1))
        state, office = target, goal
    return flows, state, office


@given(WALKS)
def test_every_office_adds_up(walks: list[tuple[str, list[tuple[BodyEvent, str]]]]) -> None:
    flows: list[Flow] = []
    there: Counter[str] = Counter()
    ends: Counter[BodyState] = Counter()
    for office, events in walks:
        lines, state, end = walk(office, events)
        flows += lines
        there[end] += state in ON_HAND
        ends[state] += 1
    balances = [balance(office, 0, flows, there[office]) for office in OFFICES]
    assert all(one.adds_up for one in balances)
    assert sum(one.used for one in balances) == ends[BodyState.USED]
    assert sum(one.spoiled for one in balances) == ends[BodyState.SPOILED] + ends[BodyState.CONDEMNED]
    assert sum(one.destroyed for one in balances) == ends[BodyState.DESTROYED]


@given(WALKS, st.data())
def test_a_body_more_or_less_shows(
    walks: list[tuple[str, list[tuple[BodyEvent, str]]]], data: st.DataObject
) -> None:
    found = [walk(office, events) for office, events in walks]
    flows = [line for lines, _, _ in found for line in lines]
    office = data.draw(st.sampled_from(OFFICES))
    there = sum(state in ON_HAND and end == office for _, state, end in found)
    wrong = data.draw(st.integers(0, 20))
    assume(wrong != there)
    assert not balance(office, 0, flows, wrong).adds_up


@given(WALKS, st.integers(0, 30))
def test_a_period_begins_where_the_last_one_ended(
    walks: list[tuple[str, list[tuple[BodyEvent, str]]]], cut: int
) -> None:
    flows = [line for office, events in walks for line in walk(office, events)[0]]
    for office in OFFICES:
        whole = balance(office, 0, flows, 0).expected
        before = balance(office, 0, flows[:cut], 0).expected
        assert balance(office, before, flows[cut:], whole).adds_up


def test_what_is_spent_stays_spent() -> None:
    for spent in (BodyState.USED, BodyState.SPOILED, BodyState.CONDEMNED, BodyState.DESTROYED):
        reached, new = {spent}, {spent}
        while new:
            new = {
                BODY.after(state, event) for state in new for event in BodyEvent if BODY.allows(state, event)
            }
            new -= reached
            reached |= new
        assert not reached & ON_HAND
