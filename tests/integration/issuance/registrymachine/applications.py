"""Applications: enrolled, edited, decided upon, and their possible duplicates judged."""

from collections.abc import Callable

from hypothesis import strategies as st
from hypothesis.stateful import rule
from sqlalchemy import select

from issuance.duplicates.models import DuplicateMatch, MatchDecision
from issuance.enrolment.evidence import Shown
from issuance.enrolment.kinds import RULES, ApplicationKind, ReplacementCause
from issuance.enrolment.models import Application
from issuance.enrolment.service import Correction, NewApplication
from issuance.lifecycle.states import ApplicationState
from issuance.operators.service import Actor
from simulators.population.portrait import draw_portrait
from tests.integration.issuance.registrymachine.machine import Machine
from tests.integration.issuance.registrymachine.people import (
    CLERK,
    DEATHS,
    KINDS,
    PERSON,
    SECOND_CLERK,
    SECOND_SUPERVISOR,
    SUPERVISOR,
    WHICH,
    someone,
)

EDITED = (ApplicationState.DRAFT, ApplicationState.RETURNED)


class Applications(Machine):
    @rule(actor=someone(CLERK, SECOND_CLERK), person=PERSON, kind=KINDS, death=DEATHS)
    def enrol(
        self,
        actor: Actor,
        person: int,
        kind: tuple[ApplicationKind, ReplacementCause | None],
        death: int | None,
    ) -> None:
        somebody, enrolment = self.office.people.person(person), self.office.registry.enrolment
        record = self.office.register.find(somebody.national_code)
        assert record is not None
        shown = tuple(Shown(document, "12") for document in RULES.rule(*kind).documents)
        new = NewApplication(
            record.national_code,
            record.birth_date,
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
        decision=st.sampled_from([MatchDecision.OTHER, MatchDecision.OTHER, MatchDecision.SAME]),
        death=DEATHS,
    )
    def judge(self, actor: Actor, which: int, decision: MatchDecision, death: int | None) -> None:
        match, duplicates = DuplicateMatch, self.office.registry.duplicates
        found = self.one_of(select(match.application_id), which)
        if found is not None:
            self.act(death, lambda: duplicates.decide(actor, found, 1, decision, "seen both"))

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
