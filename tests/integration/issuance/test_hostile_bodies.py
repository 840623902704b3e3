"""What production says to a card and hears from it, seen from the card's side, and bodies that betray it."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

import cardio.piv.requests
from issuance.production.pathcheck import path_check
from issuance.production.service import ProductionLine, ProductionView
from issuance.production.steps import ProductionState, Step, StepState
from pki.status.state import Status
from simulators.card.card import SimulatedCard
from simulators.card.globalplatform.scp03 import BLOCK, MAC_LENGTH
from simulators.card.globalplatform.securechannel import SecureChannel
from simulators.card.iso7816 import Command
from simulators.card.piv import keys
from simulators.card.piv.identifiers import Algorithm, DataObject, KeyReference
from simulators.card.state import CardState
from simulators.card.store import CardStore
from simulators.readers.vpcd import Card
from simulators.readers.wrapped import WrappedCard
from tests.integration.issuance.office import CLERK, Office, Readers
from tests.integration.issuance.test_torn_runs import certificate_statuses

C_MAC_C_ENC_R_MAC = 0x13  # amendment D, table 7-1
SECURE_MESSAGING = 0x04
SELECT, INITIALIZE_UPDATE, EXTERNAL_AUTHENTICATE, GET_RESPONSE = 0xA4, 0x50, 0x82, 0xC0
GENERATE = 0x47
WRITTEN = (
    DataObject.CHUID,
    DataObject.CARD_CAPABILITY_CONTAINER,
    DataObject.PRINTED_INFORMATION,
    DataObject.AUTHENTICATION_CERTIFICATE,
    DataObject.SIGNATURE_CERTIFICATE,
)
CERTIFICATES: Mapping[int, int] = {
    KeyReference.AUTHENTICATION: DataObject.AUTHENTICATION_CERTIFICATE,
    KeyReference.SIGNATURE: DataObject.SIGNATURE_CERTIFICATE,
}


def produced_on(office: Office, make: Callable[[CardStore], Card]) -> ProductionView:
    """A run on a blank of which `make` makes something else."""
    application = office.approved()
    office.insert_made(office.blank(), make)
    return office.produce(application)


def require_void(office: Office, run: ProductionView, kind: str, step: Step) -> None:
    """The body is waste because of that step, and none of its certificates is, or will be, good."""
    assert (run.state, run.failure_kind) == (ProductionState.VOIDED, kind)
    assert [(each.step, each.state) for each in run.steps][-1] == (step, StepState.FAILED)
    assert set(certificate_statuses(office)) <= {Status.REVOKED}


class Listener(WrappedCard):
    """Keeps every command that reaches the card."""

    def __init__(self, card: Card) -> None:
        super().__init__(card)
        self.commands: list[bytes] = []

    def transmit(self, command: bytes) -> bytes:
        self.commands.append(command)
        return super().transmit(command)

    def since_the_handshake(self) -> list[bytes]:
        """Beginning with the first EXTERNAL AUTHENTICATE."""
        first = [command[1] for command in self.commands].index(EXTERNAL_AUTHENTICATE)
        return self.commands[first:]


class ChannelWatch:
    """What went through the cards' secure channels: as it came and was meant, as it was meant and left."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.commands: list[tuple[Command, Command]] = []
        self.answers: list[tuple[bytes, bytes]] = []
        unwrap, wrap = SecureChannel.unwrap, SecureChannel.wrap

        def watched_unwrap(channel: SecureChannel, command: Command) -> Command:
            plain = unwrap(channel, command)
            self.commands.append((command, plain))
            return plain

        def watched_wrap(channel: SecureChannel, data: bytes, sw: int) -> bytes:
            wrapped = wrap(channel, data, sw)
            self.answers.append((data, wrapped))
            return wrapped

        patch.setattr(SecureChannel, "unwrap", watched_unwrap)
        patch.setattr(SecureChannel, "wrap", watched_wrap)


