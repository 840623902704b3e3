"""Bodies in production: only from this office's stock, spent when taken, waste when void; and inspection."""

from pathlib import Path

import pytest
from sqlalchemy import func, select

from issuance.audit import AuditEntry
from issuance.enrolment.models import Application
from issuance.errors import ForbiddenTransitionError, InvalidInputError, NotFoundError, RoleRequiredError
from issuance.inspection.errors import OwnCardError
from issuance.inspection.models import Inspection
from issuance.lifecycle.models import Card
from issuance.lifecycle.states import ApplicationState, CardState, RevocationCause
from issuance.offices.models import FIRST_OFFICE
from issuance.offices.service import NewOffice
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.orders.errors import OrderHeldError
from issuance.production.models import Production
from issuance.production.service import ProductionView
from issuance.production.steps import ProductionState, Step
from issuance.stock.check import faults
from issuance.stock.errors import SecondPersonError
from issuance.stock.models import Body
from issuance.stock.states import BodyState
from pki.errors import IssuanceError, RequestConflictError
from pki.status.state import Status
from simulators.card.file import CardFile
from simulators.factory import make_blank
from tests.integration.issuance.office import CLERK, SUPERVISOR, Office
from tests.integration.issuance.tearing import DyingRegistry, ProcessDiedError
from tests.integration.issuance.test_torn_runs import certificate_statuses

STOCK, SECOND_STOCK = Actor("stock-1", Role.STOCK), Actor("stock-2", Role.STOCK)
THERE = "TEHRAN2"


def body_state(office: Office, serial: str | None) -> str:
    with office.registry.database.reading() as session:
        return session.get_one(Body, serial).state


def stock_adds_up(office: Office) -> None:
    with office.registry.database.reading() as session:
        assert list(faults(session)) == []


def application_state(office: Office, application: str) -> str:
    with office.registry.database.reading() as session:
        return session.get_one(Application, application).state


def refused_untouched(office: Office, blank: Path, kind: str) -> ProductionView:
    """A run that ends before anything but its number was asked of the card."""
    application = office.approved()
    with CardFile.open(blank) as file:
        before = file.state
    office.insert(blank)
    run = office.produce(application)
    assert (run.state, run.failure_kind) == (ProductionState.FAILED, kind)
    assert [step.step for step in run.steps] == [Step.IDENTIFY_CARD]
    assert office.card_state == before
    assert application_state(office, application) == ApplicationState.APPROVED
    assert certificate_statuses(office) == []
    stock_adds_up(office)
    return run


def open_second_office(office: Office) -> None:
    office.registry.offices.open(SUPERVISOR, NewOffice(THERE, "دفتر دوم", "Second office", "تهران"))


def test_a_body_that_nobody_counted_is_not_touched(office: Office) -> None:
    blank = make_blank(office.home.cards, office.pki.master_keys["factory"])
    refused_untouched(office, blank, "body-not-in-stock")


def test_a_body_of_another_office_is_not_touched(office: Office) -> None:
    open_second_office(office)
    blank = office.blank()
    office.registry.stock.send(STOCK, [blank.stem], THERE)
    refused_untouched(office, blank, "body-not-in-stock")
    there = Actor("stock-1", Role.STOCK, THERE)
    office.registry.stock.arrive(there, [blank.stem])
    assert office.registry.stock.view(THERE).balance.on_hand == 1


@pytest.mark.parametrize("spoiled", ["spoil", "condemn"])
def test_waste_is_not_touched(office: Office, spoiled: str) -> None:
    blank = office.blank()
    getattr(office.registry.stock, spoiled)(STOCK, [blank.stem], "cracked")
    refused_untouched(office, blank, "body-used")


def test_a_body_kept_for_another_order_is_not_touched(office: Office) -> None:
    blank, other = office.blank(), office.approved(1)
    office.registry.stock.reserve(STOCK, blank.stem, other)
    refused_untouched(office, blank, "body-not-in-stock")
    run = office.produce(other)
    assert run.state is ProductionState.PRODUCED
    assert body_state(office, run.card_number) == BodyState.USED
    stock_adds_up(office)


def test_a_body_is_spent_with_its_card(office: Office) -> None:
    number = office.issue()
    assert body_state(office, number) == BodyState.USED
    kinds = [(row.kind, row.actor) for row in office.registry.stock.history(number)]
    assert kinds == [("receive", "stock-2"), ("take", "clerk-1")]
    balance = office.registry.stock.view(FIRST_OFFICE).balance
    assert (balance.received, balance.used, balance.on_hand) == (1, 1, 0)
    stock_adds_up(office)


