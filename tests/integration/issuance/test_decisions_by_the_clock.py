"""A decision on a card whose doing failed is done while the registry runs; nobody has to start it anew."""

from datetime import timedelta

import pytest
from sqlalchemy.exc import OperationalError

from issuance.housekeeping import housekeeping
from issuance.lifecycle.cards import get_card
from issuance.lifecycle.certificates import Certificates
from issuance.lifecycle.states import CardState, SuspensionReason
from issuance.massactions.errors import CardHeldError
from issuance.operators.service import Actor
from pki.errors import StatusError
from pki.status.state import Status
from tests.integration.issuance.office import CLERK, Office
from tests.integration.issuance.test_deliveries import statuses
from tests.integration.issuance.test_torn_decisions import agree, decisions, entries, state, suspend
from tests.waiting import wait_for

BUSY = OperationalError("UPDATE", {}, Exception("database is locked"))


def decide(office: Office, number: str, by: Actor = CLERK) -> None:
    """The decision alone: as a process leaves it that dies before it is done."""
    with office.registry.database.writing() as session:
        card = get_card(session, number)
        office.registry.lifecycle.decide_hold(session, by, card, SuspensionReason.FOUND)


def test_a_busy_authority_is_asked_again(office: Office) -> None:
    number = office.issue()
    with pytest.MonkeyPatch.context() as patch:

        def busy(*_arguments: object) -> None:
            raise BUSY

        patch.setattr(Certificates, "hold", busy)
        with pytest.raises(OperationalError):
            suspend(office, number)
        office.clock.ahead = timedelta(minutes=2)
        assert office.registry.lifecycle.finish_decided() == 1, "and it stays"
        assert decisions(office) == 1
        assert state(office, number) is CardState.ACTIVE
    with housekeeping(office.registry, pause_s=0.05):
        wait_for(lambda: decisions(office) == 0)
    agree(office, number)
    assert state(office, number) is CardState.SUSPENDED
    assert entries(office, "card.suspended") == [CLERK.username]


def test_a_young_decision_is_its_requests_own(office: Office) -> None:
    number = office.issue()
    decide(office, number)
    rounds: list[int] = []
    finish = office.registry.lifecycle.finish_decided
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(office.registry.lifecycle, "finish_decided", lambda age: rounds.append(finish(age)))
        with housekeeping(office.registry, pause_s=0.01):
            wait_for(lambda: len(rounds) >= 3)
    assert set(rounds) == {0}
    assert decisions(office) == 1
    office.clock.ahead = timedelta(minutes=2)
    with housekeeping(office.registry, pause_s=0.05):
        wait_for(lambda: decisions(office) == 0)
    agree(office, number)


def test_a_card_whose_doing_fails_keeps_no_other_waiting(office: Office) -> None:
    first, second = office.issue(0), office.issue(1)
    decide(office, first)
    decide(office, second)
    office.clock.ahead = timedelta(minutes=2)
    hold, seen = Certificates.hold, []

    def busy_once(certificates: Certificates, serials: set[int], *rest: str) -> None:
        seen.append(serials)
        if len(seen) == 1:
            raise BUSY
        hold(certificates, serials, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Certificates, "hold", busy_once)
        assert office.registry.lifecycle.finish_decided(timedelta(minutes=1)) == 2
    assert {state(office, first), state(office, second)} == {CardState.ACTIVE, CardState.SUSPENDED}
    assert office.registry.lifecycle.finish_decided(timedelta(minutes=1)) == 1
    assert {state(office, first), state(office, second)} == {CardState.SUSPENDED}
    assert statuses(office) == {Status.ON_HOLD}


@pytest.mark.parametrize("error", [StatusError(1, "refused"), CardHeldError("A" * 16)])
def test_what_is_refused_is_dropped_and_not_asked_again(office: Office, error: Exception) -> None:
    """A resumption that a mass action overtook, too: else the card could not even be revoked."""
    number = office.issue()
    decide(office, number)
    office.clock.ahead = timedelta(minutes=2)
    with pytest.MonkeyPatch.context() as patch:

        def refuse(*_arguments: object) -> None:
            raise error

        patch.setattr(Certificates, "hold", refuse)
        assert office.registry.lifecycle.finish_decided() == 1
    assert office.registry.lifecycle.finish_decided() == 0
    assert entries(office, "card.decision-dropped") == [CLERK.username]
    agree(office, number)
    assert state(office, number) is CardState.ACTIVE
