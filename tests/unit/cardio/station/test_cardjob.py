"""What a job does at a simulated card, and what it refuses."""

import pytest

from cardio.apdu import CommandApdu
from cardio.station.cardjob import CardJob, card_number
from cardio.station.errors import WrongCardError
from cardio.station.wire import Accept, Answered, FailureKind, Open, Reset, Send
from cardio.transport import pcsc
from cardio.transport.base import CardRemovedError
from cardio.transport.pinpad import PinEntryError
from tests.unit.cardio.test_batches import PlainCard

JOB = "0" * 16
SUCCESS = b"\x90\x00"
SELECT_PIV = CommandApdu(0, 0xA4, 4, 0, bytes.fromhex("A000000308000010000100"), 256).encode()
GET_SERIAL = bytes.fromhex("00F8000000")
VERIFY = CommandApdu(0, 0x20, 0, 0x80, b"123456\xff\xff").encode()


class Nobody:
    """Types nothing."""

    asked = 0

    def at_pad(self, card: str) -> None:
        raise AssertionError(card)

    def ask(self, card: str) -> str:
        self.asked += 1
        raise PinEntryError(f"nobody is there for {card}")

    def known_at_pad(self, card: str, what: str) -> None:
        raise AssertionError(card, what)

    def ask_known(self, card: str, what: str) -> str:
        return self.ask(f"{card}, {what}")


def job_at(connection: PlainCard | pcsc.PcscConnection, card: str | None = None) -> CardJob:
    order = Open(job=JOB, reader="Reader", operator="clerk-1", card=card)
    return CardJob(order, connection, Nobody())


def send(job: CardJob, *commands: bytes, number: int = 1) -> Answered:
    answered = job.perform(Send(job=JOB, number=number, commands=commands))
    assert isinstance(answered, Answered)
    return answered


def test_a_batch_goes_up_to_the_first_refusal() -> None:
    card = PlainCard(SUCCESS, b"\x6a\x82", SUCCESS)
    answered = send(job_at(card), SELECT_PIV, GET_SERIAL, GET_SERIAL)
    assert answered.answers == (SUCCESS, b"\x6a\x82")
    assert answered.failure is None
    assert len(card.sent) == 2


def test_answers_that_are_announced_come_whole() -> None:
    card = PlainCard(b"a\x61\x02", b"b\x61\x01", b"c" + SUCCESS, b"\x6c\x04", b"1234" + SUCCESS)
    answered = send(job_at(card), SELECT_PIV, GET_SERIAL)
    assert answered.answers == (b"abc" + SUCCESS, b"1234" + SUCCESS)


def test_a_card_whose_answer_never_ends() -> None:
    answered = send(job_at(PlainCard(*[b"\x61\x00"] * 100)), SELECT_PIV)
    assert answered.answers == ()
    assert answered.failure is not None
    assert answered.failure.kind is FailureKind.CARD


def test_a_pin_in_the_middle_of_a_batch_is_not_sent_and_nothing_after_it() -> None:
    card = PlainCard()
    answered = send(job_at(card), SELECT_PIV, VERIFY, GET_SERIAL)
    assert answered.answers == (SUCCESS,)
    assert answered.failure is not None
    assert answered.failure.kind is FailureKind.REFUSED
    assert card.sent == [SELECT_PIV]
    assert "123456" not in str(answered)


def test_a_long_answer_ends_the_batch() -> None:
    long = bytes(60_000) + SUCCESS
    card = PlainCard(long, long, SUCCESS)
    answered = send(job_at(card), GET_SERIAL, GET_SERIAL, GET_SERIAL)
    assert answered.answers == (long, long)


def test_a_reset_ends_what_the_guard_has_seen() -> None:
    card = PlainCard()
    job = job_at(card)
    initialize = CommandApdu(0x80, 0x50, 0, 0, bytes(8), 256).encode()
    authenticate = CommandApdu(0x84, 0x82, 0x13, 0, bytes(16)).encode()
    wrapped = CommandApdu(0x04, 0x20, 0, 0x80, bytes(24)).encode()
    assert send(job, initialize, authenticate, wrapped).answers == (SUCCESS,) * 3
    assert job.perform(Reset(job=JOB, number=2)) == Answered(job=JOB, number=2, answers=(), failure=None)
    assert send(job, wrapped, number=3).failure is not None


def test_no_pin_is_asked_for_a_card_that_was_not_named() -> None:
    answered = job_at(PlainCard()).perform(accepting("123456"))
    assert isinstance(answered, Answered)
    assert answered.failure is not None
    assert answered.failure.kind is FailureKind.REFUSED


def accepting(transport_pin: str) -> Accept:
    return Accept(job=JOB, number=1, transport_pin=transport_pin, challenge=bytes(32))


def test_a_card_that_is_gone() -> None:
    class Gone(PlainCard):
        def transmit(self, command: bytes) -> bytes:
            raise CardRemovedError("Reader", f"gone before {len(command)} bytes")

    answered = send(job_at(Gone()), SELECT_PIV)
    assert answered.failure is not None
    assert answered.failure.kind is FailureKind.CARD_REMOVED
    with pytest.raises(CardRemovedError):
        card_number(Gone())


def test_another_card_than_the_jobs() -> None:
    serial = b"\x00\x00\x00\x07" + SUCCESS
    assert job_at(PlainCard(SUCCESS, serial), "0000000007").opened().card == "0000000007"
    with pytest.raises(WrongCardError):
        job_at(PlainCard(SUCCESS, serial), "0000000008").opened()
    with pytest.raises(WrongCardError):
        job_at(PlainCard(b"\x6a\x82"), "0000000008").opened()
    assert job_at(PlainCard(b"\x6a\x82")).opened().card is None
