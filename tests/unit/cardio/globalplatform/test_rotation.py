"""Key rotation: PUT KEY in both forms, DELETE, and the recorded keys that tell what a lost answer hid."""

import pytest

from cardio.errors import UnexpectedAnswerError
from cardio.globalplatform.errors import KeyCheckValueError, KeySetNotFoundError, SecureChannelClosedError
from cardio.globalplatform.putkey import KeyField
from cardio.globalplatform.registry import CardLifeCycle
from cardio.globalplatform.session import IssuerSecurityDomain
from cardio.transport.base import CardRemovedError
from tests.unit.cardio.globalplatform.conftest import FACTORY, authenticated, blank_domain, key_set


@pytest.mark.parametrize("key_bytes", [16, 24, 32])
@pytest.mark.parametrize("form", KeyField)
def test_factory_keys_are_replaced(key_bytes: int, form: KeyField) -> None:
    domain = blank_domain(bare=form is KeyField.BARE)
    new = key_set(0x30, key_bytes, seed=1)
    session = authenticated(domain)
    session.put_key_set(new, replaced=0xFF, form=form)
    assert domain.card.keys == {0x30: new.keys}
    assert session.key_versions() == {0x30}  # the open session goes on
    session.authenticate(new)
    assert session.card_life_cycle() == CardLifeCycle.OP_READY
    with pytest.raises(KeySetNotFoundError):
        session.authenticate(FACTORY)


def test_the_two_key_fields() -> None:
    sent = {}
    for form in KeyField:
        domain = blank_domain(bare=True)
        authenticated(domain).put_key_set(key_set(0x30, seed=1), form=form)
        header, data = domain.card.seen[-1]
        assert header == bytes.fromhex("80D80081")
        sent[form] = data
    assert sent[KeyField.WITH_KEY_LENGTH][:4] == bytes.fromhex("30881110")
    assert sent[KeyField.BARE][:3] == bytes.fromhex("308810")
    assert [len(data) for data in sent.values()] == [1 + 3 * 23, 1 + 3 * 22]
    assert key_set(0x30, seed=1).enc not in b"".join(sent.values())


def test_a_set_is_added_then_the_old_one_deleted() -> None:
    domain = blank_domain()
    new = key_set(0x31, 32)
    session = authenticated(domain)
    session.put_key_set(new)
    assert session.key_versions() == {0xFF, 0x31}
    session.authenticate(new)
    session.delete_key_set(0xFF)
    assert session.key_versions() == {0x31}
    with pytest.raises(KeySetNotFoundError) as absent:
        session.delete_key_set(0xFF)
    assert absent.value.version == 0xFF


def test_nothing_is_there_to_be_replaced() -> None:
    with pytest.raises(KeySetNotFoundError) as absent:
        authenticated(blank_domain()).put_key_set(key_set(0x30), replaced=0x29)
    assert absent.value.version == 0x29


def test_wrong_check_values_are_noticed() -> None:
    domain = blank_domain()
    domain.wrong_check_value = True
    with pytest.raises(KeyCheckValueError) as wrong:
        authenticated(domain).put_key_set(key_set(0x30), replaced=0xFF)
    assert wrong.value.version == 0x30
    assert key_set(0x30).enc.hex() not in str(wrong.value)


@pytest.mark.parametrize("answer", [b"", b"\x30", bytes(11), bytes(200)])
def test_a_confirmation_of_another_length(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    domain = blank_domain()
    session = authenticated(domain)
    monkeypatch.setattr(domain.card, "application", lambda _header, _data: (answer, 0x9000))
    with pytest.raises(UnexpectedAnswerError):
        session.put_key_set(key_set(0x30))


@pytest.mark.parametrize("version", [0x00, 0x80, 0xFF])
def test_versions_that_put_key_can_not_give(version: int) -> None:
    domain = blank_domain()
    session = authenticated(domain)
    sent = len(domain.card.sent)
    with pytest.raises(ValueError, match="version"):
        session.put_key_set(key_set(version))
    assert len(domain.card.sent) == sent


def test_keys_are_touched_only_after_authentication() -> None:
    domain = blank_domain()
    session = IssuerSecurityDomain(domain.card)
    with pytest.raises(SecureChannelClosedError):
        session.put_key_set(key_set(0x30))
    with pytest.raises(SecureChannelClosedError):
        session.delete_key_set(0xFF)
    assert len(domain.card.sent) == 1


@pytest.mark.parametrize("committed", [True, False])
def test_after_a_lost_answer_the_recorded_keys_tell_what_happened(
    monkeypatch: pytest.MonkeyPatch, *, committed: bool
) -> None:
    domain = blank_domain()
    pending = key_set(0x30, seed=1)
    session = authenticated(domain)
    transmit = domain.card.transmit

    def lose(command: bytes) -> bytes:
        if committed:
            transmit(command)
        raise CardRemovedError("Model Card", "pulled")

    with monkeypatch.context() as patch:
        patch.setattr(domain.card, "transmit", lose)
        with pytest.raises(CardRemovedError):
            session.put_key_set(pending, replaced=0xFF)
    with pytest.raises(SecureChannelClosedError):
        session.key_versions()
    domain.card.reset()
    again = IssuerSecurityDomain(domain.card)
    assert again.key_versions() == ({0x30} if committed else {0xFF})
    assert again.first_recognised([pending, FACTORY]) == (pending if committed else FACTORY)
    assert again.first_recognised([key_set(0x30, seed=9), key_set(0x2F)]) is None
    assert domain.card.failures == 0


def test_recognising_ends_the_channel() -> None:
    domain = blank_domain()
    session = authenticated(domain)
    assert session.recognises(FACTORY)
    sent = len(domain.card.sent)
    with pytest.raises(SecureChannelClosedError):
        session.key_versions()
    with pytest.raises(SecureChannelClosedError):
        session.put_key_set(key_set(0x30))
    assert len(domain.card.sent) == sent
