"""Numbers that standards print, for the simulated card."""

from typing import Final, NamedTuple


class BlockCipherVector(NamedTuple):
    name: str
    key: bytes
    plaintext: bytes
    ciphertext: bytes


# FIPS 197 (2001, updated 2023), appendix C.1 to C.3.
_PLAINTEXT = bytes.fromhex("00112233445566778899aabbccddeeff")
AES: Final = (
    BlockCipherVector(
        "AES-128",
        bytes.fromhex("000102030405060708090a0b0c0d0e0f"),
        _PLAINTEXT,
        bytes.fromhex("69c4e0d86a7b0430d8cdb78070b4c55a"),
    ),
    BlockCipherVector(
        "AES-192",
        bytes.fromhex("000102030405060708090a0b0c0d0e0f1011121314151617"),
        _PLAINTEXT,
        bytes.fromhex("dda97ca4864cdfe06eaf70a0ec0d7191"),
    ),
    BlockCipherVector(
        "AES-256",
        bytes.fromhex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"),
        _PLAINTEXT,
        bytes.fromhex("8ea2b7ca516745bfeafc49904b496089"),
    ),
)


class AgreementVector(NamedTuple):
    private_value: int
    point: bytes
    shared: bytes


# NIST CAVP, "KAS ECC CDH primitive test vectors", [P-256] COUNT = 0.
ECDH_P256: Final = AgreementVector(
    0x7D7DC5F71EB29DDAF80D6214632EEAE03D9058AF1FB6D22ED80BADB62BC1A534,
    bytes.fromhex(
        "04"
        "700c48f77f56584c5cc632ca65640db91b6bacce3a4df6b42ce7cc838833d287"
        "db71e509e3fd9b060ddb20ba5c51dcc5948d46fbf640dfe0441782cab85fa4ac"
    ),
    bytes.fromhex("46fc62106420ff012e54a434fbdd2d25ccc5852060561e68040dd7778997bd7b"),
)
