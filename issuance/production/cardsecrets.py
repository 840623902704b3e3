"""Every card's own PIN, PUK and keys, derived from a master key and the card's serial (NIST SP 800-108r1).

The label says purpose and version, the context is the serial; nothing is stored but the version.
"""

from dataclasses import dataclass, field

from cardio.globalplatform.keys import FACTORY_VERSION, KeySet
from pki.keys.masterkeys import MasterKey

KEY_VERSION = 1
MANAGEMENT_KEY_BYTES = 32  # AES-256, SP 800-78-5 table 6
CHANNEL_KEY_BYTES = 32  # AES-256, Amendment D §6.1
PIN_DIGITS = 8  # SP 800-73-5 part 2 §2.4.3 allows 6 to 8
PUK_DIGITS = 8
CAN_DIGITS = 6  # ICAO 9303-11 §4.4: the Card Access Number
_SERIAL_BYTES = 4
_DIGIT_SOURCE_BYTES = 16  # 128 bits reduced to at most 27: no digit is likelier than another by 2^-100


@dataclass(frozen=True)
class CardSecrets:
    """What opens a blank body as the manufacturer delivers it. Nothing of it shows in a repr."""

    pin: str = field(repr=False)
    puk: str = field(repr=False)
    management_key: bytes = field(repr=False)
    channel_keys: KeySet = field(repr=False)
    """SCP03's, under the version that is the factory's."""


@dataclass(frozen=True)
class IssuerSecrets:
    """What the issuer sets on a card. Nothing of it shows in a repr."""

    transport_pin: str = field(repr=False)
    puk: str = field(repr=False)
    management_key: bytes = field(repr=False)
    channel_keys: KeySet = field(repr=False)
    """SCP03's, under `KEY_VERSION`."""
    can: str = field(repr=False)


def factory_secrets(master_key: MasterKey, serial: int) -> CardSecrets:
    """The manufacturer's secrets of the body with this serial (uint32)."""
    derive = _Derivation(master_key, "factory", serial)
    return CardSecrets(
        pin=derive.digits("pin", PIN_DIGITS),
        puk=derive.digits("puk", PUK_DIGITS),
        management_key=derive.octets("management-key", MANAGEMENT_KEY_BYTES),
        channel_keys=derive.channel_keys(FACTORY_VERSION),
    )


def issuer_channel_keys(master_key: MasterKey, serial: int, version: int) -> KeySet:
    """SCP03's keys of the card with this serial (uint32), of any version that the issuer gives."""
    return _Derivation(master_key, "issuer", serial).channel_keys(version)


def issuer_secrets(master_key: MasterKey, serial: int) -> IssuerSecrets:
    """The issuer's secrets of the card with this serial (uint32)."""
    derive = _Derivation(master_key, "issuer", serial)
    return IssuerSecrets(
        transport_pin=derive.digits("transport-pin", PIN_DIGITS),
        puk=derive.digits("puk", PUK_DIGITS),
        management_key=derive.octets("management-key", MANAGEMENT_KEY_BYTES),
        channel_keys=derive.channel_keys(KEY_VERSION),
        can=derive.digits("can", CAN_DIGITS),
    )


class _Derivation:
    def __init__(self, master_key: MasterKey, owner: str, serial: int) -> None:
        self._master_key = master_key
        self._owner = owner
        self._context = serial.to_bytes(_SERIAL_BYTES, "big")

    def octets(self, purpose: str, length: int) -> bytes:
        label = f"hoviat {self._owner} {purpose} v{KEY_VERSION}".encode()
        return self._master_key.derive(label, self._context, length)

    def channel_keys(self, version: int) -> KeySet:
        return KeySet.diversified(self._master_key.derive, self._context, version, CHANNEL_KEY_BYTES)

    def digits(self, purpose: str, count: int) -> str:
        number = int.from_bytes(self.octets(purpose, _DIGIT_SOURCE_BYTES), "big")
        return f"{number % 10**count:0{count}d}"
