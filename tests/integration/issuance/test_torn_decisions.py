"""The process dies while a card is stopped, resumed or revoked: done at the next start, or it never was."""

from collections.abc import Callable

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from issuance.audit import AuditEntry
from issuance.errors import ForbiddenTransitionError
from issuance.lifecycle.models import Card, CardDecision
from issuance.lifecycle.states import CardState, RevocationCause, SuspensionReason
from pki.errors import StatusError, UnknownCertificateError
from pki.status.state import Status
from tests.integration.issuance.office import CLERK, ITS_PERSON, SUPERVISOR, Office
from tests.integration.issuance.tearing import DyingRegistry, ProcessDiedError
from tests.integration.issuance.test_calls import PHRASE, call
from tests.integration.issuance.test_deliveries import statuses
from tests.integration.issuance.test_mass_actions import hold_all, lift

AUTHORITY_DONE = 4
"""The place behind what the authority does, before the registry's own commit."""
Act = Callable[[Office, str], object]
STATUS = {
    CardState.ACTIVE: Status.GOOD,
    CardState.SUSPENDED: Status.ON_HOLD,
    CardState.REVOKED: Status.REVOKED,
}


def suspend(office: Office, number: str) -> None:
    office.registry.lifecycle.suspend(CLERK, number, SuspensionReason.FOUND)


def resume(office: Office, number: str) -> None:
    office.registry.lifecycle.resume(CLERK, number)


def revoke(office: Office, number: str) -> None:
    office.registry.lifecycle.revoke(SUPERVISOR, number, RevocationCause.STOLEN)


def phone(office: Office, _number: str) -> None:
    call(office)


def state(office: Office, number: str) -> CardState:
    with office.registry.database.reading() as session:
        return CardState(session.get_one(Card, number).state)


def decisions(office: Office) -> int:
    with office.registry.database.reading() as session:
        return session.scalar(select(func.count()).select_from(CardDecision)) or 0


def entries(office: Office, action: str) -> list[str]:
    with office.registry.database.reading() as session:
        return list(session.scalars(select(AuditEntry.actor).where(AuditEntry.action == action)))


def agree(office: Office, number: str) -> None:
    """Registry and authority say the same, and nothing waits."""
    assert decisions(office) == 0
    assert statuses(office) == {STATUS[state(office, number)]}


def die(office: Office, place: int | None, act: Act, number: str) -> DyingRegistry:
    dying = DyingRegistry(place)
    with pytest.MonkeyPatch.context() as patch:
        dying.watch(office, patch)
        if place is None:
            act(office, number)
        else:
            with pytest.raises(ProcessDiedError):
                act(office, number)
    return dying


@pytest.mark.parametrize(
    ("act", "before", "after"),
    [
        (suspend, CardState.ACTIVE, CardState.SUSPENDED),
        (resume, CardState.SUSPENDED, CardState.ACTIVE),
        (phone, CardState.ACTIVE, CardState.SUSPENDED),
    ],
    ids=["suspend", "resume", "call"],
)
def test_what_was_decided_is_done_at_the_next_start(
    office: Office, act: Act, before: CardState, after: CardState
) -> None:
    number = office.issue()
    office.registry.calls.agree(CLERK, number, PHRASE)

    def begin() -> None:
        office.registry.lifecycle.finish_decided()
        office.registry.identity_checks.meet(CLERK, number, ITS_PERSON)
        if state(office, number) is not before:
            (resume if before is CardState.ACTIVE else suspend)(office, number)
        office.registry.calls.agree(CLERK, number, PHRASE)

    if before is CardState.SUSPENDED:
        suspend(office, number)
    places = die(office, None, act, number).places
    assert places >= 6
    for place in range(1, places + 1):
        begin()
        die(office, place, act, number)
        was_decided = decisions(office) == 1
        assert office.registry.lifecycle.finish_decided() == was_decided
        agree(office, number)
        if was_decided:
            assert state(office, number) is after
        office.registry.lifecycle.finish_decided()


