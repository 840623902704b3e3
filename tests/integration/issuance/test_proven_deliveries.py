"""A card that has proven itself while the authority is away: the counter can't undo that by halves."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from issuance.delivery.models import Delivery
from issuance.delivery.rules import Seen
from issuance.delivery.states import DeliveryState, RefusalReason
from issuance.enrolment.kinds import RULES
from issuance.errors import ForbiddenTransitionError
from issuance.housekeeping import housekeeping
from issuance.lifecycle.models import Card
from issuance.lifecycle.states import CardState, RevocationCause
from issuance.production.models import Production
from issuance.production.steps import ProductionState
from pki.errors import PkiError
from pki.status.state import Status
from tests.integration.issuance.office import CLERK, SUPERVISOR, Office, Readers, open_registry
from tests.integration.issuance.test_deliveries import produced, statuses
from tests.waiting import wait_for

DAY = timedelta(days=1)
NOBODYS = Seen("birth_certificate", same_person=False)


@contextmanager
def away(office: Office, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The authority does not answer: what no test can bring about otherwise, between two commits."""

    def fail(*_: object) -> None:
        raise PkiError("away")

    with monkeypatch.context() as patched:
        for name in ("activate_card", "revoke"):
            patched.setattr(office.pki.authority, name, fail)
        yield


def proven(office: Office, card: str, monkeypatch: pytest.MonkeyPatch) -> str:
    delivery = office.open_delivery(card)
    answer = office.accept(delivery)
    with away(office, monkeypatch), pytest.raises(PkiError):
        office.registry.deliveries.complete(CLERK, delivery.delivery_id, answer)
    return delivery.delivery_id


def state(office: Office, card: str) -> str:
    with office.registry.database.reading() as session:
        return session.get_one(Card, card).state


COUNTER: dict[str, Callable[[Office, str], object]] = {
    "refused": lambda office, card: office.registry.identity_checks.refuse(
        CLERK, card, RefusalReason.UNWANTED
    ),
    "checked": lambda office, card: office.registry.identity_checks.check(CLERK, card, NOBODYS),
    "taken back": lambda office, card: office.registry.recalls.take_back(CLERK, card),
}


@pytest.mark.parametrize("word", COUNTER)
def test_nothing_is_recorded_against_it_until_it_is_finished(
    office: Office, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    card = produced(office)
    office.clock.ahead += RULES.delivery.notice_after + DAY
    office.registry.recalls.notify(CLERK)
    proven(office, card, monkeypatch)
    office.clock.ahead += RULES.delivery.return_after + DAY
    with away(office, monkeypatch), pytest.raises(PkiError):
        COUNTER[word](office, card)
    assert statuses(office) == {Status.ON_HOLD}
    with pytest.raises(ForbiddenTransitionError):
        COUNTER[word](office, card)  # it has been handed over
    assert (state(office, card), statuses(office)) == (CardState.ACTIVE, {Status.GOOD})


def test_what_stops_it_is_its_revocation(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    card = produced(office)
    delivery = proven(office, card, monkeypatch)
    office.registry.lifecycle.revoke(CLERK, card, RevocationCause.WITHDRAWN)
    office.registry.deliveries.finish_proven()
    with office.registry.database.reading() as session:
        assert session.get_one(Delivery, delivery).state == DeliveryState.CLOSED
    assert (state(office, card), statuses(office)) == (CardState.REVOKED, {Status.REVOKED})


def test_a_voiding_that_began_meanwhile_ends_it(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """No way leads there; who writes SQL, or a home of earlier days, may have it all the same."""
    card = produced(office)
    proven(office, card, monkeypatch)
    with office.registry.database.writing() as session:
        session.execute(text("UPDATE productions SET state = 'voiding'"))
    office.registry.deliveries.finish_proven()
    assert statuses(office) == {Status.ON_HOLD}
    office.registry.production.finish_voidings()
    assert (state(office, card), statuses(office)) == (CardState.VOIDED, {Status.REVOKED})


def test_a_voiding_of_a_card_that_is_live_revokes_it_and_stops_no_start(office: Office) -> None:
    card = office.issue()
    with office.registry.database.writing() as session:
        session.execute(text("UPDATE productions SET state = 'voiding'"))
    open_registry(office.home, office.pki, office.register, Readers(), office.clock).close()
    assert (state(office, card), statuses(office)) == (CardState.REVOKED, {Status.REVOKED})
    with office.registry.database.reading() as session:
        assert set(session.scalars(select(Production.state))) == {ProductionState.VOIDED.value}


def test_somebody_elses_stops_no_delivery(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    proven(office, produced(office), monkeypatch)
    office.remove()
    other = produced(office, 1)
    with away(office, monkeypatch):
        assert office.registry.deliveries.finish_proven() == 1  # tried, and told in the log
        office.open_delivery(other)
    assert office.registry.deliveries.finish_proven() == 1


def test_the_clock_finishes_it(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    card = produced(office)
    proven(office, card, monkeypatch)
    with housekeeping(office.registry, pause_s=0.05):
        wait_for(lambda: state(office, card) == CardState.ACTIVE)
    assert statuses(office) == {Status.GOOD}


def test_the_clock_goes_on_with_a_voiding(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    card = produced(office)
    with away(office, monkeypatch):
        for left in range(RULES.delivery.failed_checks - 1, -1, -1):
            with nullcontext() if left else pytest.raises(PkiError):
                office.registry.identity_checks.check(CLERK, card, NOBODYS)
    assert statuses(office) == {Status.ON_HOLD}
    office.clock.ahead += DAY
    with housekeeping(office.registry, pause_s=0.05):
        wait_for(lambda: state(office, card) == CardState.VOIDED)
    assert statuses(office) == {Status.REVOKED}


def test_opening_it_again_finishes_it_first(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    card = produced(office)
    proven(office, card, monkeypatch)
    with away(office, monkeypatch), pytest.raises(PkiError):
        office.registry.deliveries.open(CLERK, card)
    with pytest.raises(ForbiddenTransitionError):
        office.registry.deliveries.open(CLERK, card)
    assert (state(office, card), statuses(office)) == (CardState.ACTIVE, {Status.GOOD})


def test_a_card_that_was_taken_back_ends_by_somebody_else_and_no_other_way(office: Office) -> None:
    card = produced(office)
    office.clock.ahead += RULES.delivery.notice_after + DAY
    office.registry.recalls.notify(CLERK)
    office.clock.ahead += RULES.delivery.return_after + DAY
    office.registry.recalls.take_back(CLERK, card)
    office.registry.lifecycle.revoke(CLERK, card, RevocationCause.WITHDRAWN)
    with pytest.raises(ForbiddenTransitionError):
        office.registry.recalls.end(SUPERVISOR, card)


@pytest.mark.parametrize("state", ["active", "suspended"])
def test_the_database_lets_no_card_live_whose_run_is_being_voided(office: Office, state: str) -> None:
    produced(office)
    with office.registry.database.writing() as session:
        session.execute(text("UPDATE productions SET state = 'voiding'"))
    with pytest.raises(DBAPIError), office.registry.database.writing() as session:
        session.execute(text("UPDATE cards SET state = :state"), {"state": state})
