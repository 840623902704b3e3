"""Cards handed over, to their people and not to others; refused, or recalled where nobody comes."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import rule
from sqlalchemy import select

from issuance.delivery.models import Recall
from issuance.delivery.rules import Seen
from issuance.delivery.states import RefusalReason
from issuance.enrolment.kinds import RULES
from issuance.lifecycle.models import Card
from issuance.lifecycle.states import CardState
from issuance.operators.service import Actor
from tests.integration.issuance.office import ITS_PERSON
from tests.integration.issuance.registrymachine.machine import Machine
from tests.integration.issuance.registrymachine.people import CLERK, DEATHS, SUPERVISOR, WHICH, someone, two

DELIVERERS = someone(CLERK, SUPERVISOR)
OTHERS = st.sampled_from([Seen("passport", same_person=False), Seen("passport", same_person=True, score=1)])


class HandingOver(Machine):
    @rule(actor=DELIVERERS, which=WHICH, death=DEATHS)
    def deliver(self, actor: Actor, which: int, death: int | None) -> None:
        found = self.some(Card, which, CardState.PRODUCED)
        if found is not None:
            self.act(death, lambda: self.hand_over(actor, found))

    @rule(actor=DELIVERERS, which=WHICH, seen=OTHERS, times=st.integers(1, 3), death=DEATHS)
    def send_away(self, actor: Actor, which: int, seen: Seen, times: int, death: int | None) -> None:
        """Who came is somebody else, a few times over."""
        checks, found = self.office.registry.identity_checks, self.some(Card, which, CardState.PRODUCED)
        for _ in range(times if found is not None else 0):
            self.act(death, lambda: checks.check(actor, found, seen))

    @rule(actor=DELIVERERS, which=WHICH, reason=st.sampled_from(RefusalReason), death=DEATHS)
    def refuse(self, actor: Actor, which: int, reason: RefusalReason, death: int | None) -> None:
        checks, found = self.office.registry.identity_checks, self.some(Card, which, CardState.PRODUCED)
        if found is not None:
            self.act(death, lambda: checks.refuse(actor, found, reason))

    @rule(
        actor=DELIVERERS,
        which=WHICH,
        wrong=st.sampled_from(["signature", "chuid", "certificate"]),
        times=st.sampled_from([1, 5]),
        death=DEATHS,
    )
    def answer_wrongly(self, actor: Actor, which: int, wrong: str, times: int, death: int | None) -> None:
        """What the card says is not what this card would say."""
        registry, found = self.office.registry, self.some(Card, which, CardState.PRODUCED)

        def action() -> None:
            registry.identity_checks.check(actor, found, ITS_PERSON)
            opened = registry.deliveries.open(actor, found)
            self.insert(found)
            answer = self.office.accept(opened)
            octets = getattr(answer, wrong)
            forged = replace(answer, **{wrong: octets[:-1] + bytes([octets[-1] ^ 1])})
            for _ in range(times):
                self.act(death, lambda: registry.deliveries.complete(actor, opened.delivery_id, forged))

        if found is not None:
            self.act(None, action)

    @rule(
        people=two(CLERK, SUPERVISOR),
        which=WHICH,
        steps=st.integers(1, 3),
        waits=st.sampled_from([True, True, False]),
        death=DEATHS,
    )
    def recall(
        self, people: tuple[Actor, Actor], which: int, steps: int, waits: bool, death: int | None
    ) -> None:
        """Nobody comes: one tells the holders and takes a card back, another ends it; as far as they go."""
        recalls, (first, second) = self.office.registry.recalls, people
        self.wait(RULES.delivery.notice_after if waits else timedelta())
        self.act(death, lambda: recalls.notify(first))
        query = select(Recall.card_number)
        found = self.one_of(query, which, query.where(Recall.ended_at.is_(None)))
        if found is None or steps == 1:
            return
        self.wait(RULES.delivery.return_after if waits else timedelta())
        self.act(death, lambda: recalls.take_back(first, found))
        if steps > 2:
            self.act(death, lambda: recalls.end(second, found))
