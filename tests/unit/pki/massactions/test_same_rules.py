"""One statement over many certificates does what the rules do to each by itself."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update
from sqlalchemy.orm import Session

from pki.authority.transitions import Standing, apply_change
from pki.errors import ForbiddenTransitionError
from pki.massactions.selection import Selection, listed
from pki.massactions.values import Kind, Terms
from pki.status import RevocationReason, Status
from pki.status.state import Hold
from pki.store.models import CertificateRow, Issuer
from tests.unit.pki.massactions.world import START, World

TERMS = [
    Terms(Kind.HOLD, "batch"),
    Terms(Kind.RELEASE, "batch"),
    Terms(Kind.REVOKE, "batch", RevocationReason.KEY_COMPROMISE, START - timedelta(days=3)),
    Terms(Kind.REVOKE, "batch", RevocationReason.SUPERSEDED),
]


@st.composite
def standings(draw: st.DrawFn) -> Standing:
    """Every way to stand that the table's constraints allow, likely or not."""
    status = draw(st.sampled_from(Status))
    held_by = draw(st.sampled_from(Hold)) if status is Status.ON_HOLD else None
    weaker = [None, Hold.DELIVERY, Hold.REGISTRY] if held_by is Hold.OFFICER else [None]
    activated = status is Status.GOOD or draw(st.booleans())
    return Standing(status, held_by, draw(st.sampled_from(weaker)), activated)


def outcome(row: CertificateRow) -> tuple[Any, ...]:
    published = (row.status, row.reason, row.since, row.invalidity_date, row.changed > 1)
    return (*published, row.held_by, row.held_under, row.activated)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    population=st.lists(st.tuples(standings(), st.booleans()), min_size=1, max_size=14),
    terms=st.sampled_from(TERMS),
    issuer=st.sampled_from(["citizen-auth-g1", "citizen-sign-g1"]),
)
def test_a_mass_action_is_many_single_changes(
    either_world: World, population: list[tuple[Standing, bool]], terms: Terms, issuer: str
) -> None:
    world = either_world
    ways, expired = zip(*population, strict=True)
    together = world.add(ways, issuer=issuer, expired=expired)
    apart = world.add(ways, issuer=issuer, expired=expired)
    with Session(world.engine) as session, session.begin():  # from here on a new version is above 1
        session.execute(update(Issuer).values(status_version=Issuer.status_version + 1))
    done = world.carry_out(world.mass.propose(Selection(serials=listed(together)), terms, "officer-a"))
    refused = 0
    for serial in apart:
        try:
            with Session(world.engine) as session, session.begin():
                apply_change(session, serial, terms.change("officer-b"), world.now)
        except ForbiddenTransitionError:
            refused += 1
    assert [outcome(row) for row in world.rows(together)] == [outcome(row) for row in world.rows(apart)]
    assert sum(done.skipped.values()) == refused
    assert done.done == done.total == len(together)


@pytest.mark.parametrize("microsecond", [0, 1, 999_999])
@pytest.mark.parametrize("past", [True, False])
def test_the_last_second_of_a_life_belongs_to_it(world: World, microsecond: int, past: bool) -> None:
    """`not_after` is inclusive (RFC 5280 §4.1.2.5), and clocks know parts of a second."""
    world.now = START.replace(microsecond=microsecond)
    (serial,) = world.add([Standing(Status.GOOD, None, None, activated=True)], expired=[past])
    done = world.carry_out(
        world.mass.propose(Selection(serials=(serial,)), Terms(Kind.HOLD, "batch"), "officer-a")
    )
    late = past and microsecond > 0
    assert done.skipped == ({"expired": 1} if late else {})
