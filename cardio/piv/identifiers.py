"""Names for the numbers of SP 800-73-5 that only the protocol code needs."""

from enum import IntEnum, unique

# SP 800-73-5 part 1, 2.2: the RID of NIST and the PIX, right-truncated before the version.
PIV_AID = bytes.fromhex("A00000030800001000")


@unique
class Reference(IntEnum):
    """Key references that are no slots (part 1, tables 4 and 5)."""

    PIN = 0x80
    PUK = 0x81
    MANAGEMENT = 0x9B


@unique
class DataTag(IntEnum):
    """Tags of GET DATA and PUT DATA (part 2, 3.1.2 and 3.3.1)."""

    TAG_LIST = 0x5C
    DATA = 0x53


@unique
class AuthTag(IntEnum):
    """The dynamic authentication template of GENERAL AUTHENTICATE (part 2, table 7)."""

    TEMPLATE = 0x7C
    WITNESS = 0x80
    CHALLENGE = 0x81
    RESPONSE = 0x82


@unique
class KeyTag(IntEnum):
    """GENERATE ASYMMETRIC KEY PAIR: the request AC 80 and the answer 7F49 (part 2, 3.3.2)."""

    CONTROL_TEMPLATE = 0xAC
    MECHANISM = 0x80
    PUBLIC_KEY_TEMPLATE = 0x7F49
    RSA_MODULUS = 0x81
    RSA_EXPONENT = 0x82
    ECC_POINT = 0x86


P1_LOG_OUT = 0xFF  # VERIFY: forget that the PIN was verified (part 2, 3.2.1)
P1_P2_NO_TOUCH = (0xFF, 0xFF)  # Yubico SET MANAGEMENT KEY: no button to press
