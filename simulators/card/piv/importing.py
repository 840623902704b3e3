"""IMPORT ASYMMETRIC KEY, Yubico's (YubiKey technical manual, PIV extensions): a key from outside the card."""

import math
from enum import IntEnum, unique

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from simulators.card import tlv
from simulators.card.iso7816 import SW, Command, StatusError
from simulators.card.memory import CardMemory
from simulators.card.piv import keys
from simulators.card.piv.access import require_issuer, require_personalisation
from simulators.card.piv.identifiers import PRIVATE_KEYS, RSA_KEY_BITS, Algorithm
from simulators.card.piv.policy import take_pin_policy
from simulators.card.piv.session import SecuritySession
from simulators.card.piv.stored import StoredKey


@unique
class ImportTag(IntEnum):
    """The parts of an imported key."""

    P = 0x01
    Q = 0x02
    DP = 0x03
    DQ = 0x04
    QINV = 0x05
    SECRET = 0x06


_CRT_TAGS = (ImportTag.P, ImportTag.Q, ImportTag.DP, ImportTag.DQ, ImportTag.QINV)


class ImportCommand:
    """Only while the card is personalised: a citizen's keys never were outside it."""

    def __init__(self, memory: CardMemory, session: SecuritySession) -> None:
        self._memory = memory
        self._session = session

    def import_key(self, command: Command) -> bytes:
        """Replaces the slot's key in one durable write.

        :raises StatusError: 6982 (the issuer must authenticate), 6985 (the card was issued), 6A80, 6A86
        """
        if command.p1 not in keys.ASYMMETRIC or command.p2 not in PRIVATE_KEYS:
            raise StatusError(SW.INCORRECT_P1_P2)
        require_issuer(self._session)
        require_personalisation(self._memory.state.life_cycle)
        parts = tlv.parse_unique(command.data)
        policy = take_pin_policy(parts, command.p2)
        stored = _assemble(Algorithm(command.p1), parts)
        piv = self._memory.piv.with_private_key(command.p2, stored, policy, is_generated=False)
        self._memory.commit_piv(piv)
        return b""


def _assemble(algorithm: Algorithm, parts: dict[int, bytes]) -> StoredKey:
    """The key, if its parts have their exact lengths and fit each other."""
    tags, length = _form(algorithm)
    if parts.keys() != set(tags) or any(len(part) != length for part in parts.values()):
        raise StatusError(SW.INCORRECT_PARAMETERS_IN_DATA)
    numbers = [int.from_bytes(parts[tag], "big") for tag in tags]
    try:
        key: keys.PrivateKey
        if keys.is_elliptic(algorithm):
            key = ec.derive_private_key(numbers[0], keys.CURVES[algorithm])
        else:
            key = _rsa_key(RSA_KEY_BITS[algorithm], *numbers)
    except ValueError:
        raise StatusError(SW.INCORRECT_PARAMETERS_IN_DATA) from None
    return keys.store(algorithm, key)


def _form(algorithm: Algorithm) -> tuple[tuple[ImportTag, ...], int]:
    if keys.is_elliptic(algorithm):
        return (ImportTag.SECRET,), (keys.CURVES[algorithm].key_size + 7) // 8
    return _CRT_TAGS, RSA_KEY_BITS[algorithm] // 16


def _rsa_key(bits: int, p: int, q: int, dp: int, dq: int, qinv: int) -> rsa.RSAPrivateKey:
    """The private key of these CRT values (RFC 8017, section 3.2).

    :raises ValueError: they don't belong together, or the modulus has another length
    """
    modulus = p * q
    if modulus.bit_length() != bits:
        raise ValueError(bits)
    exponent = keys.RSA_PUBLIC_EXPONENT
    d = pow(exponent, -1, math.lcm(p - 1, q - 1))
    return rsa.RSAPrivateNumbers(p, q, d, dp, dq, qinv, rsa.RSAPublicNumbers(exponent, modulus)).private_key()
