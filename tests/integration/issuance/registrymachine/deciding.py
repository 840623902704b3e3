"""What takes two people: decrees, mass actions over keys, and a person's erasure."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

from hypothesis import strategies as st
from hypothesis.stateful import rule
from sqlalchemy import select

from issuance.decrees.models import Decree, DecreeState
from issuance.decrees.service import Proposal
from issuance.enrolment.models import Application
from issuance.lifecycle.models import Card
from issuance.lifecycle.states import CardState, RevocationCause
from issuance.massactions.models import MassAction
from issuance.massactions.selection import KeySelection
from issuance.massactions.states import ENDED, ActionState
from issuance.operators.service import Actor
from issuance.people.models import Erasure, Ground
from issuance.provenance.models import KeyType
from tests.integration.issuance.invariants import citizens_statuses
from tests.integration.issuance.registrymachine.machine import Machine
from tests.integration.issuance.registrymachine.people import (
    CLERK,
    DEATHS,
    LONG_DEATHS,
    OFFICER,
    PERSON,
    SECOND_SUPERVISOR,
    SUPERVISOR,
    WHICH,
    someone,
    two,
)

SUPERVISORS = someone(SUPERVISOR, SECOND_SUPERVISOR)
TWO_DECIDERS = two(SUPERVISOR, SECOND_SUPERVISOR, OFFICER)
DECIDERS = someone(SUPERVISOR, SECOND_SUPERVISOR, OFFICER)
SELECTIONS = st.sampled_from(
    [
        KeySelection(slots=frozenset({"9A"})),
        KeySelection(key_types=frozenset({KeyType.EC})),
        KeySelection(offices=frozenset({"1"})),
    ]
)
DAY = timedelta(days=1)


class Deciding(Machine):
    # Decrees

    @rule(people=two(SUPERVISOR, SECOND_SUPERVISOR), which=WHICH, goes_on=st.booleans(), death=DEATHS)
    def decree(self, people: tuple[Actor, Actor], which: int, goes_on: bool, death: int | None) -> None:
        """Cards that end about when this one does are to be valid for a year more."""
        decrees, found = self.office.registry.decrees, self.some(Card, which, CardState.ACTIVE)
        if found is None:
            return
        with self.office.registry.database.reading() as session:
            number = str(len(session.scalars(select(Decree.id)).all()))

        def action() -> None:
            end = decrees.validity(found).valid_until.date()
            today = self.office.clock().date()
            wanted = Proposal(number, today, end - 30 * DAY, end + 30 * DAY, end + 365 * DAY)
            decree = decrees.propose(people[0], wanted)
            if goes_on:
                decrees.enact(people[1], decree)

        self.act_without_certificates(death, action)

    @rule(actor=SUPERVISORS, which=WHICH, how=st.sampled_from(["enact", "reject"]), death=DEATHS)
    def decide_decree(self, actor: Actor, which: int, how: str, death: int | None) -> None:
        found = self.some(Decree, which, DecreeState.PROPOSED)
        if found is not None:
            decide = getattr(self.office.registry.decrees, how)
            self.act_without_certificates(death, lambda: decide(actor, found))

    def act_without_certificates(self, death: int | None, action: Callable[[], object]) -> None:
        """What is done changes no certificate's status."""
        before = citizens_statuses(self.office.pki.engine)
        self.act(death, action)
        assert citizens_statuses(self.office.pki.engine) == before

    # Mass actions

    @rule(people=TWO_DECIDERS, selection=SELECTIONS, death=LONG_DEATHS)
    def hold(self, people: tuple[Actor, Actor], selection: KeySelection, death: int | None) -> None:
        registry, (first, second) = self.office.registry, people

        def action() -> None:
            found = registry.mass_actions.propose(first, selection, "weak keys", tolerance=1).id
            registry.mass_actions.confirm(second, found)
            list(registry.mass_runs.run(second, found))

        self.act(death, action)

    @rule(people=TWO_DECIDERS, which=WHICH, death=LONG_DEATHS)
    def lift(self, people: tuple[Actor, Actor], which: int, death: int | None) -> None:
        registry, (first, second) = self.office.registry, people
        found = self.some(MassAction, which, ActionState.HELD)

        def action() -> None:
            registry.mass_actions.propose_lift(first, found, "sound keys")
            registry.mass_actions.confirm_lift(second, found)
            list(registry.mass_runs.run(second, found))

        if found is not None:
            self.act(death, action)

    @rule(
        actor=DECIDERS,
        which=WHICH,
        how=st.sampled_from(["run", "run", "confirm", "cancel", "confirm_lift"]),
        death=LONG_DEATHS,
    )
    def go_on(self, actor: Actor, which: int, how: str, death: int | None) -> None:
        """With what somebody else has begun."""
        registry = self.office.registry
        found = self.some(MassAction, which, *set(ActionState) - ENDED)
        ways: dict[str, Callable[[], object]] = {
            "run": lambda: list(registry.mass_runs.run(actor, found)),
            "confirm": lambda: registry.mass_actions.confirm(actor, found),
            "cancel": lambda: registry.mass_actions.cancel(actor, found),
            "confirm_lift": lambda: registry.mass_actions.confirm_lift(actor, found),
        }
        if found is not None:
            self.act(death, ways[how])

    # Erasures

    @rule(
        people=two(SUPERVISOR, SECOND_SUPERVISOR),
        person=PERSON,
        ground=st.sampled_from([Ground.COURT, *Ground]),
        leaves=st.booleans(),
        goes_on=st.sampled_from([True, True, False]),
        death=DEATHS,
    )
    def forget(
        self,
        people: tuple[Actor, Actor],
        person: int,
        ground: Ground,
        leaves: bool,
        goes_on: bool,
        death: int | None,
    ) -> None:
        """A person's data is to go, once they have neither card nor application; who leaves gives both up."""
        registry, code = self.office.registry, self.office.people.person(person).national_code
        for end in self.endings(code) if leaves else ():
            self.act(death, end)

        def action() -> None:
            found = registry.erasures.request(people[0], code, ground)
            if goes_on:
                registry.erasures.confirm(people[1], found)

        self.act(death, action)

    def endings(self, code: str) -> list[Callable[[], object]]:
        """What ends the person's cards and applications."""
        registry = self.office.registry
        with registry.database.reading() as session:
            cards = session.scalars(select(Card.card_number).where(Card.national_code == code)).all()
            mine = select(Application.id).where(Application.national_code == code)
            applications = session.scalars(mine).all()
        cause = RevocationCause.WITHDRAWN
        return [
            *(partial(registry.lifecycle.revoke, SUPERVISOR, card, cause) for card in cards),
            *(partial(registry.enrolment.withdraw, CLERK, application) for application in applications),
        ]

    @rule(actor=SUPERVISORS, which=WHICH, how=st.sampled_from(["confirm", "withdraw"]), death=DEATHS)
    def decide_erasure(self, actor: Actor, which: int, how: str, death: int | None) -> None:
        erasures, query = self.office.registry.erasures, select(Erasure.id)
        found = self.one_of(query, which, query.where(Erasure.confirmed_by.is_(None)))
        if found is not None:
            self.act(death, lambda: getattr(erasures, how)(actor, found))
