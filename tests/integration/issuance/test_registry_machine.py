"""Several people do whatever they please with applications, cards, keys, stock and people's data, the
registry's process dying around any commit: what DESIGN.md says must always hold, holds after each step, on
real cards and a real authority.
"""

from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule, run_state_machine_as_test
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from issuance.audit import AuditEntry
from issuance.delivery.models import Recall
from issuance.enrolment.kinds import RULES
from issuance.housekeeping import DECISION_AGE
from issuance.lifecycle.models import Card
from issuance.lifecycle.states import ApplicationState, CardState
from issuance.massactions.models import MassAction
from issuance.massactions.states import AT_WORK, ActionState
from issuance.offices.models import FIRST_OFFICE
from issuance.production.journal import LEASE
from issuance.production.models import OPEN_RENEWAL_STATES, Production, Renewal
from issuance.production.steps import ENDED, ProductionState
from pki.auditchain import verify_table
from pki.auditchain.verification import snapshot, verify_record
from pki.profiles import Profile
from pki.store.models import AUDIT, CertificateBody
from tests.integration.issuance.invariants import check, check_ended, citizens_statuses
from tests.integration.issuance.invariantsoftwo import check_holds, holders
from tests.integration.issuance.office import CITIZENS_PIN, Office, initialise, open_home
from tests.integration.issuance.registrymachine.applications import Applications
from tests.integration.issuance.registrymachine.deciding import Deciding
from tests.integration.issuance.registrymachine.handingover import HandingOver
from tests.integration.issuance.registrymachine.machine import furnish
from tests.integration.issuance.registrymachine.making import Making
from tests.integration.issuance.registrymachine.people import (
    ADMINISTRATOR,
    CLERK,
    DEATHS,
    INSPECTOR,
    OFFICER,
    SUPERVISOR,
)
from tests.integration.issuance.registrymachine.using import Using
from tests.postgres import PostgresServer
from tests.repeated import REPEATED

pytestmark = REPEATED

TIMES = {
    "a run's lease": LEASE * 2,
    "a check's life": RULES.delivery.check_life,
    "a month": timedelta(days=30),
}


