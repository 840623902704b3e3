"""Key sets, and cards of the model that have them."""

from collections.abc import Callable

import pytest

from cardio.globalplatform.keys import KeySet
from tests.unit.cardio.globalplatform.model import ModelCard

HOST_CHALLENGE = bytes.fromhex("1122334455667788")


def key_set(version: int, key_bytes: int = 16, seed: int = 0) -> KeySet:
    return KeySet(version, *(bytes((seed + number,)) * key_bytes for number in (0x40, 0x50, 0x60)))


@pytest.fixture
def keys() -> KeySet:
    return key_set(0x30)


@pytest.fixture
def card(keys: KeySet) -> ModelCard:
    return ModelCard({keys.version: keys.keys})


@pytest.fixture
def challenge() -> Callable[[int], bytes]:
    return lambda length: HOST_CHALLENGE[:length]