def test_everything_said_to_the_card_and_heard_of_it_is_protected(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = ChannelWatch(monkeypatch)
    listeners: list[Listener] = []

    def listening(store: CardStore) -> Listener:
        listeners.append(Listener(SimulatedCard(store)))
        return listeners[-1]

    assert produced_on(office, listening).state is ProductionState.PRODUCED
    commands = listeners[0].since_the_handshake()
    handshakes = [command for command in commands if command[1] == EXTERNAL_AUTHENTICATE]
    assert [command[2] for command in handshakes] == [C_MAC_C_ENC_R_MAC] * 2  # PIV's, the security domain's
    plain = [command[1] for command in commands if not command[0] & SECURE_MESSAGING]
    assert [ins for ins in plain if ins != GET_RESPONSE] == [SELECT, INITIALIZE_UPDATE]
    protected = len(commands) - len(plain) - len(handshakes)
    assert protected == len(watch.commands) == len(watch.answers) > len(Step)
    for came, meant in watch.commands:
        enciphered = came.data[:-MAC_LENGTH]
        assert bool(enciphered) == bool(meant.data)
        assert len(enciphered) % BLOCK == 0
        assert not meant.data or enciphered[: len(meant.data)] != meant.data
    for meant_answer, left in watch.answers:
        assert left[:-MAC_LENGTH] == meant_answer
        assert len(left) == len(meant_answer) + MAC_LENGTH


class FalseStore:
    """Keeps something else than the card was told, by `falsify(before, told)`."""

    def __init__(self, store: CardStore, falsify: Callable[[CardState, CardState], CardState]) -> None:
        self._store = store
        self._falsify = falsify

    @property
    def state(self) -> CardState:
        return self._store.state

    def commit(self, state: CardState) -> None:
        self._store.commit(self._falsify(self._store.state, state))


def is_written(tag: int, before: CardState, told: CardState) -> bool:
    """Whether this commit brings another content of that object."""
    return tag in told.piv.objects and told.piv.objects[tag] != before.piv.objects.get(tag)


def altering(tag: int) -> Callable[[CardState, CardState], CardState]:
    """A card that keeps one bit of this object wrong."""

    def falsify(before: CardState, told: CardState) -> CardState:
        if not is_written(tag, before, told):
            return told
        content = bytearray(told.piv.objects[tag])
        content[len(content) // 2] ^= 1
        return replace(told, piv=told.piv.with_object(tag, bytes(content)))

    return falsify


def with_another_key(state: CardState, slot: int) -> CardState:
    another, _ = keys.generate(state.piv.private_keys[slot].key.algorithm)
    return replace(state, piv=state.piv.with_private_key(slot, another))


def changing_key(slot: int) -> Callable[[CardState, CardState], CardState]:
    """A card that has another key in the slot once its certificate is written."""

    def falsify(before: CardState, told: CardState) -> CardState:
        return with_another_key(told, slot) if is_written(CERTIFICATES[slot], before, told) else told

    return falsify


def reporting_another(slot: int) -> Callable[[CardState, CardState], CardState]:
    """A card that answers GENERATE with another key than it keeps."""

    def falsify(before: CardState, told: CardState) -> CardState:
        made = slot in told.piv.private_keys and slot not in before.piv.private_keys
        return with_another_key(told, slot) if made else told

    return falsify


@pytest.mark.parametrize("tag", WRITTEN, ids=lambda tag: tag.name.lower())
def test_trap_2_what_is_read_back_otherwise_than_written_voids_the_card(tag: int, office: Office) -> None:
    run = produced_on(office, lambda store: SimulatedCard(FalseStore(store, altering(tag))))
    require_void(office, run, "read-back", Step.READ_BACK)


@pytest.mark.parametrize("slot", CERTIFICATES, ids=hex)
def test_trap_2_a_certificate_beside_another_key_voids_the_card(slot: int, office: Office) -> None:
    run = produced_on(office, lambda store: SimulatedCard(FalseStore(store, changing_key(slot))))
    require_void(office, run, "unexpected-answer", Step.PROVE_KEYS)


@pytest.mark.parametrize("slot", CERTIFICATES, ids=hex)
def test_trap_2_production_checks_the_proof_itself(
    slot: int, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the driver passes signatures on as they come."""
    monkeypatch.setattr(cardio.piv.requests, "check_signature", lambda *_anything: None)
    run = produced_on(office, lambda store: SimulatedCard(FalseStore(store, changing_key(slot))))
    require_void(office, run, "read-back", Step.PROVE_KEYS)


@pytest.mark.parametrize("slot", CERTIFICATES, ids=hex)
def test_trap_10_a_card_that_reports_another_key_is_void_before_it_is_certified(
    slot: int, office: Office
) -> None:
    run = produced_on(office, lambda store: SimulatedCard(FalseStore(store, reporting_another(slot))))
    require_void(office, run, "unexpected-answer", Step.SIGN_REQUESTS)
    assert certificate_statuses(office) == []


class KeyExchanger(WrappedCard):
    """Stands between reader and card, and answers GENERATE with a key of its own under the card's MAC."""

    def transmit(self, command: bytes) -> bytes:
        answer = super().transmit(command)
        if command[1] != GENERATE:
            return answer
        _, public_key = keys.generate(Algorithm.ECC_P256)
        return public_key + answer[len(public_key) :]


def test_trap_10_a_key_from_between_is_refused_by_its_r_mac(office: Office) -> None:
    run = produced_on(office, lambda store: KeyExchanger(SimulatedCard(store)))
    require_void(office, run, "response-mac", Step.GENERATE_AUTHENTICATION_KEY)
    assert certificate_statuses(office) == []


def test_a_card_whose_certificates_lead_to_no_anchor_is_void(office: Office) -> None:
    """Asked as a relying party would ask, before the card counts as made."""
    line = office.registry.production
    nowhere = path_check(replace(office.pki.trust, anchors=(), intermediates=()))
    strict = ProductionLine(replace(line._shop, check_path=nowhere), Readers(office.reader.name))
    office.insert(office.blank())
    run = strict.produce(CLERK, office.approved(), office.reader.name)
    assert run.state is ProductionState.VOIDED
    assert run.states[Step.PROVE_KEYS] is StepState.FAILED
    assert set(certificate_statuses(office)) == {Status.REVOKED}
