"""Cards in use: stopped, by a call too, working again, their keys made anew, revoked."""

from typing import Any, cast

from hypothesis import strategies as st
from hypothesis.stateful import rule

from cardio.piv.slots import Slot
from cardio.station.proofs import Proofs
from cardio.transport import pcsc
from cardio.transport.base import CardConnection
from issuance.enrolment.kinds import RULES
from issuance.lifecycle.models import Card
from issuance.lifecycle.states import CardState, RevocationCause, SuspensionReason
from issuance.operators.service import Actor
from issuance.production.connection import Job
from issuance.production.models import OPEN_RENEWAL_STATES, Renewal
from issuance.production.renewal import RENEWABLE
from issuance.rekeying.service import Rekeying
from issuance.stations.connection import StationConnection
from pki.profiles import Profile
from tests.integration.issuance.office import CITIZENS_PIN, ITS_PERSON, Readers
from tests.integration.issuance.registrymachine.machine import Machine
from tests.integration.issuance.registrymachine.people import (
    CLERK,
    DEATHS,
    LONG_DEATHS,
    PERSON,
    PHRASE,
    PULLED,
    SUPERVISOR,
    WHICH,
    someone,
)

DESK = someone(CLERK, SUPERVISOR)
WRONG_PHRASE = "grey heron 77"
PROFILES = st.sampled_from(RENEWABLE)


class Holder:
    """Types the PIN at the station."""

    def known_at_pad(self, card: str, what: str) -> None:
        raise AssertionError(f"no pad here to type it at, for {card} and {what}")

    def ask_known(self, card: str, what: str) -> str:
        assert card
        assert what
        return CITIZENS_PIN


class AtStation:
    """The card in this process's reader, signing as at a station: what is said to it is not relayed."""

    def __init__(self, connection: CardConnection, card: str) -> None:
        self._connection = connection
        self._proofs = Proofs(card, connection, Holder())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def prove(self, slot: Slot, content: bytes) -> bytes:
        self._connection.reset()
        signature = self._proofs.sign(slot, content)
        self._connection.reset()
        return signature


def at_station(reader: str, job: Job) -> StationConnection:
    return cast("StationConnection", AtStation(pcsc.connect(reader), job.card_number or ""))


class Using(Machine):
    @rule(
        actor=DESK,
        which=WHICH,
        reason=st.sampled_from(
            [reason for reason in SuspensionReason if reason is not SuspensionReason.CALL]
        ),
        death=DEATHS,
    )
    def suspend(self, actor: Actor, which: int, reason: SuspensionReason, death: int | None) -> None:
        found = self.some(Card, which, CardState.ACTIVE)
        if found is not None:
            self.act(death, lambda: self.office.registry.lifecycle.suspend(actor, found, reason))

    @rule(actor=DESK, which=WHICH, met=st.booleans(), death=DEATHS)
    def resume(self, actor: Actor, which: int, met: bool, death: int | None) -> None:
        registry, found = self.office.registry, self.some(Card, which, CardState.SUSPENDED)
        if found is None:
            return
        if met:
            self.act(death, lambda: registry.identity_checks.meet(actor, found, ITS_PERSON))
        self.act(death, lambda: registry.lifecycle.resume(actor, found))

    @rule(actor=DESK, which=WHICH, cause=st.sampled_from(RevocationCause), death=DEATHS)
    def revoke(self, actor: Actor, which: int, cause: RevocationCause, death: int | None) -> None:
        found = self.some(Card, which, CardState.ACTIVE)
        if found is not None:
            self.act(death, lambda: self.office.registry.lifecycle.revoke(actor, found, cause))

    @rule(actor=DESK, which=WHICH, death=DEATHS)
    def agree(self, actor: Actor, which: int, death: int | None) -> None:
        """On a pass phrase, the holder being there."""
        registry, found = self.office.registry, self.some(Card, which, CardState.ACTIVE, CardState.SUSPENDED)
        if found is not None:
            self.act(None, lambda: registry.identity_checks.meet(actor, found, ITS_PERSON))
            self.act(death, lambda: registry.calls.agree(actor, found, PHRASE))

    @rule(
        actor=DESK,
        person=PERSON,
        phrase=st.sampled_from([PHRASE, PHRASE, "Blue HERON ۷۷", WRONG_PHRASE]),
        death=DEATHS,
    )
    def call(self, actor: Actor, person: int, phrase: str, death: int | None) -> None:
        calls, code = self.office.registry.calls, self.office.people.person(person).national_code
        record = self.office.register.find(code)
        assert record is not None

        def action() -> None:
            calls.suspend(actor, code, record.birth_date, phrase)
            assert phrase != WRONG_PHRASE

        self.act(death, action)

    @rule(actor=DESK, which=WHICH, profile=PROFILES, death=LONG_DEATHS, pulled=PULLED)
    def renew(
        self, actor: Actor, which: int, profile: Profile, death: int | None, pulled: int | None
    ) -> None:
        renewals, found = self.office.registry.renewals, self.some(Card, which, CardState.ACTIVE)
        if found is not None:
            self.insert(found, pulled)
            self.act(death, lambda: renewals.renew(actor, self.office.reader.name, profile, CITIZENS_PIN))

    @rule(actor=DESK, which=WHICH, profile=PROFILES, death=LONG_DEATHS, pulled=PULLED)
    def rekey(
        self, actor: Actor, which: int, profile: Profile, death: int | None, pulled: int | None
    ) -> None:
        """As at a station, by the code that asks for the card's proof there."""
        registry, found = self.office.registry, self.some(Card, which, CardState.ACTIVE)
        if found is None:
            return
        name = self.office.reader.name
        shop, confirmation = registry.rekeying._shop, registry.rekeying._confirmation
        rekeying = Rekeying(shop, Readers(name), at_station, confirmation, RULES.delivery)
        self.insert(found, pulled)

        def action() -> None:
            registry.identity_checks.meet(actor, found, ITS_PERSON)
            rekeying.renew(actor, found, name, profile)

        self.act(death, action)

    @rule(actor=DESK, which=WHICH, death=DEATHS)
    def give_up(self, actor: Actor, which: int, death: int | None) -> None:
        found = self.some(Renewal, which, *OPEN_RENEWAL_STATES)
        if found is not None:
            self.act(death, lambda: self.office.registry.renewals.give_up(actor, found))
