"""One contract for the issuer security domain, over the in-process reader and over pcscd."""

import os
from collections.abc import Callable

import pytest

from cardio.channel import EXTENDED_APDUS
from cardio.errors import InvalidPinError, ManagementKeyRequiredError
from cardio.globalplatform.errors import (
    CardCryptogramError,
    KeySetNotFoundError,
    LifeCycleError,
    SecureChannelClosedError,
)
from cardio.globalplatform.handshake import open_secure_channel
from cardio.globalplatform.keys import KeySet
from cardio.globalplatform.putkey import KeyField
from cardio.globalplatform.registry import CardLifeCycle, RegistryScope
from cardio.globalplatform.scp03 import FULL_SECURITY, SecurityLevel
from cardio.piv.objects import ObjectId
from cardio.piv.session import PivSession
from cardio.piv.slots import Algorithm, Slot
from tests.contract.conftest import Bench
from tests.contract.media import PIN, TRANSPORT_PIN

LEVELS = [level for level in SecurityLevel if level.c_mac]


def new_keys(version: int = 1, length: int = 32) -> KeySet:
    return KeySet(version, os.urandom(length), os.urandom(length), os.urandom(length))


@pytest.mark.parametrize("challenges", ["pseudo-random", "random"])
@pytest.mark.parametrize("level", LEVELS)
def test_a_channel_opens_at_every_level_and_carries_commands(
    level: SecurityLevel, challenges: str, bench: Bench
) -> None:
    if challenges == "random":
        bench.put_in_random_challenges()
    domain = bench.domain()
    answer = domain.authenticate(bench.channel_keys, level)
    if challenges == "random":
        assert (answer.i, answer.sequence_counter) == (0x60, None)
    assert answer.version == bench.channel_keys.version
    assert domain.card_life_cycle() is CardLifeCycle.INITIALIZED
    assert len(domain.registry(RegistryScope.APPLICATIONS)) == 1


def test_what_the_card_tells_of_itself(bench: Bench) -> None:
    domain = bench.domain()
    assert domain.cplc().ic_serial_number == bench.serial
    assert domain.key_versions() == {bench.channel_keys.version}
    assert [protocol for protocol, _ in domain.card_data().secure_channels] == [3]
    before = domain.sequence_counter()
    domain.authenticate(bench.channel_keys)
    assert domain.sequence_counter() == before + 1


@pytest.mark.parametrize(
    ("length", "form"),  # bare, a 24-byte key can't be told from a 32-byte one
    [
        *((length, KeyField.WITH_KEY_LENGTH) for length in (16, 24, 32)),
        *((length, KeyField.BARE) for length in (16, 32)),
    ],
)
def test_keys_of_every_length_in_both_forms(length: int, form: KeyField, bench: Bench) -> None:
    bench.require_one_of_many()
    domain, new = bench.domain(), new_keys(length=length)
    domain.authenticate(bench.channel_keys)
    domain.put_key_set(new, form=form)
    assert domain.first_recognised([bench.channel_keys, new]) is new
    domain.authenticate(new)


def test_rotation_old_pending_new(bench: Bench) -> None:
    bench.require_one_of_many()
    old, new = new_keys(1), new_keys(2)
    domain = bench.domain()
    domain.authenticate(bench.channel_keys)
    domain.put_key_set(old)
    domain.authenticate(old)
    domain.put_key_set(new)
    assert domain.key_versions() == {1, 2}
    domain.authenticate(new)
    domain.delete_key_set(1)
    assert domain.key_versions() == {2}
    with pytest.raises(KeySetNotFoundError):
        domain.authenticate(old)


def test_keys_outlive_a_reset_and_sessions_don_t(bench: Bench) -> None:
    bench.require_one_of_many()
    domain, new = bench.domain(), new_keys()
    domain.authenticate(bench.channel_keys)
    domain.put_key_set(new)
    domain.channel.reset()
    with pytest.raises(SecureChannelClosedError):
        domain.card_life_cycle()
    again = bench.domain()
    assert again.recognises(new)
    assert not again.recognises(bench.channel_keys)


def test_wrong_keys_are_found_out_before_the_card_counts_them(bench: Bench) -> None:
    wrong = KeySet(bench.channel_keys.version, bytes(32), bytes(32), bytes(32))
    domain = bench.domain()
    for _ in range(11):  # one more than the card allows
        with pytest.raises(CardCryptogramError):
            domain.authenticate(wrong)
    domain.authenticate(bench.channel_keys)


def test_the_life_cycle_goes_its_way(bench: Bench) -> None:
    bench.require_one_of_many()
    domain = bench.domain()
    domain.authenticate(bench.channel_keys)
    domain.set_card_life_cycle(CardLifeCycle.SECURED)
    with pytest.raises(LifeCycleError):
        domain.set_card_life_cycle(CardLifeCycle.INITIALIZED)
    domain.set_card_life_cycle(CardLifeCycle.CARD_LOCKED)
    domain.channel.reset()
    locked = bench.domain()
    assert locked.locked
    locked.authenticate(bench.channel_keys)
    locked.set_card_life_cycle(CardLifeCycle.SECURED)
    assert PivSession(bench.connect()).card_serial() == bench.serial


@pytest.mark.parametrize("policy_name", ["short", "extended"])
@pytest.mark.parametrize("level", [FULL_SECURITY, SecurityLevel.C_DECRYPTION_C_MAC_R_MAC])
def test_piv_is_personalised_through_the_channel(
    level: SecurityLevel, policy_name: str, bench: Bench
) -> None:
    make: Callable[[], PivSession] = (
        bench.session if policy_name == "short" else lambda: PivSession(bench.connect(), EXTENDED_APDUS)
    )
    session = make()
    open_secure_channel(session.channel, bench.channel_keys, level)
    with pytest.raises(ManagementKeyRequiredError):
        session.put_object(ObjectId.CHUID, b"x")
    session.authenticate_management(bench.management_key)
    key = session.generate_key(Slot.AUTHENTICATION, Algorithm.ECC_P256)
    content = os.urandom(3000)
    session.put_object(ObjectId.CARD_CAPABILITY_CONTAINER, content)
    assert session.get_object(ObjectId.CARD_CAPABILITY_CONTAINER) == content
    session.change_pin(TRANSPORT_PIN, PIN)
    with pytest.raises(InvalidPinError) as caught:
        session.verify_pin("000000")
    assert caught.value.tries_left == 2
    session.verify_pin(PIN)
    assert key.key_size == 256


def test_a_reset_ends_the_channel_of_piv(bench: Bench) -> None:
    session = bench.session()
    open_secure_channel(session.channel, bench.channel_keys)
    session.channel.reset()
    with pytest.raises(SecureChannelClosedError):
        session.card_serial()
