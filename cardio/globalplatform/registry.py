"""The registry: life cycle states, and the entries that GET STATUS lists (GPCS 2.3.1, 11.1.1 and 11.4)."""

from dataclasses import dataclass
from enum import IntEnum, unique

from cardio.errors import ObjectContentError
from cardio.globalplatform.tags import GpTag
from cardio.tlv import Tlv, TlvError, TlvLimits

MAX_LISTED_BYTES = 65_536
_LIMITS = TlvLimits(max_bytes=MAX_LISTED_BYTES, max_count=4096)
_MAX_AID_BYTES = 16
_NAME = "registry entry"


@unique
class CardLifeCycle(IntEnum):
    """The card's life cycle states (11.1.1); each is left for good but CARD_LOCKED."""

    OP_READY = 0x01
    INITIALIZED = 0x07
    SECURED = 0x0F
    CARD_LOCKED = 0x7F
    TERMINATED = 0xFF


@unique
class RegistryScope(IntEnum):
    """P1 of GET STATUS (11.4.2.1)."""

    ISSUER_SECURITY_DOMAIN = 0x80
    APPLICATIONS = 0x40
    EXECUTABLE_LOAD_FILES = 0x20


@dataclass(frozen=True)
class RegistryEntry:
    """One application, security domain or load file."""

    aid: bytes
    """5 to 16 bytes; as the card gives it."""

    life_cycle: int
    """For the issuer security domain, the card's (`CardLifeCycle`); applications have their own states."""

    privileges: bytes
    """1 or 3 bytes (11.1.2); empty for load files."""

    @staticmethod
    def parse_all(data: bytes) -> "tuple[RegistryEntry, ...]":
        """Reads the entries of all answers to a GET STATUS one after the other.

        :raises ObjectContentError: malformed
        """
        try:
            objects = Tlv.parse_all(data, _LIMITS)
            return tuple(_entry(item.value) for item in objects if item.tag == GpTag.REGISTRY_ENTRY)
        except TlvError as error:
            raise ObjectContentError(_NAME, str(error)) from error


def _entry(content: bytes) -> RegistryEntry:
    # Not `values_by_tag`: a load file names a module (84) many times.
    values: dict[int, bytes] = {}
    for item in Tlv.parse_all(content, _LIMITS):
        values.setdefault(item.tag, item.value)
    aid, state = values.get(GpTag.AID, b""), values.get(GpTag.LIFE_CYCLE, b"")
    if not 0 < len(aid) <= _MAX_AID_BYTES or len(state) != 1:
        raise ObjectContentError(_NAME, "no AID, or no life cycle state")
    return RegistryEntry(aid, state[0], values.get(GpTag.PRIVILEGES, b""))
