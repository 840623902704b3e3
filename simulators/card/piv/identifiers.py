"""Names for the numbers of SP 800-73-5 and SP 800-78-5 (clauses cited at each)."""

from enum import IntEnum, unique

# SP 800-73-5 part 1, section 2.2: RID of NIST, PIX with the version of the application at its end.
RID = bytes.fromhex("A000000308")
PIX = bytes.fromhex("000010000100")
AID = RID + PIX
MIN_AID_LENGTH = len(RID)  # the shortest right-truncated AID that still names an owner


@unique
class PivInstruction(IntEnum):
    """SP 800-73-5 part 2, table 2; the others are Yubico's (YubiKey technical manual, PIV extensions)."""

    VERIFY = 0x20
    CHANGE_REFERENCE_DATA = 0x24
    RESET_RETRY_COUNTER = 0x2C
    GENERATE_ASYMMETRIC_KEY_PAIR = 0x47
    GENERAL_AUTHENTICATE = 0x87
    GET_DATA = 0xCB
    PUT_DATA = 0xDB
    YUBICO_MOVE_KEY = 0xF6
    YUBICO_GET_METADATA = 0xF7
    YUBICO_GET_SERIAL = 0xF8
    YUBICO_ATTEST = 0xF9
    YUBICO_SET_PIN_RETRIES = 0xFA
    YUBICO_RESET = 0xFB
    YUBICO_GET_VERSION = 0xFD
    YUBICO_IMPORT_KEY = 0xFE
    YUBICO_SET_MANAGEMENT_KEY = 0xFF


# Commands whose data may come in a chain (SP 800-73-5 part 2, table 2; an imported RSA key is long too).
CHAINABLE = frozenset(
    {
        PivInstruction.GENERAL_AUTHENTICATE,
        PivInstruction.GENERATE_ASYMMETRIC_KEY_PAIR,
        PivInstruction.PUT_DATA,
        PivInstruction.YUBICO_IMPORT_KEY,
    }
)


@unique
class Algorithm(IntEnum):
    """Cryptographic algorithm identifiers (SP 800-78-5, section 6.2); no RSA-1024 (06).

    3DES, withdrawn there, only serves cards that a test makes for clients that know nothing else.
    """

    TRIPLE_DES = 0x03
    RSA_3072 = 0x05
    RSA_2048 = 0x07
    AES_128 = 0x08
    AES_192 = 0x0A
    AES_256 = 0x0C
    ECC_P256 = 0x11
    ECC_P384 = 0x14


# The "default" algorithm, 3DES once; a client that asks it for a challenge only wants random bytes.
UNSPECIFIED_ALGORITHM = 0x00

AES_KEY_LENGTHS = {Algorithm.AES_128: 16, Algorithm.AES_192: 24, Algorithm.AES_256: 32}
MANAGEMENT_KEY_LENGTHS = AES_KEY_LENGTHS | {Algorithm.TRIPLE_DES: 24}
RSA_KEY_BITS = {Algorithm.RSA_2048: 2048, Algorithm.RSA_3072: 3072}


@unique
class KeyReference(IntEnum):
    """Key references (SP 800-73-5 part 1, tables 4 and 5); the attestation key is Yubico's."""

    PIV_PIN = 0x80
    PUK = 0x81
    AUTHENTICATION = 0x9A
    MANAGEMENT = 0x9B
    SIGNATURE = 0x9C
    KEY_MANAGEMENT = 0x9D
    CARD_AUTHENTICATION = 0x9E
    ATTESTATION = 0xF9


# Retired key management keys 1 to 20.
FIRST_RETIRED_KEY = 0x82
LAST_RETIRED_KEY = 0x95
RETIRED_KEYS = frozenset(range(FIRST_RETIRED_KEY, LAST_RETIRED_KEY + 1))
# Keys that decrypt and agree.
KEY_MANAGEMENT_KEYS = RETIRED_KEYS | {KeyReference.KEY_MANAGEMENT}
# Keys that a card takes new values for. The standard generates no retired key; Yubico's tools do.
PRIVATE_KEYS = KEY_MANAGEMENT_KEYS | {
    KeyReference.AUTHENTICATION,
    KeyReference.SIGNATURE,
    KeyReference.CARD_AUTHENTICATION,
}


@unique
class Tag(IntEnum):
    """BER tags of SELECT, GET DATA, PUT DATA and the Discovery object (SP 800-73-5 part 2, section 3.1)."""

    APPLICATION_PROPERTY_TEMPLATE = 0x61
    APPLICATION_IDENTIFIER = 0x4F
    APPLICATION_LABEL = 0x50
    COEXISTENT_TAG_ALLOCATION_AUTHORITY = 0x79
    URL = 0x5F50
    TAG_LIST = 0x5C
    DATA = 0x53
    DISCOVERY = 0x7E
    PIN_USAGE_POLICY = 0x5F2F
    BIOMETRIC_GROUP_TEMPLATE = 0x7F61


@unique
class ControlTag(IntEnum):
    """The control reference template of GENERATE ASYMMETRIC KEY PAIR (part 2, section 3.3.2)."""

    TEMPLATE = 0xAC
    MECHANISM = 0x80
    PARAMETER = 0x81


@unique
class PublicKeyTag(IntEnum):
    """The answer of GENERATE ASYMMETRIC KEY PAIR (part 2, section 3.3.2)."""

    TEMPLATE = 0x7F49
    RSA_MODULUS = 0x81
    RSA_EXPONENT = 0x82
    ECC_POINT = 0x86


@unique
class AuthTag(IntEnum):
    """The dynamic authentication template of GENERAL AUTHENTICATE (part 2, section 3.2.4)."""

    TEMPLATE = 0x7C
    WITNESS = 0x80
    CHALLENGE = 0x81
    RESPONSE = 0x82
    EXPONENTIATION = 0x85


@unique
class DataObject(IntEnum):
    """BER tags of the data objects (SP 800-73-5 part 1, table 3); the attestation certificate is Yubico's."""

    CARD_AUTHENTICATION_CERTIFICATE = 0x5FC101
    CHUID = 0x5FC102
    FINGERPRINTS = 0x5FC103
    AUTHENTICATION_CERTIFICATE = 0x5FC105
    SECURITY_OBJECT = 0x5FC106
    CARD_CAPABILITY_CONTAINER = 0x5FC107
    FACIAL_IMAGE = 0x5FC108
    PRINTED_INFORMATION = 0x5FC109
    SIGNATURE_CERTIFICATE = 0x5FC10A
    KEY_MANAGEMENT_CERTIFICATE = 0x5FC10B
    KEY_HISTORY = 0x5FC10C
    IRIS_IMAGES = 0x5FC121
    SECURE_MESSAGING_SIGNER = 0x5FC122
    PAIRING_CODE = 0x5FC123
    ATTESTATION_CERTIFICATE = 0x5FFF01
