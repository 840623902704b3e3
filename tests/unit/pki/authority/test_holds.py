"""Holds of several owners on one certificate: none lifts another's, and none is forgotten."""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from pki.authority import CertificateRequest
from pki.authority.transitions import Change, Refusal, Standing, decide
from pki.bootstrap import Pki
from pki.errors import (
    AlreadyInStateError,
    CertificateExpiredError,
    HeldByOthersError,
    InvalidityDateError,
    NotActivatedError,
)
from pki.status import RevocationReason, Status
from pki.status.state import Hold
from pki.store.models import CertificateRow, Issuer
from tests.delivery import issue_delivered

Requests = Callable[..., CertificateRequest]
OFFICER = Hold.OFFICER
ISSUER = "citizen-auth-g1"


def row_of(pki: Pki, serial: int) -> CertificateRow:
    with Session(pki.engine) as session:
        return session.scalars(select(CertificateRow).where(CertificateRow.serial == serial)).one()


def version(pki: Pki) -> int:
    with Session(pki.engine) as session:
        return session.get_one(Issuer, ISSUER).status_version


@pytest.fixture
def good(pki: Pki, citizen_request: Requests) -> int:
    return issue_delivered(pki.authority, citizen_request()).serial


@pytest.fixture
def undelivered(pki: Pki, citizen_request: Requests) -> int:
    return pki.authority.issue(citizen_request("undelivered")).serial


def test_an_officers_hold_is_not_lifted_by_the_registry(pki: Pki, good: int) -> None:
    pki.authority.suspend(good, "officer", "", OFFICER)
    with pytest.raises(HeldByOthersError) as caught:
        pki.authority.resume(good, "clerk-1", "")
    assert caught.value.held_by == "officer"
    pki.authority.resume(good, "officer", "", OFFICER)
    assert pki.status.state_of(good).is_good


@pytest.mark.parametrize("officer_first", [True, False])
def test_a_lost_cards_hold_outlives_the_officers(pki: Pki, good: int, officer_first: bool) -> None:
    for hold in (OFFICER, Hold.REGISTRY) if officer_first else (Hold.REGISTRY, OFFICER):
        pki.authority.suspend(good, "someone", "", hold)
    row = row_of(pki, good)
    assert (row.held_by, row.held_under) == ("officer", "registry")
    pki.authority.resume(good, "officer", "", OFFICER)
    row = row_of(pki, good)
    assert (row.status, row.held_by, row.held_under) == ("on_hold", "registry", None)
    pki.authority.resume(good, "clerk-1", "found")
    assert pki.status.state_of(good).is_good


def test_an_undelivered_card_goes_back_to_its_first_hold(pki: Pki, undelivered: int) -> None:
    before, since = version(pki), row_of(pki, undelivered).since
    pki.authority.suspend(undelivered, "officer", "", OFFICER)
    with pytest.raises(HeldByOthersError):
        pki.authority.activate(undelivered, "clerk-1", "")
    pki.authority.resume(undelivered, "officer", "", OFFICER)
    row = row_of(pki, undelivered)
    assert (row.status, row.held_by, row.since) == ("on_hold", "delivery", since)
    assert version(pki) == before, "nothing that a CRL says has changed"
    with pytest.raises(NotActivatedError):
        pki.authority.resume(undelivered, "officer", "", OFFICER)
    pki.authority.activate(undelivered, "clerk-1", "")
    assert pki.status.state_of(undelivered).is_good


def test_the_same_hold_twice_is_told(pki: Pki, good: int) -> None:
    pki.authority.suspend(good, "clerk-1", "")
    with pytest.raises(AlreadyInStateError):
        pki.authority.suspend(good, "clerk-1", "")
    pki.authority.suspend(good, "officer", "", OFFICER)
    for hold in (OFFICER, Hold.REGISTRY):
        with pytest.raises(AlreadyInStateError):
            pki.authority.suspend(good, "someone", "", hold)


def test_revocation_ends_every_hold(pki: Pki, good: int, clock: Any) -> None:
    pki.authority.suspend(good, "clerk-1", "")
    pki.authority.suspend(good, "officer", "", OFFICER)
    with pytest.raises(InvalidityDateError):
        pki.authority.revoke(good, RevocationReason.KEY_COMPROMISE, "officer", "", clock().replace(year=2030))
    pki.authority.revoke(good, RevocationReason.KEY_COMPROMISE, "officer", "", clock())
    row = row_of(pki, good)
    assert (row.status, row.held_by, row.held_under) == ("revoked", None, None)
    assert row.invalidity_date == clock().replace(microsecond=0)


def test_past_its_life_a_certificate_is_revoked_or_left(pki: Pki, good: int, clock: Any) -> None:
    clock.advance(days=366 * 5)
    for change in (pki.authority.suspend, pki.authority.resume):
        with pytest.raises((CertificateExpiredError, AlreadyInStateError)):
            change(good, "clerk-1", "")
    pki.authority.revoke(good, RevocationReason.SUPERSEDED, "clerk-1", "")
    assert pki.status.state_of(good).status is Status.REVOKED


HOLDS = [
    Standing(Status.ON_HOLD, by, under, activated)
    for by, under, activated in product(Hold, (None, Hold.DELIVERY, Hold.REGISTRY), (True, False))
]
CHANGES = [
    *(Change(Status.ON_HOLD, None, "", "", "", hold) for hold in (Hold.REGISTRY, OFFICER)),
    *(
        Change(Status.GOOD, None, "", "", "", hold, own_only=own)
        for hold in (Hold.REGISTRY, OFFICER)
        for own in (True, False)
    ),
    Change(Status.GOOD, None, "", "", "", Hold.DELIVERY, activates=True),
    Change(Status.REVOKED, None, "", "", ""),
]


@given(st.lists(st.sampled_from(CHANGES), max_size=12), st.booleans())
def test_every_walk_keeps_to_the_tables_constraints(changes: list[Change], held: bool) -> None:
    at_issue = (Status.ON_HOLD, Hold.DELIVERY, None, False) if held else (Status.GOOD, None, None, True)
    standing = Standing(*at_issue)
    delivered = not held
    for change in changes:
        after = decide(standing, change, expired=False)
        if isinstance(after, Refusal):
            continue
        assert standing.status is not Status.REVOKED
        delivered = delivered or change.activates
        assert after.activated is delivered
        assert (after.status is Status.ON_HOLD) == (after.held_by is not None)
        assert after.held_under is None or after.held_by is OFFICER
        assert delivered or after.status is not Status.GOOD
        standing = after


@given(st.sampled_from(HOLDS))
def test_an_own_only_release_leaves_others_holds_alone(standing: Standing) -> None:
    release = Change(Status.GOOD, None, "", "", "", OFFICER, own_only=True)
    after = decide(standing, release, expired=False)
    assert isinstance(after, Standing) == (standing.held_by is OFFICER)
