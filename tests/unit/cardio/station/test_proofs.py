"""A hub in wrong hands and the holder's PIN: it gets requests signed, and nothing else."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from cardio.apdu import CommandApdu
from cardio.piv.requests import sign
from cardio.piv.session import PivSession
from cardio.piv.slots import Algorithm, PublicKey, Slot
from cardio.station.cardjob import CardJob
from cardio.station.requestinfo import RequestInfo
from cardio.station.wire import Accept, Answered, FailureKind, KeySlot, Open, Prove, Send, Signed
from cardio.transport import pcsc
from cardio.transport.base import CardConnection
from simulators.card.blank import create_blank
from simulators.card.card import SimulatedCard
from simulators.card.file import CardFile
from simulators.readers.inprocess import InProcessReader

JOB, CARD, SERIAL = "0" * 16, "0000000007", 7
TRANSPORT_PIN, PIN, PUK, MANAGEMENT_KEY = "471147", "918273", "12345678", bytes(range(32))
CHALLENGE = "AB" * 32
SELECT_PIV = CommandApdu(0, 0xA4, 4, 0, bytes.fromhex("A000000308000010000100"), 256).encode()


@dataclass
class Typist:
    """Knows a PIN."""

    pin: str = PIN
    told: list[str] = field(default_factory=list)

    def at_pad(self, card: str) -> None:
        raise AssertionError(card)

    def ask(self, card: str) -> str:
        self.told.append(card)
        return self.pin

    def known_at_pad(self, card: str, what: str) -> None:
        raise AssertionError(card, what)

    def ask_known(self, card: str, what: str) -> str:
        self.told.append(f"{card}: {what}")
        return self.pin


@dataclass
class Counter:
    """A card with keys and no certificates, and a job of the hub at it."""

    connection: CardConnection
    keys: dict[Slot, PublicKey]
    typist: Typist
    job: CardJob
    number: int = 0

    def prove(self, content: bytes, slot: KeySlot = KeySlot.AUTHENTICATION) -> Answered | Signed:
        self.number += 1
        return self.job.perform(Prove(job=JOB, number=self.number, slot=slot, content=content))

    def send(self, *commands: bytes) -> Answered:
        self.number += 1
        answered = self.job.perform(Send(job=JOB, number=self.number, commands=commands))
        assert isinstance(answered, Answered)
        return answered

    def refused(self, content: bytes, slot: KeySlot = KeySlot.AUTHENTICATION) -> FailureKind:
        answered = self.prove(content, slot)
        assert isinstance(answered, Answered)
        assert answered.failure is not None
        assert self.typist.pin not in str(answered)
        return answered.failure.kind

    def info(self, slot: Slot = Slot.AUTHENTICATION, challenge: str | None = CHALLENGE) -> RequestInfo:
        return RequestInfo(CARD, self.keys[slot], challenge)


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Counter]:
    create_blank(tmp_path / "a.card", SERIAL, TRANSPORT_PIN, PUK, MANAGEMENT_KEY)
    with ExitStack() as stack:
        file = stack.enter_context(CardFile.open(tmp_path / "a.card"))
        reader = stack.enter_context(InProcessReader(f"Proofs {tmp_path.name}"))
        reader.insert(SimulatedCard(file))
        connection = stack.enter_context(pcsc.connect(reader.name))
        session = PivSession(connection)
        session.authenticate_management(MANAGEMENT_KEY)
        keys = {
            Slot.AUTHENTICATION: session.generate_key(Slot.AUTHENTICATION, Algorithm.ECC_P256),
            Slot.SIGNATURE: session.generate_key(Slot.SIGNATURE, Algorithm.ECC_P384),
        }
        session.reset()  # what whoever has the management key sets stays a transport PIN
        session.change_pin(TRANSPORT_PIN, PIN)
        typist = Typist()
        yield Counter(connection, keys, typist, job_at(connection, typist))
        reader.remove()


def job_at(connection: CardConnection, typist: Typist, card: str | None = CARD) -> CardJob:
    return CardJob(Open(job=JOB, reader="Reader", operator="clerk-1", card=card), connection, typist)


@pytest.mark.parametrize("slot", list(KeySlot))
@pytest.mark.parametrize("challenge", [None, CHALLENGE])
def test_a_request_is_signed(slot: KeySlot, challenge: str | None, counter: Counter) -> None:
    info = counter.info(Slot(int(slot, 16)), challenge)
    said = counter.prove(info.encode(), slot)
    assert isinstance(said, Signed)
    info.check(said.signature)
    (told,) = counter.typist.told
    assert CARD in told
    assert "certificate" in told


def test_the_pin_is_asked_for_once_for_each_key(counter: Counter) -> None:
    for slot in [*KeySlot, *KeySlot]:
        assert isinstance(counter.prove(counter.info(Slot(int(slot, 16))).encode(), slot), Signed)
    assert len(counter.typist.told) == 2


def test_anything_else_is_refused_before_anybody_is_asked(counter: Counter) -> None:
    stranger = ec.generate_private_key(ec.SECP256R1()).public_key()
    for content in (
        bytes(64),
        RequestInfo("0000000008", counter.keys[Slot.AUTHENTICATION]).encode(),
        RequestInfo(CARD, stranger).encode(),
        counter.info(Slot.SIGNATURE).encode(),
    ):
        assert counter.refused(content) is FailureKind.REFUSED
    assert counter.refused(counter.info().encode(), KeySlot.SIGNATURE) is FailureKind.REFUSED
    assert counter.typist.told == []


def test_a_wrong_pin_is_counted_and_asked_for_anew(counter: Counter) -> None:
    content = counter.info().encode()
    counter.typist.pin = "135790"
    assert counter.refused(content) is FailureKind.CARD
    assert PivSession(counter.connection).pin_tries_left() == 2
    counter.typist.pin = PIN
    assert isinstance(counter.prove(content), Signed)
    assert len(counter.typist.told) == 2


def test_a_card_that_was_not_named(counter: Counter) -> None:
    job = job_at(counter.connection, counter.typist, None)
    said = job.perform(Prove(job=JOB, number=1, slot=KeySlot.AUTHENTICATION, content=counter.info().encode()))
    assert isinstance(said, Answered)
    assert said.failure is not None
    assert said.failure.kind is FailureKind.REFUSED
    assert counter.typist.told == []


def login(counter: Counter) -> bytes:
    """What a login token's signature takes."""
    request = sign(Slot.AUTHENTICATION, counter.keys[Slot.AUTHENTICATION], bytes(64), hashes.SHA256())
    return request.command.encode()


