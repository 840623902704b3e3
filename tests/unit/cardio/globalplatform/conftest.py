"""Key sets, and cards of the model that have them."""

from typing import Any

import pytest

from cardio.apdu import CommandApdu
from cardio.channel import ApduPolicy, CardChannel
from cardio.globalplatform.handshake import open_secure_channel
from cardio.globalplatform.keys import KeySet
from cardio.globalplatform.scp03 import FULL_SECURITY, SecurityLevel
from cardio.globalplatform.session import IssuerSecurityDomain
from tests.unit.cardio.globalplatform.isd import IssuerDomain
from tests.unit.cardio.globalplatform.model import Application, ModelCard


def key_set(version: int, key_bytes: int = 16, seed: int = 0) -> KeySet:
    return KeySet(version, *(bytes((seed + number,)) * key_bytes for number in (0x40, 0x50, 0x60)))


FACTORY = key_set(0xFF)


def blank_domain(*, wrapped: bool = True, bare: bool = False) -> IssuerDomain:
    """The domain of a card as it comes from the factory."""
    return IssuerDomain({0xFF: FACTORY.keys}, wrapped=wrapped, bare=bare)


def authenticated(domain: IssuerDomain, level: SecurityLevel = FULL_SECURITY) -> IssuerSecurityDomain:
    session = IssuerSecurityDomain(domain.card)
    session.authenticate(FACTORY, level)
    return session


@pytest.fixture
def keys() -> KeySet:
    return key_set(0x30)


@pytest.fixture
def card(keys: KeySet) -> ModelCard:
    return ModelCard({keys.version: keys.keys})


GET = CommandApdu(0x00, 0xCB, 0x3F, 0xFF, b"\x5c\x01\x7e", 256)
PROTECTED = [level for level in SecurityLevel if level.c_mac]


def answering(data: bytes, sw: int = 0x9000) -> Application:
    return lambda _header, _data: (data, sw)


def open_channel(
    application: Application,
    level: SecurityLevel = FULL_SECURITY,
    policy: ApduPolicy | None = None,
    **card: Any,
) -> tuple[CardChannel, ModelCard]:
    keys = key_set(0x30)
    model = ModelCard({0x30: keys.keys}, application, **card)
    channel = CardChannel(model, policy or ApduPolicy())
    open_secure_channel(channel, keys, level)
    return channel, model
