"""Several people do whatever they please with applications and cards, the registry's process dying around any
commit: what DESIGN.md says must always hold, holds after each step, on real cards and a real authority.
"""

import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import select
from sqlalchemy.orm import Session

from cardio.errors import CardError
from issuance.audit import AuditEntry
from issuance.enrolment.evidence import Shown
from issuance.enrolment.kinds import RULES, ApplicationKind, ReplacementCause
from issuance.enrolment.models import Application
from issuance.enrolment.service import Correction, NewApplication
from issuance.errors import IssuanceError
from issuance.lifecycle.models import Card
from issuance.lifecycle.states import ApplicationState, CardState, RevocationCause
from issuance.offices.models import FIRST_OFFICE
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.production.journal import LEASE
from issuance.production.models import Production
from issuance.production.steps import ENDED, ProductionState
from pki.auditchain import verify_table
from pki.auditchain.verification import snapshot, verify_record
from pki.errors import PkiError
from pki.store.models import AUDIT
from simulators.actors.operator import add_operator
from simulators.population.portrait import draw_portrait
from simulators.readers.errors import ReaderSimulationError
from tests.integration.issuance.invariants import check, check_ended, citizens_statuses
from tests.integration.issuance.office import (
    ITS_PERSON,
    Office,
    Readers,
    initialise,
    open_office,
    open_registry,
)
from tests.integration.issuance.tearing import DyingRegistry, ProcessDiedError
from tests.repeated import REPEATED

pytestmark = REPEATED

PERSONS = 4
CLERK, SECOND_CLERK = Actor("clerk-1", Role.CLERK), Actor("clerk-2", Role.CLERK)
SUPERVISOR, SECOND_SUPERVISOR = Actor("supervisor-1", Role.SUPERVISOR), Actor("supervisor-2", Role.SUPERVISOR)
KEEPER, SECOND_KEEPER = Actor("stock-1", Role.STOCK), Actor("stock-2", Role.STOCK)
INSPECTOR = Actor("production-1", Role.PRODUCTION)
ADMINISTRATOR = Actor("administrator-1", Role.ADMINISTRATOR)
NEWCOMERS = (SECOND_CLERK, SECOND_SUPERVISOR, INSPECTOR)
ANYBODY = st.sampled_from([CLERK, SECOND_CLERK, SUPERVISOR, SECOND_SUPERVISOR, KEEPER, ADMINISTRATOR])
KINDS = st.sampled_from(
    [
        *[(ApplicationKind.NEW, None)] * 3,
        (ApplicationKind.RENEWAL, None),
        (ApplicationKind.CORRECTION, None),
        *[(ApplicationKind.REPLACEMENT, cause) for cause in ReplacementCause],
    ]
)
NEVER: st.SearchStrategy[int | None] = st.none()
DEATHS = NEVER | NEVER | st.integers(1, 12)
"""Places around commits, two at each; None: nobody dies."""
PRODUCTION_DEATHS = NEVER | st.integers(1, 50)
PULLED = NEVER | NEVER | st.integers(0, 32)
"""After so many durable writes the card loses its power; None: it doesn't."""
WHICH = st.integers(0, 99)
FITTING = 80
"""Of a hundred choices, those that are made among what fits, where something does."""
EDITED = (ApplicationState.DRAFT, ApplicationState.RETURNED)
TO_MAKE = (ApplicationState.APPROVED, ApplicationState.IN_PRODUCTION)


def someone(*right: Actor) -> st.SearchStrategy[Actor]:
    """Most often who may do it, else anybody."""
    return st.sampled_from(right) | st.sampled_from(right) | ANYBODY


REFUSALS = (IssuanceError, PkiError, CardError, ReaderSimulationError)


@cache
def template() -> Path:
    """A home with two people for each part, and applications that stand differently; made once."""
    folder = Path(tempfile.mkdtemp(prefix="hoviat-registry-")) / "home"
    initialise(folder)
    with open_office(folder.parent / "furnished", folder) as office:
        registry = office.registry
        for actor in NEWCOMERS:
            add_operator(registry.accounts, actor.username, actor.role)
        office.issue(0)
        office.approved(1)
        office.enrol(2)
    return folder.parent / "furnished" / "home"


