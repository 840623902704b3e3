"""No card is handed over without a person who was checked; what comes of those who are not the person."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from issuance.audit import AuditEntry
from issuance.delivery.checks import Checked
from issuance.delivery.errors import (
    CardMismatchError,
    ChecksFailedError,
    DeliveryClosedError,
    IdentityUncheckedError,
)
from issuance.delivery.matching import MatchFault
from issuance.delivery.models import Delivery, IdentityCheck, Refusal
from issuance.delivery.rules import CheckFault, Seen
from issuance.delivery.states import CheckOutcome, DeliveryEnd, DeliveryState, RefusalReason
from issuance.enrolment.errors import UnknownDocumentError
from issuance.enrolment.kinds import RULES
from issuance.errors import (
    CivilRegisterUnavailableError,
    ForbiddenTransitionError,
    InvalidInputError,
    NotFoundError,
    RoleRequiredError,
)
from issuance.lifecycle.models import Card
from issuance.lifecycle.states import ApplicationState, CardState, RevocationCause
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.stock.models import Body
from issuance.stock.states import BodyState
from pki.auditchain import verify_table
from pki.errors import PkiError
from pki.status.state import Status
from simulators.actors.operator import add_operator
from tests.integration.issuance.office import CLERK, ITS_PERSON, SUPERVISOR, Office
from tests.integration.issuance.test_deliveries import produced, said, statuses

SOMEBODY_ELSE = replace(ITS_PERSON, same_person=False)
FAILED_CHECKS = RULES.delivery.failed_checks


def check(office: Office, card: str, seen: Seen = ITS_PERSON, actor: Actor = CLERK) -> Checked:
    return office.registry.identity_checks.check(actor, card, seen)


def card_row(office: Office, number: str) -> Card:
    with office.registry.database.reading() as session:
        card = session.get_one(Card, number)
        assert card.application.citizen is not None  # loaded before the session ends
        return card


def test_without_a_check_nothing_is_opened(office: Office) -> None:
    card = produced(office)
    with pytest.raises(IdentityUncheckedError):
        office.registry.deliveries.open(CLERK, card)


def test_somebody_elses_check_is_none(office: Office) -> None:
    card = produced(office)
    check(office, card, actor=SUPERVISOR)
    with pytest.raises(IdentityUncheckedError):
        office.registry.deliveries.open(CLERK, card)
    office.registry.deliveries.open(SUPERVISOR, card)


def test_another_cards_check_is_none(office: Office) -> None:
    first, second = produced(office), produced(office, 1)
    check(office, first)
    with pytest.raises(IdentityUncheckedError):
        office.registry.deliveries.open(CLERK, second)


def test_a_check_does_not_last(office: Office) -> None:
    card = produced(office)
    check(office, card)
    office.clock.ahead += RULES.delivery.check_life + timedelta(seconds=1)
    with pytest.raises(IdentityUncheckedError):
        office.registry.deliveries.open(CLERK, card)


def test_a_check_that_fails_ends_what_was_open(office: Office) -> None:
    card = produced(office)
    delivery = office.open_delivery(card)
    answer = office.accept(delivery)
    failed = check(office, card, SOMEBODY_ELSE)
    assert (failed.check.outcome, failed.check.fault) == (CheckOutcome.FAILED, CheckFault.PORTRAIT)
    assert failed.failures_left == FAILED_CHECKS - 1
    with pytest.raises(DeliveryClosedError):
        office.registry.deliveries.complete(CLERK, delivery.delivery_id, answer)
    with pytest.raises(IdentityUncheckedError):
        office.registry.deliveries.open(CLERK, card)
    with office.registry.database.reading() as session:
        row = session.get_one(Delivery, delivery.delivery_id)
        assert (row.state, row.closed_for) == (DeliveryState.CLOSED, DeliveryEnd.CHECK_FAILED)
    assert statuses(office) == {Status.ON_HOLD}


def test_the_person_comes_after_somebody_else_did(office: Office) -> None:
    card = produced(office)
    check(office, card, SOMEBODY_ELSE)
    delivery = office.open_delivery(card)
    office.registry.deliveries.complete(CLERK, delivery.delivery_id, office.accept(delivery))
    assert statuses(office) == {Status.GOOD}


def fail(office: Office, card: str, times: int) -> None:
    for _ in range(times):
        check(office, card, SOMEBODY_ELSE)


def test_too_many_failed_checks_void_the_card(office: Office) -> None:
    card = produced(office)
    fail(office, card, FAILED_CHECKS - 1)
    last = check(office, card, replace(ITS_PERSON, score=RULES.delivery.score_threshold - 1))
    assert (last.check.fault, last.failures_left) == (CheckFault.SCORE, 0)
    row = card_row(office, card)
    assert (row.state, row.application.state) == (CardState.VOIDED, ApplicationState.WITHDRAWN)
    assert row.ended_at is not None
    with office.registry.database.reading() as session:
        assert session.get_one(Body, card).state == BodyState.SPOILED
        verify_table(session, AuditEntry)
    assert statuses(office) == {Status.REVOKED}
    for seen in (ITS_PERSON, SOMEBODY_ELSE):
        with pytest.raises(ForbiddenTransitionError):
            check(office, card, seen)
    office.issue()  # the person applies anew, and gets a card


def test_an_authority_that_refuses_leaves_the_voiding_open(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = produced(office)
    fail(office, card, FAILED_CHECKS - 1)

    def refuse(*_: object) -> None:
        raise PkiError("out of order")

    monkeypatch.setattr(office.pki.authority, "revoke", refuse)
    with pytest.raises(PkiError):
        check(office, card, SOMEBODY_ELSE)
    monkeypatch.undo()
    assert card_row(office, card).state == CardState.PRODUCED
    assert office.registry.production.finish_voidings() == 1
    assert card_row(office, card).state == CardState.VOIDED
    assert statuses(office) == {Status.REVOKED}


def test_a_card_that_is_being_voided_is_not_handed_over(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = produced(office)
    fail(office, card, FAILED_CHECKS - 1)
    monkeypatch.setattr(office.registry.production, "finish_voiding", lambda *_: None)  # the process died
    check(office, card, SOMEBODY_ELSE)
    monkeypatch.undo()
    with pytest.raises(ForbiddenTransitionError):
        check(office, card)
    with pytest.raises(ForbiddenTransitionError):
        office.registry.deliveries.open(CLERK, card)


def test_a_person_who_died_meanwhile(office: Office) -> None:
    card = produced(office)
    office.clock.ahead += RULES.delivery.register_age + timedelta(days=1)
    office.died(0)
    failed = check(office, card)
    assert failed.check.fault is CheckFault.DECEASED
    with pytest.raises(IdentityUncheckedError):
        office.registry.deliveries.open(CLERK, card)


def test_a_register_that_is_silent_lets_nobody_have_a_card(office: Office) -> None:
    card = produced(office)
    office.clock.ahead += RULES.delivery.register_age + timedelta(days=1)
    office.register.available = False
    with pytest.raises(CivilRegisterUnavailableError):
        check(office, card)
    with office.registry.database.reading() as session:
        assert list(session.scalars(select(IdentityCheck))) == []
    office.register.available = True
    assert check(office, card).check.outcome is CheckOutcome.PASSED


@pytest.mark.parametrize(
    ("seen", "error"),
    [
        (Seen("library_card", same_person=True), UnknownDocumentError),
        (Seen("", same_person=True), UnknownDocumentError),
        (Seen("police_report", same_person=True), UnknownDocumentError),
        (Seen("passport", same_person=True, score=1001), InvalidInputError),
        (Seen("passport", same_person=True, score=-1), InvalidInputError),
    ],
)
def test_what_nobody_is_known_by(office: Office, seen: Seen, error: type[Exception]) -> None:
    card = produced(office)
    with pytest.raises(error):
        check(office, card, seen)
    assert office.registry.identity_checks.of(card) == []


@pytest.mark.parametrize("role", [Role.STOCK, Role.ADMINISTRATOR, Role.PRODUCTION])
def test_whose_work_it_is_not(office: Office, role: Role) -> None:
    with pytest.raises(RoleRequiredError):
        check(office, "0000000001", actor=Actor("stock-1", role))
    with pytest.raises(RoleRequiredError):
        office.registry.identity_checks.refuse(Actor("stock-1", role), "0000000001", RefusalReason.DAMAGED)


def test_another_offices_card(office: Office) -> None:
    card = produced(office)
    stranger = Actor("clerk-1", Role.CLERK, "2")
    with pytest.raises(NotFoundError):
        check(office, card, actor=stranger)
    with pytest.raises(NotFoundError):
        office.registry.identity_checks.refuse(stranger, card, RefusalReason.DAMAGED)
    with pytest.raises(NotFoundError):
        office.registry.deliveries.open(stranger, card)


def test_a_card_that_is_not_there_or_handed_over(office: Office) -> None:
    with pytest.raises(NotFoundError):
        check(office, "0000000001")
    card = office.issue()
    with pytest.raises(ForbiddenTransitionError):
        check(office, card)
    with pytest.raises(ForbiddenTransitionError):
        office.registry.identity_checks.refuse(CLERK, card, RefusalReason.UNWANTED)


def test_a_refusal_sends_the_card_back_and_it_can_still_be_handed_over(office: Office) -> None:
    card = produced(office)
    delivery = office.open_delivery(card)
    answer = office.accept(delivery)
    office.registry.identity_checks.refuse(CLERK, card, RefusalReason.UNWANTED)
    with pytest.raises(DeliveryClosedError):
        office.registry.deliveries.complete(CLERK, delivery.delivery_id, answer)
    assert statuses(office) == {Status.ON_HOLD}
    assert card_row(office, card).state == CardState.PRODUCED
    with office.registry.database.reading() as session:
        (refusal,) = session.scalars(select(Refusal))
        assert (refusal.reason, refusal.recorded_by) == (RefusalReason.UNWANTED, CLERK.username)
    again = office.open_delivery(card)
    with pytest.raises(CardMismatchError):  # this answer is to the other challenge, of no card at all
        office.registry.deliveries.complete(CLERK, again.delivery_id, replace(answer, chuid=b""))


def test_a_refused_card_can_be_ended_and_made_anew(office: Office) -> None:
    card = produced(office)
    office.registry.identity_checks.refuse(CLERK, card, RefusalReason.DAMAGED)
    office.registry.lifecycle.revoke(CLERK, card, RevocationCause.DAMAGED)
    row = card_row(office, card)
    assert (row.state, row.application.state) == (CardState.REVOKED, ApplicationState.APPROVED)


@pytest.mark.parametrize(
    ("part", "fault"), [("chuid", MatchFault.CHUID), ("certificate", MatchFault.CERTIFICATE)]
)
def test_another_card_lies_in_the_reader(office: Office, part: str, fault: MatchFault) -> None:
    card = produced(office)
    other = produced(office, 1)
    foreign = said(office)  # the second person's
    office.insert(office.home.cards / f"{card}.card")
    delivery = office.open_delivery(card)
    answer = office.accept(delivery)
    wrong = replace(answer, **{part: getattr(foreign, part)})
    with pytest.raises(CardMismatchError) as refused:
        office.registry.deliveries.complete(CLERK, delivery.delivery_id, wrong)
    assert refused.value.fault is fault
    assert statuses(office) == {Status.ON_HOLD}
    assert card_row(office, other).state == CardState.PRODUCED
    office.registry.deliveries.complete(CLERK, delivery.delivery_id, answer)
    assert card_row(office, card).state == CardState.ACTIVE


def test_checks_are_told_in_their_order_and_hold_nothing_of_the_person(office: Office) -> None:
    card = produced(office)
    check(office, card, SOMEBODY_ELSE)
    check(office, card, replace(ITS_PERSON, score=800))
    told = office.registry.identity_checks.of(card)
    assert [one.outcome for one in told] == [CheckOutcome.FAILED, CheckOutcome.PASSED]
    assert (told[1].score, told[1].threshold) == (800, RULES.delivery.score_threshold)
    with office.registry.database.reading() as session:
        entries = list(session.scalars(select(AuditEntry).where(AuditEntry.action == "delivery.checked")))
    assert [entry.details["outcome"] for entry in entries] == ["failed", "passed"]
    assert office.people.person(0).national_code not in str([entry.details for entry in entries])


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE cards SET state = 'active', delivered_at = taken_at",
        "UPDATE deliveries SET state = 'completed'",
        "UPDATE deliveries SET state = 'proven', matched_at = opened_at",
        "UPDATE deliveries SET state = 'completed', proven_at = opened_at",
        "UPDATE deliveries SET state = 'closed'",
        "UPDATE deliveries SET identity_check_id = 'made up'",
        "UPDATE deliveries SET check_outcome = 'failed'",
        "UPDATE deliveries SET check_outcome = 'unrecorded'",
        "UPDATE identity_checks SET outcome = 'passed'",
        "DELETE FROM identity_checks",
        "UPDATE card_refusals SET reason = 'unwanted'",
        "DELETE FROM card_refusals",
    ],
)
def test_the_database_itself_refuses(office: Office, statement: str) -> None:
    card = produced(office)
    check(office, card, SOMEBODY_ELSE)
    office.open_delivery(card)
    office.registry.identity_checks.refuse(CLERK, card, RefusalReason.DAMAGED)
    office.open_delivery(card)
    with pytest.raises(DBAPIError), office.registry.database.writing() as session:
        session.execute(text(statement + " WHERE 1 = 1"))


def test_a_failed_check_can_not_stand_behind_a_delivery(office: Office) -> None:
    card = produced(office)
    failed = check(office, card, SOMEBODY_ELSE)
    now = datetime.now(UTC)
    for outcome in CheckOutcome:
        with pytest.raises(DBAPIError), office.registry.database.writing() as session:
            session.add(
                Delivery(
                    id="D",
                    card_number=card,
                    state="open",
                    identity_check_id=failed.check.id,
                    check_outcome=outcome.value,
                    challenge=b"",
                    tries_left=1,
                    opened_by="clerk-1",
                    opened_at=now,
                    expires_at=now,
                )
            )


def test_after_three_failed_ones_somebody_else_looks(office: Office) -> None:
    card = office.issue()
    checks, second = office.registry.identity_checks, Actor("supervisor-2", Role.SUPERVISOR)
    add_operator(office.registry.accounts, second.username, second.role)
    nobodys = Seen("birth_certificate", same_person=False)
    checks.meet(SUPERVISOR, card, nobodys)
    for _ in range(RULES.delivery.failed_checks - 1):
        checks.meet(CLERK, card, nobodys)
    for part_of_it in (CLERK, SUPERVISOR):
        with pytest.raises(ChecksFailedError):
            checks.meet(part_of_it, card, ITS_PERSON)
    assert checks.meet(second, card, ITS_PERSON).outcome is CheckOutcome.PASSED
    office.clock.ahead += timedelta(days=1, minutes=1)
    assert checks.meet(CLERK, card, ITS_PERSON).outcome is CheckOutcome.PASSED
