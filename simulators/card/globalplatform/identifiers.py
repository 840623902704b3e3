"""Names for the numbers of the GlobalPlatform Card Specification 2.3.1 (GPCS) and its amendment D."""

from enum import IntEnum, unique

# GPCS, appendix H.6: GlobalPlatform's RID and the PIX of an issuer security domain.
ISD_AID = bytes.fromhex("A000000151000000")
MIN_AID_LENGTH = 5

PROPRIETARY = 0x80  # CLA bit 8: GPCS's own commands (11.1.4)


@unique
class GpInstruction(IntEnum):
    """GPCS table 11-1."""

    INITIALIZE_UPDATE = 0x50
    EXTERNAL_AUTHENTICATE = 0x82
    GET_DATA = 0xCA
    PUT_KEY = 0xD8
    DELETE = 0xE4
    SET_STATUS = 0xF0
    GET_STATUS = 0xF2


@unique
class DataTag(IntEnum):
    """What GET DATA tells (GPCS 11.3.3 and appendix H)."""

    ISSUER_IDENTIFICATION_NUMBER = 0x42
    CARD_IMAGE_NUMBER = 0x45
    CARD_DATA = 0x66
    SEQUENCE_COUNTER = 0xC1
    KEY_INFORMATION_TEMPLATE = 0xE0
    CPLC = 0x9F7F


@unique
class Tag(IntEnum):
    """Tags inside commands and answers, GPCS clauses at each."""

    AID = 0x4F  # 11.4.2
    TAG_LIST = 0x5C  # 11.4.2.3
    FCI = 0x6F  # 11.9.3.1
    DF_NAME = 0x84
    FCI_PROPRIETARY = 0xA5
    CARD_RECOGNITION_DATA = 0x73  # H.2
    OBJECT_IDENTIFIER = 0x06
    CARD_MANAGEMENT_TYPE = 0x60
    CARD_IDENTIFICATION_SCHEME = 0x63
    SECURE_CHANNEL_PROTOCOL = 0x64
    MAX_COMMAND_LENGTH = 0x9F65
    KEY_INFORMATION = 0xC0  # 11.3.3.1
    REGISTRY_ENTRY = 0xE3  # 11.4.3.1
    LIFE_CYCLE = 0x9F70
    PRIVILEGES = 0xC5
    KEY_IDENTIFIER = 0xD0  # 11.2.2.3.2
    KEY_VERSION_NUMBER = 0xD2


@unique
class RegistryScope(IntEnum):
    """P1 of GET STATUS and SET STATUS (GPCS 11.4.2.1, 11.10.2.1)."""

    ISSUER_SECURITY_DOMAIN = 0x80
    APPLICATIONS = 0x40
    LOAD_FILES = 0x20
    LOAD_FILES_AND_MODULES = 0x10


FACTORY_KEY_VERSION = 0xFF
"""The version number of the keys that a card comes with: reserved for them (GPCS 11.8.2.1 takes 01 to 7F)."""
MAX_KEY_VERSION = 0x7F
KEY_TYPE_AES = 0x88  # GPCS table 11-16