class Registry(RuleBasedStateMachine):
    """What they may not do is refused; whose process dies learns nothing and goes on."""

    @initialize()
    def open(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="hoviat-registry-"))
        self._stack = ExitStack()
        self.office: Office = self._stack.enter_context(open_office(self.folder, template()))
        self.inserted = ""

    def act(self, death: int | None, action: Callable[[], object]) -> None:
        """It ends, is refused, or the process dies; nobody asks again."""
        with pytest.MonkeyPatch.context() as patch, suppress(*REFUSALS, ProcessDiedError):
            DyingRegistry(death).watch(self.office, patch)
            action()

    def some(self, model: Any, which: int, *states: str) -> Any:
        """The key of one of them, most often in one of these states."""
        key = Card.card_number if model is Card else model.id
        query = select(key).order_by(key)
        with self.office.registry.database.reading() as session:
            fitting = list(session.scalars(query.where(model.state.in_(states)))) if which < FITTING else []
            found = fitting or list(session.scalars(query))
        return found[which % len(found)] if found else None

    # Applications

    @rule(actor=someone(CLERK, SECOND_CLERK), person=st.integers(0, PERSONS - 1), kind=KINDS, death=DEATHS)
    def enrol(
        self,
        actor: Actor,
        person: int,
        kind: tuple[ApplicationKind, ReplacementCause | None],
        death: int | None,
    ) -> None:
        somebody, enrolment = self.office.people.person(person), self.office.registry.enrolment
        shown = tuple(Shown(document, "12") for document in RULES.rule(*kind).documents)
        new = NewApplication(
            somebody.national_code,
            somebody.birth_date,
            draw_portrait(somebody),
            kind=kind[0],
            cause=kind[1],
            evidence=shown,
        )
        self.act(death, lambda: enrolment.submit(actor, enrolment.open(actor, new)))

    @rule(actor=someone(CLERK, SECOND_CLERK), which=WHICH, death=DEATHS)
    def edit(self, actor: Actor, which: int, death: int | None) -> None:
        enrolment, found = self.office.registry.enrolment, self.some(Application, which, *EDITED)
        if found is not None:
            self.act(death, lambda: enrolment.correct(actor, found, Correction(latin_surname="Azari")))
            self.act(None, lambda: enrolment.submit(actor, found))

    @rule(
        actor=someone(SUPERVISOR, SECOND_SUPERVISOR),
        which=WHICH,
        how=st.sampled_from(["approve", "approve", "approve", "send_back", "refuse", "withdraw"]),
        death=DEATHS,
    )
    def decide(self, actor: Actor, which: int, how: str, death: int | None) -> None:
        registry, found = self.office.registry, self.some(Application, which, ApplicationState.SUBMITTED)
        decisions: dict[str, Callable[[], None]] = {
            "approve": lambda: registry.approval.approve(actor, found),
            "send_back": lambda: registry.approval.send_back(actor, found, "the name"),
            "refuse": lambda: registry.approval.refuse(actor, found, "the name"),
            "withdraw": lambda: registry.enrolment.withdraw(actor, found),
        }
        if found is not None:
            self.act(death, decisions[how])

    @rule(actor=someone(CLERK, SECOND_CLERK), which=WHICH, death=DEATHS)
    def end_old_card(self, actor: Actor, which: int, death: int | None) -> None:
        found = self.some(Application, which, ApplicationState.APPROVED)
        if found is not None:
            self.act(death, lambda: self.office.registry.replacement.end_old_card(actor, found))

    # Cards

    @rule(
        actor=someone(CLERK, SUPERVISOR),
        which=WHICH,
        death=PRODUCTION_DEATHS,
        pulled=PULLED,
        blank=st.booleans(),
    )
    def produce(self, actor: Actor, which: int, death: int | None, pulled: int | None, blank: bool) -> None:
        """On a new body, or on that of a run that was torn, or on whatever is in the reader."""
        application = self.some(Application, which, *TO_MAKE)
        if application is None:
            return
        torn = self.torn_body(application)
        if torn is not None or blank or not self.inserted:
            self.insert(torn or self.office.blank().stem, pulled)
        production = self.office.registry.production
        self.act(death, lambda: production.produce(actor, application, self.office.reader.name))

    def torn_body(self, application: str) -> str | None:
        query = select(Production.card_number).where(
            Production.application_id == application, Production.state.not_in(ENDED)
        )
        with self.office.registry.database.reading() as session:
            return session.scalar(query)

    def insert(self, body: str, pulled: int | None = None) -> None:
        self.office.insert(self.office.home.cards / f"{body}.card", pulled)
        self.inserted = body

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

    @rule(actor=someone(CLERK, SUPERVISOR), which=WHICH, death=DEATHS)
    def deliver(self, actor: Actor, which: int, death: int | None) -> None:
        found = self.some(Card, which, CardState.PRODUCED)
        if found is not None:
            self.act(death, lambda: self.hand_over(actor, found))

    def hand_over(self, actor: Actor, card: str) -> None:
        deliveries = self.office.registry.deliveries
        self.office.registry.identity_checks.check(actor, card, ITS_PERSON)
        opened = deliveries.open(actor, card)
        self.insert(card)
        deliveries.complete(actor, opened.delivery_id, self.office.accept(opened))

    @rule(
        actor=someone(CLERK, SUPERVISOR),
        which=WHICH,
        how=st.sampled_from(["suspend", "resume", "resume"]),
        death=DEATHS,
    )
    def stop(self, actor: Actor, which: int, how: str, death: int | None) -> None:
        found = self.some(Card, which, CardState.ACTIVE, CardState.SUSPENDED)
        if found is not None:
            self.act(death, lambda: getattr(self.office.registry.lifecycle, how)(actor, found))

    @rule(actor=someone(CLERK, SUPERVISOR), which=WHICH, cause=st.sampled_from(RevocationCause), death=DEATHS)
    def revoke(self, actor: Actor, which: int, cause: RevocationCause, death: int | None) -> None:
        found = self.some(Card, which, CardState.ACTIVE)
        if found is not None:
            self.act(death, lambda: self.office.registry.lifecycle.revoke(actor, found, cause))

    @rule(
        actor=someone(KEEPER, SECOND_KEEPER), second=someone(KEEPER, SECOND_KEEPER), which=WHICH, death=DEATHS
    )
    def destroy(self, actor: Actor, second: Actor, which: int, death: int | None) -> None:
        stock, found = self.office.registry.stock, self.some(Card, which, CardState.VOIDED, CardState.REVOKED)
        if found is not None:
            self.act(death, lambda: stock.collect(actor, [found], "handed in"))
            self.act(death, lambda: stock.condemn(actor, [found], "waste"))
            self.act(death, lambda: stock.destroy(second, [found], "waste"))

    # What happens to everybody

    @rule(what=st.sampled_from(["time", "restart", "inspections begin", "inspections end"]))
    def something_happens(self, what: str) -> None:
        if what == "time":
            self.office.clock.ahead += LEASE * 2
        elif what == "restart":
            self.restart()
        else:
            begin, offices = what == "inspections begin", self.office.registry.offices
            self.act(None, lambda: offices.set_inspection(ADMINISTRATOR, FIRST_OFFICE, inspects=begin))

    def restart(self) -> None:
        office = self.office
        office.registry.close()
        readers = Readers(office.reader.name)
        office.registry = open_registry(office.home, office.pki, office.register, readers, office.clock)

    @invariant()
    def what_must_always_hold(self) -> None:
        with self.office.registry.database.reading() as session:
            check(session, citizens_statuses(self.office.pki.engine))

    def teardown(self) -> None:
        """Whatever was torn is resumed or voided, and every card that was made is handed over or ended."""
        with self._stack:
            self.office.clock.ahead += LEASE * 2
            self.restart()
            self.end_runs()
            self.end_cards()
            registry = self.office.registry
            with registry.database.reading() as session:
                check_ended(session, citizens_statuses(self.office.pki.engine))
                verify_table(session, AuditEntry)
            with Session(snapshot(self.office.pki.engine)) as authority:
                verify_record(authority, AUDIT)
        shutil.rmtree(self.folder)

    def end_runs(self) -> None:
        registry = self.office.registry
        with registry.database.reading() as session:
            torn = list(session.scalars(select(Production).where(Production.state.not_in(ENDED))))
        for run in torn:
            self.insert(run.card_number or self.office.blank().stem)
            ended = registry.production.produce(CLERK, run.application_id, self.office.reader.name)
            assert ended.state in {ProductionState.PRODUCED, ProductionState.FAILED}, ended

    def end_cards(self) -> None:
        registry = self.office.registry
        with registry.database.reading() as session:
            waiting = select(Card).where(Card.state == CardState.PRODUCED)
            cards = [(card.card_number, card.application.state) for card in session.scalars(waiting)]
        for card, application in cards:
            if application == ApplicationState.INSPECTION:
                registry.inspections.reject(INSPECTOR, card, "the end")
            else:
                self.hand_over(CLERK, card)


@pytest.mark.slow
def test_the_registry_keeps_its_rules() -> None:
    run_state_machine_as_test(Registry, settings=settings(max_examples=20, stateful_step_count=40))
