"""Cards made, voided, inspected and destroyed; bodies reserved, spoiled and counted."""

from collections.abc import Callable

from hypothesis import strategies as st
from hypothesis.stateful import rule
from sqlalchemy import select

from issuance.enrolment.models import Application
from issuance.lifecycle.models import Card
from issuance.lifecycle.states import ApplicationState, CardState
from issuance.operators.service import Actor
from issuance.production.models import Production
from issuance.production.steps import ENDED, ProductionState
from issuance.stock.models import Body
from issuance.stock.service import Delivery
from issuance.stock.states import ON_HAND, BodyState
from tests.integration.issuance.registrymachine.machine import Machine
from tests.integration.issuance.registrymachine.people import (
    CLERK,
    DEATHS,
    INSPECTOR,
    KEEPER,
    LONG_DEATHS,
    PULLED,
    SECOND_KEEPER,
    SUPERVISOR,
    WHICH,
    someone,
)

TO_MAKE = (ApplicationState.APPROVED, ApplicationState.IN_PRODUCTION)
KEEPERS = someone(KEEPER, SECOND_KEEPER)


class Making(Machine):
    @rule(
        actor=someone(CLERK, SUPERVISOR), which=WHICH, death=LONG_DEATHS, pulled=PULLED, blank=st.booleans()
    )
    def produce(self, actor: Actor, which: int, death: int | None, pulled: int | None, blank: bool) -> None:
        """On the body of a torn run or one that is kept for it, a new one, or whatever is in the reader."""
        application = self.some(Application, which, *TO_MAKE)
        if application is None:
            return
        kept = self.kept_body(application)
        if kept is not None or blank or not self.inserted:
            self.insert(kept or self.blank(), pulled)
        production = self.office.registry.production
        self.act(death, lambda: production.produce(actor, application, self.office.reader.name))

    def kept_body(self, application: str) -> str | None:
        torn = select(Production.card_number).where(
            Production.application_id == application, Production.state.not_in(ENDED)
        )
        reserved = select(Body.serial).where(
            Body.application_id == application, Body.state == BodyState.RESERVED
        )
        with self.office.registry.database.reading() as session:
            return session.scalar(torn) or session.scalar(reserved)

    @rule(actor=someone(CLERK, SUPERVISOR), which=WHICH, death=DEATHS)
    def void(self, actor: Actor, which: int, death: int | None) -> None:
        found = self.some(Production, which, *set(ProductionState) - ENDED)
        if found is not None:
            self.act(death, lambda: self.office.registry.production.void(actor, found))

    @rule(actor=someone(SUPERVISOR, INSPECTOR), which=WHICH, accepted=st.booleans(), death=DEATHS)
    def inspect(self, actor: Actor, which: int, accepted: bool, death: int | None) -> None:
        inspections = self.office.registry.inspections
        found = self.some(Card, which, CardState.PRODUCED)
        if found is None:
            return
        if accepted:
            self.act(death, lambda: inspections.accept(actor, found))
        else:
            self.act(death, lambda: inspections.reject(actor, found, "crooked"))

    @rule(actor=KEEPERS, second=KEEPERS, which=WHICH, death=DEATHS)
    def destroy(self, actor: Actor, second: Actor, which: int, death: int | None) -> None:
        stock, found = self.office.registry.stock, self.some(Card, which, CardState.VOIDED, CardState.REVOKED)
        if found is not None:
            self.act(death, lambda: stock.collect(actor, [found], "handed in"))
            self.act(death, lambda: stock.condemn(actor, [found], "waste"))
            self.act(death, lambda: stock.destroy(second, [found], "waste"))

    @rule(actor=KEEPERS, which=WHICH, death=DEATHS)
    def reserve(self, actor: Actor, which: int, death: int | None) -> None:
        """A new body, for an order."""
        found = self.some(Application, which, ApplicationState.APPROVED)
        if found is not None:
            body = self.blank()
            self.act(death, lambda: self.office.registry.stock.reserve(actor, body, found))

    @rule(
        actor=KEEPERS,
        which=WHICH,
        what=st.sampled_from(["release", "spoil", "condemn", "spare", "destroy"]),
        death=DEATHS,
    )
    def move(self, actor: Actor, which: int, what: str, death: int | None) -> None:
        stock, bodies = self.office.registry.stock, select(Body.serial)
        found = self.one_of(bodies, which, bodies.where(Body.state.in_(ON_HAND)))
        moves: dict[str, Callable[[], None]] = {
            "release": lambda: stock.release(actor, found),
            "spoil": lambda: stock.spoil(actor, [found], "bent"),
            "condemn": lambda: stock.condemn(actor, [found], "bent"),
            "spare": lambda: stock.spare(actor, [found], "not so bad"),
            "destroy": lambda: stock.destroy(actor, [found], "bent"),
        }
        if found is not None:
            self.act(death, moves[what])

    @rule(first=KEEPERS, second=KEEPERS, counted=st.integers(1, 3), said=st.integers(1, 3), death=DEATHS)
    def receive(self, first: Actor, second: Actor, counted: int, said: int, death: int | None) -> None:
        """A supplier's note of two bodies; how many are counted, and how many the second person says."""
        with self.office.registry.database.reading() as session:
            known = session.scalars(select(Body.serial)).all()
        serials = [f"{9_000_000_000 + len(known) * 4 + number}" for number in range(3)]
        noted, found = ([[serial, serial] for serial in serials[:number]] for number in (2, counted))
        stock = self.office.registry.stock

        def action() -> None:
            batch = stock.announce(first, Delivery("card", f"note {serials[0]}", noted))
            stock.count(first, batch, found)
            stock.confirm(second, batch, said)

        self.act(death, action)