def test_the_hub_finds_no_verified_pin_after_a_proof(counter: Counter) -> None:
    assert isinstance(counter.prove(counter.info().encode()), Signed)
    assert counter.send(SELECT_PIV, login(counter)).answers[-1] == bytes.fromhex("6982")


def test_nor_after_a_failed_one(counter: Counter) -> None:
    counter.typist.pin = "135790"
    counter.refused(counter.info().encode())
    assert counter.send(SELECT_PIV, login(counter)).answers[-1] == bytes.fromhex("6982")


def test_nor_after_a_handover(counter: Counter) -> None:
    """It fails for want of a certificate, after the holder's PIN was verified."""
    counter.number += 1
    said = counter.job.perform(
        Accept(job=JOB, number=counter.number, transport_pin=TRANSPORT_PIN, challenge=bytes(32))
    )
    assert isinstance(said, Answered)
    assert counter.typist.told == [CARD]
    assert counter.send(SELECT_PIV, login(counter)).answers[-1] == bytes.fromhex("6982")


class Silent:
    """A card that tells nothing of its keys."""

    def __init__(self, inner: CardConnection) -> None:
        self._inner = inner
        self.name, self.atr = inner.name, inner.atr

    def transmit(self, command: bytes) -> bytes:
        if command[1] == 0xF7:
            return bytes.fromhex("6D00")
        return self._inner.transmit(command)

    def reset(self) -> None:
        self._inner.reset()

    def close(self) -> None:
        self._inner.close()


def test_a_card_that_tells_no_key_shows_it_by_its_signature(counter: Counter) -> None:
    counter.job = job_at(Silent(counter.connection), counter.typist)
    stranger = ec.generate_private_key(ec.SECP256R1()).public_key()
    assert counter.refused(RequestInfo(CARD, stranger).encode()) is FailureKind.CARD
    assert isinstance(counter.prove(counter.info().encode()), Signed)
