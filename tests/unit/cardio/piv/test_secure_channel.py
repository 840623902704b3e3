"""The PIV session over SCP03: the same commands, none of them in clear."""

import pytest

from cardio.errors import InvalidPinError
from cardio.globalplatform.errors import SecureChannelClosedError
from cardio.globalplatform.handshake import open_secure_channel
from cardio.piv.objects import ObjectId
from cardio.piv.session import PivSession
from cardio.processors import EXTENDED_APDUS, SHORT_APDUS, ApduPolicy
from tests.unit.cardio.globalplatform.conftest import key_set
from tests.unit.cardio.globalplatform.model import Answer, ModelCard

KEYS = key_set(0x30)
PIN = "123456"
PIN_BLOCK = b"123456\xff\xff"


class _Piv:
    """As much of a PIV application as the tests need."""

    def __init__(self) -> None:
        self.card = ModelCard({KEYS.version: KEYS.keys}, self.answer)
        self.objects: dict[bytes, bytes] = {}

    def answer(self, header: bytes, data: bytes) -> Answer:
        if header[1] == 0x20:
            return b"", 0x9000 if data == PIN_BLOCK else 0x63C2
        if header[1] == 0xDB:
            self.objects[data[:5]] = data[5:]
        if header[1] == 0xCB:
            return (self.objects[data], 0x9000) if data in self.objects else (b"", 0x6A82)
        return b"", 0x9000


def _protected(piv: _Piv, policy: ApduPolicy = SHORT_APDUS) -> PivSession:
    session = PivSession(piv.card, policy)
    open_secure_channel(session.channel, KEYS)
    return session


@pytest.mark.parametrize("policy", [SHORT_APDUS, EXTENDED_APDUS])
@pytest.mark.parametrize("length", [1, 230, 300, 3000])
def test_objects_are_written_and_read(policy: ApduPolicy, length: int) -> None:
    piv = _Piv()
    session = _protected(piv, policy)
    content = bytes(number % 255 for number in range(length))
    session.put_object(ObjectId.FACIAL_IMAGE, content)
    assert session.get_object(ObjectId.FACIAL_IMAGE) == content
    handshake = next(number for number, command in enumerate(piv.card.sent) if command[1] == 0x82)
    assert all(command[0] & 0x04 or command[1] == 0xC0 for command in piv.card.sent[handshake:])


def test_a_pin_is_verified_and_refused() -> None:
    piv = _Piv()
    session = _protected(piv)
    session.verify_pin(PIN)
    with pytest.raises(InvalidPinError) as wrong:
        session.verify_pin("654321")
    assert wrong.value.tries_left == 2
    session.verify_pin(PIN)
    assert not any(PIN_BLOCK in command for command in piv.card.sent)


def test_after_a_reset_no_pin_goes_in_clear() -> None:
    piv = _Piv()
    session = _protected(piv)
    session.reset()
    sent = len(piv.card.sent)
    with pytest.raises(SecureChannelClosedError):
        session.verify_pin(PIN)
    assert len(piv.card.sent) == sent
    open_secure_channel(session.channel, KEYS)
    session.verify_pin(PIN)


def test_the_application_stays_selected() -> None:
    piv = _Piv()
    _protected(piv)
    assert [command[1] for command in piv.card.sent] == [0xA4, 0x50, 0x82]
