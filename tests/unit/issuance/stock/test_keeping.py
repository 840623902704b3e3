"""What people do with stock, and what they are refused."""

from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from issuance.audit import AuditEntry
from issuance.errors import ForbiddenTransitionError, InvalidInputError, NotFoundError, RoleRequiredError
from issuance.lifecycle.states import ApplicationEvent
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.stock.errors import (
    BodiesKnownError,
    CountMismatchError,
    DeliveryNoteTakenError,
    ElsewhereError,
    SecondPersonError,
)
from issuance.stock.models import Batch, BatchDifference, Body, Movement
from issuance.stock.service import MAX_AT_ONCE, Delivery, Stock
from tests.depot import (
    FAR_KEEPER,
    HERE,
    KEEPER,
    SECOND_FAR_KEEPER,
    SECOND_KEEPER,
    THERE,
    Depot,
)

A, B, C, D = (f"000000000{number}" for number in range(1, 5))


def states(depot: Depot) -> dict[str, tuple[str, str]]:
    with depot.database.reading() as session:
        return {body.serial: (body.state, body.office) for body in session.scalars(select(Body))}


def announced(depot: Depot, *serials: str, note: str = "note") -> str:
    return depot.stock.announce(KEEPER, Delivery("P71", note, [[serial, serial] for serial in serials]))


def test_a_delivery_gets_into_stock_by_two_people_and_differences_are_on_record(depot: Depot) -> None:
    batch = depot.stock.announce(KEEPER, Delivery("P71", "note", [[A, C]]))
    depot.stock.count(KEEPER, batch, [[B, D]])
    assert states(depot) == {}
    depot.stock.confirm(SECOND_KEEPER, batch, 3)
    assert states(depot) == {B: ("in_stock", HERE), C: ("in_stock", HERE)}
    with depot.database.reading() as session:
        found = {row.serial: row.kind for row in session.scalars(select(BatchDifference))}
        assert session.get_one(Batch, batch).bodies == 3
    assert found == {A: "missing", D: "surplus"}
    assert depot.faults() == []


def test_who_counts_does_not_confirm_and_both_must_agree(depot: Depot) -> None:
    batch = announced(depot, A, B)
    with pytest.raises(ForbiddenTransitionError):
        depot.stock.confirm(SECOND_KEEPER, batch, 2)
    depot.stock.count(KEEPER, batch, [[A, B]])
    with pytest.raises(SecondPersonError):
        depot.stock.confirm(KEEPER, batch, 2)
    with pytest.raises(CountMismatchError) as told:
        depot.stock.confirm(SECOND_KEEPER, batch, 3)
    assert "2" not in str(told.value)  # the first count is not given away
    assert states(depot) == {}
    with depot.database.reading() as session:
        disputes = AuditEntry.action == "stock.count-disputed"
        assert session.scalar(select(func.count()).select_from(AuditEntry).where(disputes)) == 1
    depot.stock.count(SECOND_KEEPER, batch, [[A, A]])
    depot.stock.confirm(KEEPER, batch, 1)
    assert states(depot) == {A: ("in_stock", HERE)}
    with pytest.raises(ForbiddenTransitionError):
        depot.stock.confirm(SECOND_KEEPER, batch, 1)
    with pytest.raises(ForbiddenTransitionError):
        depot.stock.count(KEEPER, batch, [[A, B]])


def test_no_note_and_no_body_comes_twice(depot: Depot) -> None:
    depot.receive([A])
    announced(depot, B)
    with pytest.raises(DeliveryNoteTakenError):
        announced(depot, C)
    batch = announced(depot, A, B, note="another")
    depot.stock.count(KEEPER, batch, [[A, B]])
    with pytest.raises(BodiesKnownError) as known:
        depot.stock.confirm(SECOND_KEEPER, batch, 2)
    assert (known.value.serial, known.value.count) == (A, 1)
    assert states(depot) == {A: ("in_stock", HERE)}


def test_bodies_go_to_another_office(depot: Depot) -> None:
    depot.receive([A, B])
    depot.stock.send(KEEPER, [A], THERE)
    assert states(depot) == {A: ("in_transit", THERE), B: ("in_stock", HERE)}
    with pytest.raises(ElsewhereError):
        depot.stock.arrive(KEEPER, [A])
    with pytest.raises(ElsewhereError):
        depot.stock.spoil(KEEPER, [A], "x")
    with pytest.raises(ForbiddenTransitionError):
        depot.stock.spoil(FAR_KEEPER, [A], "not there yet")
    depot.stock.arrive(FAR_KEEPER, [A])
    assert states(depot)[A] == ("in_stock", THERE)
    here, there = depot.stock.view(HERE).balance, depot.stock.view(THERE).balance
    assert (here.received, here.sent, here.on_hand) == (2, 1, 1)
    assert (there.received, there.sent, there.on_hand) == (1, 0, 1)
    assert (here.opening, there.opening) == (0, 0)
    assert depot.faults() == []


@pytest.mark.parametrize("office", [HERE, "9", ""])
def test_bodies_are_not_sent_to_nowhere(depot: Depot, office: str) -> None:
    depot.receive([A])
    with pytest.raises((InvalidInputError, NotFoundError)):
        depot.stock.send(KEEPER, [A], office)
    assert states(depot) == {A: ("in_stock", HERE)}