class Registry(Applications, Making, HandingOver, Using, Deciding):
    """All of it together."""

    @rule(what=st.sampled_from([*TIMES, "restart", "inspections begin", "inspections end"]))
    def something_happens(self, what: str) -> None:
        if what in TIMES:
            self.wait(TIMES[what])
        elif what == "restart":
            self.restart()
        else:
            begin, offices = what == "inspections begin", self.office.registry.offices
            self.act(None, lambda: offices.set_inspection(ADMINISTRATOR, FIRST_OFFICE, inspects=begin))

    @rule(death=DEATHS)
    def keep_house(self, death: int | None) -> None:
        """What the registry does by the clock."""
        registry = self.office.registry

        def action() -> None:
            registry.lifecycle.finish_decided(DECISION_AGE)
            registry.deliveries.finish_proven()
            registry.production.finish_left_voidings()

        self.act(death, action)

    @invariant()
    def what_must_always_hold(self) -> None:
        if not self.unchecked:
            return
        self.unchecked = False
        with self.office.registry.database.reading() as session:
            check(session, citizens_statuses(self.office.pki.engine))
            check_holds(session, holders(self.office.pki.engine))
        before, self.issued = self.issued, certificates(self.office.pki.engine)
        assert before.items() <= self.issued.items(), "a certificate was changed"

    def teardown(self) -> None:
        """Whatever was torn is ended, what is held let go, each card that was made handed over or ended."""
        try:
            self.office.clock.ahead += LEASE * 2
            self.restart()
            self.end_actions()
            self.end_runs()
            self.end_renewals()
            self.end_cards()
            self.unchecked = True
            self.what_must_always_hold()
            registry = self.office.registry
            with registry.database.reading() as session:
                check_ended(session, citizens_statuses(self.office.pki.engine))
                verify_table(session, AuditEntry)
            with Session(snapshot(self.office.pki.engine)) as authority:
                verify_record(authority, AUDIT)
        finally:
            self.remove()

    def end_actions(self) -> None:
        registry = self.office.registry
        with registry.database.reading() as session:
            at_work = list(session.scalars(select(MassAction.id).where(MassAction.state.in_(AT_WORK))))
        for action in at_work:
            list(registry.mass_runs.run(OFFICER, action))
        with registry.database.reading() as session:
            held = list(session.scalars(select(MassAction.id).where(MassAction.state == ActionState.HELD)))
        for action in held:
            registry.mass_actions.propose_lift(SUPERVISOR, action, "the end")
            registry.mass_actions.confirm_lift(OFFICER, action)
            list(registry.mass_runs.run(OFFICER, action))
            assert registry.mass_actions.view(OFFICER, action).state is ActionState.LIFTED

    def end_runs(self) -> None:
        registry = self.office.registry
        with registry.database.reading() as session:
            torn = list(session.scalars(select(Production).where(Production.state.not_in(ENDED))))
        for run in torn:
            self.insert(run.card_number or self.office.blank().stem)
            ended = registry.production.produce(CLERK, run.application_id, self.office.reader.name)
            assert ended.state in {ProductionState.PRODUCED, ProductionState.FAILED}, ended

    def end_renewals(self) -> None:
        """On with those of cards in use, to the end."""
        registry = self.office.registry
        torn = select(Renewal.id, Renewal.profile, Card.card_number, Card.state).join(Card)
        with registry.database.reading() as session:
            found = session.execute(torn.where(Renewal.state.in_(OPEN_RENEWAL_STATES))).all()
        for renewal, profile, card, state in found:
            if state == CardState.ACTIVE:
                self.insert(card)
                registry.renewals.renew(CLERK, self.office.reader.name, Profile(profile), CITIZENS_PIN)
            else:
                registry.renewals.give_up(CLERK, renewal)

    def end_cards(self) -> None:
        registry = self.office.registry
        with registry.database.reading() as session:
            waiting = select(Card).where(Card.state == CardState.PRODUCED)
            cards = [(card.card_number, card.application.state) for card in session.scalars(waiting)]
            taken_back = select(Recall.card_number, Recall.returned_by).where(Recall.returned_at.is_not(None))
            returned = {row.card_number: row.returned_by for row in session.execute(taken_back)}
        for card, application in cards:
            if application == ApplicationState.INSPECTION:
                registry.inspections.reject(INSPECTOR, card, "the end")
            elif card in returned:
                registry.recalls.end(SUPERVISOR if returned[card] == CLERK.username else CLERK, card)
            else:
                self.hand_over(CLERK, card)


def certificates(authority: Engine) -> dict[int, bytes]:
    """Every certificate that was issued, by serial."""
    with authority.connect() as connection:
        rows = connection.execute(select(CertificateBody.serial, CertificateBody.der))
        return {row.serial: row.der for row in rows}


def on_postgresql(server: PostgresServer) -> type[Registry]:
    """The machine with registry and authority on databases of this server, new for each example."""

    class RegistryOnPostgresql(Registry):
        def enter_office(self) -> Office:
            environment = self.stack.enter_context(pytest.MonkeyPatch.context())
            for service in ("ISSUANCE", "PKI"):
                database = self.stack.enter_context(server.database())
                environment.setenv(f"HOVIAT_{service}_DATABASE", database)
            initialise(self.folder / "home")
            office = self.stack.enter_context(open_home(self.folder / "home"))
            furnish(office)
            return office

    return RegistryOnPostgresql


@pytest.mark.slow
def test_the_registry_keeps_its_rules() -> None:
    run_state_machine_as_test(Registry, settings=settings(max_examples=20, stateful_step_count=40))


@pytest.mark.slow
def test_it_keeps_them_on_postgresql(postgres_server: PostgresServer) -> None:
    machine = on_postgresql(postgres_server)
    run_state_machine_as_test(machine, settings=settings(max_examples=3, stateful_step_count=30))