def test_a_void_run_leaves_waste_that_nothing_takes_again(office: Office) -> None:
    application = office.approved()
    blank = office.blank()
    office.insert(blank, power_cut_after_writes=12)
    torn = office.produce(application)
    assert torn.state is ProductionState.INTERRUPTED
    assert body_state(office, torn.card_number) == BodyState.USED
    office.registry.production.void(CLERK, torn.id)
    assert body_state(office, torn.card_number) == BodyState.SPOILED
    stock_adds_up(office)
    office.insert(blank)
    again = office.produce(application)
    assert (again.state, again.failure_kind) == (ProductionState.FAILED, "body-used")
    office.registry.stock.condemn(STOCK, [blank.stem], "void")
    office.registry.stock.destroy(SECOND_STOCK, [blank.stem], "shredded")
    stock_adds_up(office)


@pytest.mark.slow
def test_stock_adds_up_wherever_the_process_dies(office: Office) -> None:
    """Around every commit of a run that is voided then, and of its voiding."""
    place = 0
    while True:
        place += 1
        application = office.approved(place)
        office.insert(office.blank(), power_cut_after_writes=15)
        torn = office.produce(application)
        dying = DyingRegistry(place)
        with pytest.MonkeyPatch.context() as patch:
            dying.watch(office, patch)
            try:
                office.registry.production.void(CLERK, torn.id)
            except ProcessDiedError:
                pass
            else:
                break
        stock_adds_up(office)
        office.registry.production.finish_voidings()
        if office.registry.production.view(torn.id).state is not ProductionState.VOIDED:
            office.registry.production.void(CLERK, torn.id)  # it died before its intent was on record
        stock_adds_up(office)
        assert body_state(office, torn.card_number) == BodyState.SPOILED
        assert application_state(office, application) == ApplicationState.APPROVED
    assert place > 4


@pytest.mark.parametrize(
    "error", [RequestConflictError("r", "x"), IssuanceError("r", "x")], ids=["conflict", "any"]
)
def test_a_voiding_stays_open_while_the_authority_refuses(
    office: Office, monkeypatch: pytest.MonkeyPatch, error: IssuanceError
) -> None:
    application = office.approved()
    office.insert(office.blank(), power_cut_after_writes=15)
    torn = office.produce(application)
    assert Status.ON_HOLD in certificate_statuses(office)

    def refuse(*_arguments: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(office.pki.authority, "issue", refuse)
        with pytest.raises(IssuanceError):
            office.registry.production.void(CLERK, torn.id)
        check_open(office, application, torn)
        office.registry.production.finish_voidings()  # a start of the registry is not stopped by it
        check_open(office, application, torn)
    assert office.registry.production.finish_voidings() == 1
    assert office.registry.production.view(torn.id).state is ProductionState.VOIDED
    assert set(certificate_statuses(office)) == {Status.REVOKED}
    assert application_state(office, application) == ApplicationState.APPROVED
    stock_adds_up(office)


def check_open(office: Office, application: str, torn: ProductionView) -> None:
    run = office.registry.production.view(torn.id)
    assert run.state is ProductionState.VOIDING
    assert not run.moves  # whoever watches it is not kept waiting
    assert run.failure_kind in {"request-conflict", "issuance"}
    assert application_state(office, application) == ApplicationState.IN_PRODUCTION
    assert body_state(office, torn.card_number) == BodyState.USED
    with office.registry.database.reading() as session:
        assert session.get_one(Card, torn.card_number).state == CardState.IN_PRODUCTION


def test_another_offices_order_is_not_produced(office: Office) -> None:
    open_second_office(office)
    application = office.approved()
    office.insert(office.blank())
    stranger = Actor("clerk-1", Role.CLERK, THERE)
    with pytest.raises(NotFoundError):
        office.registry.production.produce(stranger, application, office.reader.name)
    assert office.registry.orders.take(stranger) is None


def test_stock_keepers_do_not_produce(office: Office) -> None:
    application = office.approved()
    office.insert(office.blank())
    with pytest.raises(RoleRequiredError):
        office.registry.production.produce(STOCK, application, office.reader.name)
    assert office.registry.orders.queue(FIRST_OFFICE)


def test_an_order_that_somebody_holds_is_not_begun_past_them(office: Office) -> None:
    application = office.approved()
    office.insert(office.blank())
    taken = office.registry.orders.take(CLERK)
    assert taken is not None
    with pytest.raises(OrderHeldError):
        office.produce(application)
    with office.registry.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Production)) == 0
    run = office.registry.production.produce(CLERK, application, office.reader.name, taken.holder)
    assert run.state is ProductionState.PRODUCED


