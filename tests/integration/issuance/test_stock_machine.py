"""Several people at stock and queue, in any order, their process dying around any commit: stock adds up, no
spent body comes back, no order is lost, and none is had by two at once.
"""

import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import select

from issuance.audit import AuditEntry
from issuance.enrolment.models import Application
from issuance.enrolment.repository import get_application, move
from issuance.errors import IssuanceError
from issuance.lifecycle.cards import get_card, move_card
from issuance.lifecycle.models import Card
from issuance.lifecycle.states import ApplicationEvent, CardEvent, CardState
from issuance.operators.service import Actor
from issuance.orders.models import Order
from issuance.orders.repository import CLAIM_LEASE, begin
from issuance.orders.service import Taken
from issuance.stock.models import Body
from issuance.stock.repository import Hand, lock_bodies
from issuance.stock.service import Delivery
from issuance.stock.states import ON_HAND, SPENT
from issuance.stock.taking import obstacle, take_body, void_body
from pki.auditchain import verify_table
from tests.depot import (
    CLERK,
    FAR_KEEPER,
    HERE,
    KEEPER,
    PEOPLE,
    PRODUCER,
    SECOND_FAR_KEEPER,
    SECOND_KEEPER,
    SUPERVISOR,
    THERE,
    Depot,
    depot_at,
    open_depot,
)
from tests.integration.issuance.tearing import DyingRegistry, ProcessDiedError
from tests.repeated import REPEATED

pytestmark = REPEATED

SERIALS = [f"{number:010d}" for number in range(1, 9)]
KEEPERS = st.sampled_from([KEEPER, SECOND_KEEPER, FAR_KEEPER, SECOND_FAR_KEEPER, SUPERVISOR])
ANYBODY = st.sampled_from(PEOPLE)
CHOICES = st.lists(st.sampled_from(SERIALS), min_size=1, max_size=3, unique=True)
DEATHS = st.sampled_from([None, None, None, 1, 2, 3, 4])
"""Places around commits, two at each; None: nobody dies."""


@cache
def template() -> Path:
    """A database with its tables and people, made once."""
    folder = Path(tempfile.mkdtemp(prefix="hoviat-depot-"))
    with open_depot(f"sqlite:///{folder}/depot.sqlite3"):
        pass
    return folder / "depot.sqlite3"