def test_bodies_are_destroyed_by_two(depot: Depot) -> None:
    depot.receive([A, B, C])
    depot.stock.spoil(KEEPER, [A], "cracked")
    with pytest.raises(ForbiddenTransitionError):
        depot.stock.destroy(SECOND_KEEPER, [A], "shredded")
    depot.stock.condemn(KEEPER, [A, B], "cracked, and an old product")
    with pytest.raises(SecondPersonError):
        depot.stock.destroy(KEEPER, [A, B], "shredded")
    depot.stock.spare(SECOND_KEEPER, [B], "one will be examined")
    depot.stock.destroy(SECOND_KEEPER, [A], "shredded")
    assert states(depot) == {A: ("destroyed", HERE), B: ("spoiled", HERE), C: ("in_stock", HERE)}
    for event in (depot.stock.condemn, depot.stock.spoil, depot.stock.spare, depot.stock.destroy):
        with pytest.raises(ForbiddenTransitionError):
            event(SECOND_KEEPER, [A], "again")
    balance = depot.stock.view(HERE).balance
    assert (balance.received, balance.spoiled, balance.destroyed, balance.on_hand) == (3, 1, 1, 1)
    history = depot.stock.history(A)
    assert [(row.kind, row.actor, row.reason) for row in history] == [
        ("receive", "second-keeper", ""),
        ("spoil", "keeper", "cracked"),
        ("condemn", "keeper", "cracked, and an old product"),
        ("destroy", "second-keeper", "shredded"),
    ]


def test_a_body_is_reserved_for_one_waiting_order_of_its_office(depot: Depot) -> None:
    depot.receive([A, B])
    order, far = depot.approved(), depot.approved(far=True)
    with pytest.raises(NotFoundError):
        depot.stock.reserve(KEEPER, A, far)
    depot.stock.reserve(KEEPER, A, order)
    with pytest.raises(ForbiddenTransitionError):
        depot.stock.reserve(KEEPER, A, order)
    assert depot.stock.view(HERE).balance.on_hand == 2
    depot.stock.release(KEEPER, A)
    depot.move(order, ApplicationEvent.START_PRODUCTION)
    with pytest.raises(ForbiddenTransitionError):
        depot.stock.reserve(KEEPER, B, order)
    assert depot.faults() == []


def test_one_wrong_body_moves_none(depot: Depot) -> None:
    depot.receive([A, B])
    depot.stock.spoil(KEEPER, [B], "cracked")
    with pytest.raises(ForbiddenTransitionError):
        depot.stock.send(KEEPER, [A, B], THERE)
    with pytest.raises(NotFoundError):
        depot.stock.send(KEEPER, [A, C], THERE)
    assert states(depot) == {A: ("in_stock", HERE), B: ("spoiled", HERE)}
    with depot.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Movement)) == 3


@pytest.mark.parametrize("chosen", [[], ["x"], [f"{n:010d}" for n in range(MAX_AT_ONCE + 1)]], ids=len)
def test_wrong_choices(depot: Depot, chosen: list[str]) -> None:
    with pytest.raises((InvalidInputError, NotFoundError)):
        depot.stock.spoil(KEEPER, chosen, "cracked")


@pytest.mark.parametrize("reason", ["", "  ", "x" * 201])
def test_a_reason_is_given(depot: Depot, reason: str) -> None:
    depot.receive([A])
    for event in (depot.stock.spoil, depot.stock.condemn):
        with pytest.raises(InvalidInputError):
            event(KEEPER, [A], reason)


ACTIONS: dict[str, Callable[[Stock, Actor], object]] = {
    "announce": lambda stock, actor: stock.announce(actor, Delivery("P71", "n", [[B, B]])),
    "count": lambda stock, actor: stock.count(actor, "x", [[A, A]]),
    "confirm": lambda stock, actor: stock.confirm(actor, "x", 1),
    "send": lambda stock, actor: stock.send(actor, [A], THERE),
    "arrive": lambda stock, actor: stock.arrive(actor, [A]),
    "spoil": lambda stock, actor: stock.spoil(actor, [A], "x"),
    "condemn": lambda stock, actor: stock.condemn(actor, [A], "x"),
    "spare": lambda stock, actor: stock.spare(actor, [A], "x"),
    "destroy": lambda stock, actor: stock.destroy(actor, [A], "x"),
    "release": lambda stock, actor: stock.release(actor, A),
}


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("role", [Role.CLERK, Role.PRODUCTION])
def test_stock_is_the_keepers(depot: Depot, role: Role, action: str) -> None:
    depot.receive([A])
    with pytest.raises(RoleRequiredError):
        ACTIONS[action](depot.stock, Actor("clerk", role, HERE))
    assert states(depot) == {A: ("in_stock", HERE)}


def test_another_offices_batch_is_not_told_of(depot: Depot) -> None:
    batch = announced(depot, A)
    with pytest.raises(NotFoundError):
        depot.stock.count(FAR_KEEPER, batch, [[A, A]])
    depot.stock.count(KEEPER, batch, [[A, A]])
    with pytest.raises(NotFoundError):
        depot.stock.confirm(SECOND_FAR_KEEPER, batch, 1)
    with pytest.raises(NotFoundError):
        depot.stock.view("9")
    with pytest.raises(NotFoundError):
        depot.stock.history(A)
