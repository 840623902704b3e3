"""GET DATA of the issuer security domain (GPCS 11.3): what a card tells about itself to anybody."""

from simulators.card import tlv
from simulators.card.globalplatform.identifiers import KEY_TYPE_AES, DataTag, Tag
from simulators.card.globalplatform.initiation import SCP03, implementation_parameter
from simulators.card.iso7816 import SW, Command, StatusError
from simulators.card.memory import CardMemory

_ANY_TAG = b"\x5c\x00"  # GPCS 11.3.2.3: a tag list that names nothing in particular
_KEY_IDENTIFIERS = (1, 2, 3)  # ENC, MAC, DEK (amendment D 6.1)

# {iso(1) member-body(2) us(840) globalplatform(114283)} and its arcs (GPCS H.1)
_GLOBALPLATFORM = bytes.fromhex("2A864886FC6B")
_RECOGNITION = b"\x01"
_CARD_MANAGEMENT_2_3_1 = bytes.fromhex("02020301")
_IDENTIFICATION_SCHEME = b"\x03"
_SECURE_CHANNEL = b"\x04"

# GPCS leaves the card production life cycle data to the industry: 42 bytes, the serial in the middle.
_CPLC_BEFORE_SERIAL = 12
_CPLC_AFTER_SERIAL = 26
_SERIAL_LENGTH = 4
# IIN: ISO/IEC 7812-1 keeps 9 with the country (364, Iran) for national use; the rest is the tests' own.
_ISSUER_IDENTIFICATION_NUMBER = bytes.fromhex("93640000")


class CardData:
    """The data objects that need no authentication."""

    def __init__(self, memory: CardMemory) -> None:
        self._memory = memory

    def get(self, command: Command) -> bytes:
        """The object that P1-P2 name.

        A command of GlobalPlatform's own class gets it with its tag (GPCS 11.3.3), an interindustry one the
        value alone (ISO/IEC 7816-4, clause 11.4.3, even INS).

        :raises StatusError: 6A80 (data that are no empty tag list), 6A88 (no such object)
        """
        if command.data not in (b"", _ANY_TAG):
            raise StatusError(SW.INCORRECT_PARAMETERS_IN_DATA)
        value = self._values().get(command.p1_p2)
        if value is None:
            raise StatusError(SW.REFERENCE_DATA_NOT_FOUND)
        return tlv.encode(command.p1_p2, value) if command.is_proprietary else value

    def _values(self) -> dict[int, bytes]:
        isd, serial = self._memory.isd, self._memory.state.serial.to_bytes(_SERIAL_LENGTH, "big")
        return {
            DataTag.ISSUER_IDENTIFICATION_NUMBER: _ISSUER_IDENTIFICATION_NUMBER,
            DataTag.CARD_IMAGE_NUMBER: serial,
            DataTag.CARD_DATA: card_recognition_data(pseudo_random=isd.pseudo_random),
            DataTag.SEQUENCE_COUNTER: isd.key_sets[isd.default_version].counter_bytes,
            DataTag.KEY_INFORMATION_TEMPLATE: self._key_information(),
            DataTag.CPLC: bytes(_CPLC_BEFORE_SERIAL) + serial + bytes(_CPLC_AFTER_SERIAL),
        }

    def _key_information(self) -> bytes:
        """Identifier, version, type and length of every key (GPCS 11.3.3.1)."""
        return b"".join(
            tlv.encode(Tag.KEY_INFORMATION, bytes((identifier, version, KEY_TYPE_AES, len(keys.enc))))
            for version, keys in self._memory.isd.key_sets.items()
            for identifier in _KEY_IDENTIFIERS
        )


def card_recognition_data(*, pseudo_random: bool) -> bytes:
    """Which version of the specification and which secure channel this is (GPCS H.2 and H.3)."""
    scp = _SECURE_CHANNEL + bytes((SCP03, implementation_parameter(pseudo_random=pseudo_random)))
    return tlv.encode(
        Tag.CARD_RECOGNITION_DATA,
        _identifier(_RECOGNITION)
        + tlv.encode(Tag.CARD_MANAGEMENT_TYPE, _identifier(_CARD_MANAGEMENT_2_3_1))
        + tlv.encode(Tag.CARD_IDENTIFICATION_SCHEME, _identifier(_IDENTIFICATION_SCHEME))
        + tlv.encode(Tag.SECURE_CHANNEL_PROTOCOL, _identifier(scp)),
    )


def _identifier(arcs: bytes) -> bytes:
    return tlv.encode(Tag.OBJECT_IDENTIFIER, _GLOBALPLATFORM + arcs)