def test_a_revocation_is_never_half_done(office: Office) -> None:
    number = office.issue()
    for place in range(1, 1_000):
        try:
            die(office, place, revoke, number)
        except pytest.fail.Exception:  # it came to its end before that place
            break
        office.registry.lifecycle.finish_decided()
        agree(office, number)
        if state(office, number) is CardState.REVOKED:
            break
    agree(office, number)
    assert state(office, number) is CardState.REVOKED
    assert entries(office, "card.revoked") == [SUPERVISOR.username]


def test_whoever_asks_again_finishes_it(office: Office) -> None:
    number = office.issue()
    die(office, 2, suspend, number)  # decided, and nothing more
    assert (decisions(office), state(office, number)) == (1, CardState.ACTIVE)
    suspend(office, number)
    agree(office, number)
    assert entries(office, "card.suspended") == [CLERK.username]


def test_another_decision_waits_for_the_first(office: Office) -> None:
    number = office.issue()
    die(office, 2, suspend, number)
    revoke(office, number)
    agree(office, number)
    assert (entries(office, "card.suspended"), entries(office, "card.revoked")) == (
        [CLERK.username],
        [SUPERVISOR.username],
    )


def test_what_the_authority_refuses_is_no_longer_decided(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = office.issue()

    def refuse(*_arguments: object) -> None:
        raise UnknownCertificateError(1)

    with monkeypatch.context() as patch:
        patch.setattr(office.pki.authority, "suspend_card", refuse)
        with pytest.raises(StatusError):
            suspend(office, number)
    assert (decisions(office), state(office, number)) == (0, CardState.ACTIVE)
    assert entries(office, "card.decision-dropped") == [CLERK.username]
    suspend(office, number)
    agree(office, number)


def test_a_refused_one_keeps_no_other_card_waiting(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = office.issue(0), office.issue(1)
    for number in (first, second):
        die(office, 2, suspend, number)
    hold = office.pki.authority.suspend_card
    refused: list[object] = []

    def refuse_first(*arguments: object) -> None:
        if not refused:
            refused.append(arguments)
            raise UnknownCertificateError(1)
        hold(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(office.pki.authority, "suspend_card", refuse_first)
    assert office.registry.lifecycle.finish_decided() == 2
    assert sorted([state(office, first), state(office, second)]) == [CardState.ACTIVE, CardState.SUSPENDED]
    assert decisions(office) == 0


def test_nothing_is_decided_that_the_state_does_not_allow(office: Office) -> None:
    number = office.issue()
    with pytest.raises(ForbiddenTransitionError):
        resume(office, number)
    assert decisions(office) == 0


@pytest.mark.parametrize(
    ("event", "reason"), [("deliver", None), ("suspend", None), ("resume", "found"), ("revoke", None)]
)
def test_the_database_takes_no_other_decision(office: Office, event: str, reason: str | None) -> None:
    number = office.issue()

    def put() -> None:
        with office.registry.database.writing() as session:
            decided = CardDecision(card_number=number, event=event, reason=reason, decided_by=CLERK.username)
            decided.decided_at = office.clock()
            session.add(decided)

    with pytest.raises(IntegrityError):
        put()


def test_a_torn_resumption_that_a_mass_action_overtakes_leaves_the_card_stopped(office: Office) -> None:
    """The authority had resumed it already: once the action is lifted nothing else would hold it."""
    number = office.issue()
    suspend(office, number)
    with pytest.MonkeyPatch.context() as patch:
        DyingRegistry(AUTHORITY_DONE).watch(office, patch)
        with pytest.raises(ProcessDiedError):
            resume(office, number)
    assert statuses(office) == {Status.GOOD}
    action = hold_all(office)
    assert office.registry.lifecycle.finish_decided() == 1
    assert decisions(office) == 0
    lift(office, action)
    agree(office, number)
    assert state(office, number) is CardState.SUSPENDED
    resume(office, number)
    agree(office, number)
    assert statuses(office) == {Status.GOOD}