def test_who_passes_others_over_is_on_record(office: Office) -> None:
    first, second = office.approved(0), office.approved(1)
    for application in (second, first):
        office.insert(office.blank())
        assert office.produce(application).state is ProductionState.PRODUCED
    with office.registry.database.reading() as session:
        started = select(AuditEntry.details).where(AuditEntry.action == "production.started")
        details = list(session.scalars(started.order_by(AuditEntry.sequence)))
    assert [detail["passed_over"] for detail in details] == [1, 0]


# Inspection


@pytest.fixture
def produced(office: Office) -> tuple[Office, str, str]:
    """An office that inspects, its application, and the card that waits for its inspection."""
    office.registry.offices.set_inspection(SUPERVISOR, FIRST_OFFICE, inspects=True)
    application = office.approved()
    office.insert(office.blank())
    run = office.produce(application)
    assert run.state is ProductionState.PRODUCED
    assert run.card_number is not None
    assert application_state(office, application) == ApplicationState.INSPECTION
    return office, application, run.card_number


def test_a_card_is_handed_over_after_its_inspection(produced: tuple[Office, str, str]) -> None:
    office, application, card = produced
    with pytest.raises(ForbiddenTransitionError):
        office.registry.deliveries.open(CLERK, card)
    office.registry.inspections.accept(SUPERVISOR, card)
    assert application_state(office, application) == ApplicationState.READY
    delivery = office.open_delivery(card)
    office.registry.deliveries.complete(CLERK, delivery.delivery_id, office.accept(delivery))
    with pytest.raises(ForbiddenTransitionError):
        office.registry.inspections.accept(SUPERVISOR, card)
    with pytest.raises(ForbiddenTransitionError):
        office.registry.inspections.reject(SUPERVISOR, card, "late")


def test_who_makes_cards_ends_no_inspections(office: Office) -> None:
    offices, administrator = office.registry.offices, Actor("administrator-1", Role.ADMINISTRATOR)
    with pytest.raises(NotFoundError):
        offices.set_inspection(Actor("supervisor-1", Role.SUPERVISOR, "X"), FIRST_OFFICE, inspects=True)
    for maker in (CLERK, STOCK):
        with pytest.raises(RoleRequiredError):
            offices.set_inspection(maker, FIRST_OFFICE, inspects=True)
    assert offices.set_inspection(SUPERVISOR, FIRST_OFFICE, inspects=True).inspects
    with pytest.raises(RoleRequiredError):
        offices.set_inspection(SUPERVISOR, FIRST_OFFICE, inspects=False)
    assert offices.all()[0].inspects
    assert not offices.set_inspection(administrator, FIRST_OFFICE, inspects=False).inspects


def test_nobody_inspects_their_own_card(produced: tuple[Office, str, str]) -> None:
    office, application, card = produced
    with pytest.raises(OwnCardError):
        office.registry.inspections.accept(CLERK, card)
    with pytest.raises(OwnCardError):
        office.registry.inspections.reject(CLERK, card, "crooked")
    with pytest.raises(RoleRequiredError):
        office.registry.inspections.accept(STOCK, card)
    with pytest.raises(NotFoundError):
        office.registry.inspections.accept(Actor("supervisor-1", Role.SUPERVISOR, "X"), card)
    with pytest.raises(InvalidInputError):
        office.registry.inspections.reject(SUPERVISOR, card, " ")
    assert application_state(office, application) == ApplicationState.INSPECTION


def test_a_rejected_card_is_void_and_its_order_waits_again(produced: tuple[Office, str, str]) -> None:
    office, application, card = produced
    office.registry.inspections.reject(SUPERVISOR, card, "the portrait is pale")
    assert set(certificate_statuses(office)) == {Status.REVOKED}
    assert body_state(office, card) == BodyState.SPOILED
    assert application_state(office, application) == ApplicationState.APPROVED
    assert [order.application_id for order in office.registry.orders.queue(FIRST_OFFICE)] == [application]
    with office.registry.database.reading() as session:
        assert session.get_one(Card, card).state == CardState.VOIDED
        assert session.scalars(select(Inspection.reason)).one() == "the portrait is pale"
    stock_adds_up(office)
    office.insert(office.blank())
    run = office.produce(application)
    assert run.card_number is not None
    office.registry.inspections.accept(SUPERVISOR, run.card_number)
    assert application_state(office, application) == ApplicationState.READY


def test_who_resumes_a_run_has_made_the_card_too(office: Office) -> None:
    office.registry.offices.set_inspection(SUPERVISOR, FIRST_OFFICE, inspects=True)
    application = office.approved()
    blank = office.blank()
    office.insert(blank, power_cut_after_writes=12)
    office.produce(application)
    office.insert(blank)
    run = office.registry.production.produce(SUPERVISOR, application, office.reader.name)
    assert run.card_number is not None
    for maker in (CLERK, SUPERVISOR):
        with pytest.raises(OwnCardError):
            office.registry.inspections.accept(maker, run.card_number)