class StockAndQueue(RuleBasedStateMachine):
    """People act; what they may not do is refused; whose process dies learns nothing and goes on."""

    @initialize()
    def open(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="hoviat-depot-"))
        shutil.copy(template(), self.folder / "depot.sqlite3")
        self.depot: Depot = depot_at(f"sqlite:///{self.folder}/depot.sqlite3")
        self.notes = 0
        self.spent: set[str] = set()
        self.held: dict[str, datetime] = {}
        self.taken: list[Taken] = []

    def act(self, death: int | None, action: Callable[[], Any]) -> Any:
        """What it returns, or None where it was refused or died."""
        with pytest.MonkeyPatch.context() as patch, suppress(IssuanceError, ProcessDiedError):
            DyingRegistry(death).watch_database(self.depot.database, patch)
            return action()
        return None

    @rule(first=KEEPERS, second=KEEPERS, serials=CHOICES, death=DEATHS)
    def receive(self, first: Actor, second: Actor, serials: list[str], death: int | None) -> None:
        self.notes += 1
        delivery = Delivery("P71", f"note {self.notes}", [[serial, serial] for serial in serials])

        def action() -> None:
            batch = self.depot.stock.announce(first, delivery)
            self.depot.stock.count(first, batch, delivery.noted)
            self.depot.stock.confirm(second, batch, len(serials))

        self.act(death, action)

    @rule(actor=ANYBODY, serials=CHOICES, office=st.sampled_from([HERE, THERE]), death=DEATHS)
    def send(self, actor: Actor, serials: list[str], office: str, death: int | None) -> None:
        self.act(death, lambda: self.depot.stock.send(actor, serials, office))

    @rule(actor=ANYBODY, serials=CHOICES, death=DEATHS)
    def arrive(self, actor: Actor, serials: list[str], death: int | None) -> None:
        self.act(death, lambda: self.depot.stock.arrive(actor, serials))

    @rule(
        actor=ANYBODY,
        serials=CHOICES,
        what=st.sampled_from(["spoil", "collect", "condemn", "spare", "destroy"]),
        death=DEATHS,
    )
    def waste(self, actor: Actor, serials: list[str], what: str, death: int | None) -> None:
        self.act(death, lambda: getattr(self.depot.stock, what)(actor, serials, "reason"))

    @rule(actor=KEEPERS, serial=st.sampled_from(SERIALS), data=st.data(), death=DEATHS)
    def reserve(self, actor: Actor, serial: str, data: st.DataObject, death: int | None) -> None:
        orders = self.applications()
        if orders:
            order = data.draw(st.sampled_from(orders))
            self.act(death, lambda: self.depot.stock.reserve(actor, serial, order))

    @rule(actor=KEEPERS, serial=st.sampled_from(SERIALS), death=DEATHS)
    def release(self, actor: Actor, serial: str, death: int | None) -> None:
        self.act(death, lambda: self.depot.stock.release(actor, serial))

    @rule(far=st.booleans())
    def approve(self, far: bool) -> None:
        self.depot.approved(far=far)
        self.depot.clock.forward(timedelta(minutes=1))

    @rule(data=st.data(), death=DEATHS)
    def make_urgent(self, data: st.DataObject, death: int | None) -> None:
        orders = self.applications()
        if orders:
            order = data.draw(st.sampled_from(orders))
            self.act(death, lambda: self.depot.orders.make_urgent(SUPERVISOR, order, "surgery"))

    @rule(data=st.data())
    def tell(self, data: st.DataObject) -> None:
        orders = self.applications()
        if orders:
            order = data.draw(st.sampled_from(orders))
            self.act(None, lambda: self.depot.orders.tell(CLERK, order))
            self.act(None, lambda: self.depot.orders.retell(CLERK))

    @rule(death=DEATHS)
    def take(self, death: int | None) -> None:
        now = self.depot.clock()
        taken = self.act(death, lambda: self.depot.orders.take(PRODUCER))
        if taken is not None:
            assert self.held.get(taken.application_id, now) <= now, "two had the order at once"
            self.held[taken.application_id] = taken.expires_at
            self.taken.append(taken)

    @rule(serial=st.sampled_from(SERIALS), death=DEATHS, end=st.sampled_from(["finish", "void", "stay"]))
    def produce(self, serial: str, death: int | None, end: str) -> None:
        if self.taken:
            taken = self.taken.pop()
            self.act(death, lambda: self.make(taken, serial, end))

    def make(self, taken: Taken, serial: str, end: str) -> None:
        """A run without its card: the same transactions in the same order."""
        application, clock = taken.application_id, self.depot.clock
        with self.depot.database.writing() as session:
            begin(session, application, taken.holder, clock())
            move(get_application(session, application), ApplicationEvent.START_PRODUCTION)
        with self.depot.database.writing() as session:
            (body,) = lock_bodies(session, [serial])
            owner = get_application(session, application)
            if obstacle(body, owner.office, application) is not None:
                move(owner, ApplicationEvent.VOID_PRODUCTION)
                return
            take_body(session, serial, Hand(PRODUCER.username, clock()))
            session.add(card(serial, owner, clock()))
        if end != "stay":
            self.finish(application, serial, end)

    def finish(self, application: str, serial: str, end: str) -> None:
        with self.depot.database.writing() as session:
            owner, made = get_application(session, application), get_card(session, serial)
            if end == "void":
                void_body(session, serial, Hand("system", self.depot.clock()))
                move_card(made, CardEvent.VOID)
                move(owner, ApplicationEvent.VOID_PRODUCTION)
            else:
                move_card(made, CardEvent.FINISH)
                move(owner, ApplicationEvent.FINISH_PRODUCTION)

    @rule(lease=st.booleans())
    def time_passes(self, lease: bool) -> None:
        self.depot.clock.forward(CLAIM_LEASE if lease else timedelta(seconds=20))

    def applications(self) -> list[str]:
        with self.depot.database.reading() as session:
            return list(session.scalars(select(Application.id).order_by(Application.id)))

    @invariant()
    def stock_adds_up(self) -> None:
        assert self.depot.faults() == []

    @invariant()
    def no_spent_body_comes_back(self) -> None:
        with self.depot.database.reading() as session:
            states = {body.serial: body.state for body in session.scalars(select(Body))}
        assert not {serial for serial in self.spent if states[serial] in ON_HAND}
        self.spent |= {serial for serial, state in states.items() if state in SPENT}

    @invariant()
    def every_order_is_what_its_application_is(self) -> None:
        with self.depot.database.reading() as session:
            rows = select(Application.state, Order.state).outerjoin(
                Order, Order.application_id == Application.id
            )
            assert all(application == order for application, order in session.execute(rows))

    def teardown(self) -> None:
        self.depot.clock.forward(CLAIM_LEASE * 2)
        with self.depot.database.reading() as session:
            waiting = select(Order).where(Order.state == "approved", Order.office == HERE)
            ranked = waiting.order_by(Order.rank_at, Order.application_id)
            expected = [order.application_id for order in session.scalars(ranked)]
        drained: list[str] = []
        while (taken := self.depot.orders.take(PRODUCER)) is not None:
            drained.append(taken.application_id)
        assert drained == expected
        with self.depot.database.reading() as session:
            verify_table(session, AuditEntry)
        self.depot.database.close()
        shutil.rmtree(self.folder)


def card(serial: str, owner: Application, now: datetime) -> Card:
    return Card(
        card_number=serial,
        national_code=owner.national_code,
        application_id=owner.id,
        state=CardState.IN_PRODUCTION.value,
        guid=serial,
        key_version=1,
        taken_at=now,
    )


@pytest.mark.slow
def test_stock_and_queue_keep_their_rules() -> None:
    run_state_machine_as_test(StockAndQueue, settings=settings(max_examples=30, stateful_step_count=30))
