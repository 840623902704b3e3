"""Authentication with the management key, 9B (SP 800-73-5 part 2, appendix A.1: mutual authentication)."""

import hmac
from collections.abc import Callable

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from cardio.apdu import INS, MAX_SHORT_LE, SW, CommandApdu
from cardio.channel import CardChannel
from cardio.errors import ApduError, ManagementKeyError, UnexpectedAnswerError
from cardio.piv.identifiers import AuthTag, Reference
from cardio.piv.slots import MANAGEMENT_ALGORITHMS, Algorithm
from cardio.tlv import Tlv, TlvError, values_by_tag

BLOCK_BYTES = 16  # AES
_REFUSALS = frozenset(
    {SW.SECURITY_STATUS_NOT_SATISFIED, SW.AUTHENTICATION_METHOD_BLOCKED, SW.VERIFICATION_FAILED}
)
_OTHER_ALGORITHM = frozenset({SW.INCORRECT_P1_P2, SW.INCORRECT_DATA_FIELD, SW.REFERENCED_DATA_NOT_FOUND})


def management_algorithm(key: bytes) -> Algorithm:
    """AES-128, AES-192 or AES-256, by the key's length.

    :raises ManagementKeyError: another length
    """
    algorithm = MANAGEMENT_ALGORITHMS.get(len(key))
    if algorithm is None:
        raise ManagementKeyError("an AES key has 16, 24 or 32 bytes")
    return algorithm


def authenticate(channel: CardChannel, key: bytes, random_bytes: Callable[[int], bytes]) -> None:
    """Both sides prove that they have the key.

    :raises ManagementKeyError: wrong key, another length than the card's, or the card failed its part
    """
    algorithm = management_algorithm(key)
    witness = _decrypt(key, _step(channel, algorithm, AuthTag.WITNESS, Tlv(AuthTag.WITNESS, b"").encode()))
    challenge = random_bytes(BLOCK_BYTES)
    proof = Tlv(AuthTag.WITNESS, witness).encode() + Tlv(AuthTag.CHALLENGE, challenge).encode()
    response = _step(channel, algorithm, AuthTag.RESPONSE, proof)
    if not hmac.compare_digest(_decrypt(key, response), challenge):
        raise ManagementKeyError("the card did not prove that it has the key")


def _step(channel: CardChannel, algorithm: Algorithm, wanted: AuthTag, template: bytes) -> bytes:
    command = CommandApdu(
        0,
        INS.GENERAL_AUTHENTICATE,
        algorithm,
        Reference.MANAGEMENT,
        Tlv(AuthTag.TEMPLATE, template).encode(),
        MAX_SHORT_LE,
    )
    try:
        answer = channel.send(command)
        block = values_by_tag(Tlv.unpack(AuthTag.TEMPLATE, answer)).get(wanted, b"")
    except ApduError as error:
        raise _refusal(error, algorithm) from error
    except TlvError as error:
        raise UnexpectedAnswerError("no authentication template") from error
    if len(block) != BLOCK_BYTES:
        raise UnexpectedAnswerError(f"a block of {BLOCK_BYTES} bytes expected, {len(block)} came")
    return block


def _refusal(error: ApduError, algorithm: Algorithm) -> ApduError | ManagementKeyError:
    if error.sw in _REFUSALS:
        return ManagementKeyError("the card refused it")
    if error.sw in _OTHER_ALGORITHM:
        return ManagementKeyError(f"the card's key is not {algorithm.name.replace('_', '-')}")
    return error


def _decrypt(key: bytes, block: bytes) -> bytes:
    # Exactly one block, as the protocol has it; no mode is involved.
    decryptor = Cipher(algorithms.AES(key), modes.ECB()).decryptor()  # noqa: S305
    return decryptor.update(block) + decryptor.finalize()