@pytest.mark.slow
def test_a_rejection_is_finished_wherever_the_process_dies(office: Office) -> None:
    office.registry.offices.set_inspection(SUPERVISOR, FIRST_OFFICE, inspects=True)
    place = 0
    while True:
        place += 1
        application = office.approved(place)
        office.insert(office.blank())
        card = office.produce(application).card_number or ""
        with pytest.MonkeyPatch.context() as patch:
            DyingRegistry(place).watch(office, patch)
            try:
                office.registry.inspections.reject(SUPERVISOR, card, "pale")
            except ProcessDiedError:
                pass
            else:
                break
        if office.registry.production.finish_voidings() == 0 and (
            application_state(office, application) == ApplicationState.INSPECTION
        ):
            office.registry.inspections.reject(SUPERVISOR, card, "pale")  # nothing of it was on record
        assert application_state(office, application) == ApplicationState.APPROVED
        assert body_state(office, card) == BodyState.SPOILED
        assert set(certificate_statuses(office)) == {Status.REVOKED}
        stock_adds_up(office)
    assert place > 4


def test_a_card_that_is_revoked_while_its_rejection_is_open(
    produced: tuple[Office, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    office, application, card = produced

    def refuse(*_arguments: object) -> None:
        raise IssuanceError("r", "x")

    with monkeypatch.context() as patch:
        patch.setattr(office.pki.authority, "issue", refuse)
        with pytest.raises(IssuanceError):
            office.registry.inspections.reject(SUPERVISOR, card, "pale")
    with pytest.raises(ForbiddenTransitionError):
        office.registry.inspections.accept(SUPERVISOR, card)
    office.registry.lifecycle.revoke(CLERK, card, RevocationCause.DAMAGED)
    assert application_state(office, application) == ApplicationState.APPROVED
    office.registry.production.finish_voidings()
    assert application_state(office, application) == ApplicationState.APPROVED
    with office.registry.database.reading() as session:
        assert session.get_one(Card, card).state == CardState.REVOKED
    assert body_state(office, card) == BodyState.SPOILED
    stock_adds_up(office)


# From enrolment to destruction


def test_a_card_that_ended_is_handed_in_and_destroyed_by_two(office: Office) -> None:
    card, stock = office.issue(), office.registry.stock
    second = Actor("stock-2", Role.STOCK)
    with pytest.raises(ForbiddenTransitionError):
        stock.collect(STOCK, [card], "handed in")  # it still works
    office.registry.lifecycle.suspend(CLERK, card)
    with pytest.raises(ForbiddenTransitionError):
        stock.collect(STOCK, [card], "handed in")
    office.registry.lifecycle.revoke(CLERK, card, RevocationCause.DAMAGED)
    with pytest.raises(ForbiddenTransitionError):
        stock.condemn(STOCK, [card], "broken")  # it is with its holder
    with pytest.raises(RoleRequiredError):
        stock.collect(CLERK, [card], "handed in")
    with pytest.raises(InvalidInputError):
        stock.collect(STOCK, [card], " ")
    stock.collect(STOCK, [card], "handed in at the counter")
    with pytest.raises(ForbiddenTransitionError):
        stock.collect(STOCK, [card], "again")
    stock.condemn(STOCK, [card], "an ended card")
    with pytest.raises(SecondPersonError):
        stock.destroy(STOCK, [card], "shredded")
    stock.destroy(second, [card], "shredded")
    assert body_state(office, card) == BodyState.DESTROYED
    assert [row.kind for row in stock.history(card)][-3:] == ["collect", "condemn", "destroy"]
    stock_adds_up(office)


def test_a_card_that_is_about_to_be_void_is_not_collected(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rejected by a process that died, and revoked meanwhile: its voiding still wants the body."""
    registry = office.registry
    registry.offices.set_inspection(SUPERVISOR, FIRST_OFFICE, inspects=True)
    application = office.approved()
    office.insert(office.blank())
    card = str(office.produce(application).card_number)
    with monkeypatch.context() as patch:
        patch.setattr(registry.production, "finish_voiding", _dies)
        with pytest.raises(ProcessDiedError):
            registry.inspections.reject(SUPERVISOR, card, "crooked")
    registry.lifecycle.revoke(CLERK, card, RevocationCause.DAMAGED)
    with pytest.raises(ForbiddenTransitionError):
        registry.stock.collect(STOCK, [card], "handed in")
    assert registry.production.finish_voidings() == 1
    assert body_state(office, card) == BodyState.SPOILED
    office.insert(office.blank())
    assert office.produce(application).state is ProductionState.PRODUCED
    stock_adds_up(office)


def _dies(*_: object) -> None:
    raise ProcessDiedError
