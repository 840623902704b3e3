"""What a card tells of a slot's key (Yubico's GET METADATA, YubiKey technical manual, PIV extensions)."""

from enum import IntEnum, unique

from cardio.errors import UnexpectedAnswerError
from cardio.piv.identifiers import KeyTag
from cardio.piv.publickey import parse_public_key
from cardio.piv.slots import ASYMMETRIC_ALGORITHMS, Algorithm, PublicKey
from cardio.tlv import Tlv, TlvError, values_by_tag


@unique
class MetadataTag(IntEnum):
    """The elements that are read here."""

    ALGORITHM = 0x01
    PUBLIC_KEY = 0x04


def parse_key_metadata(answer: bytes) -> PublicKey:
    """The public key of the slot's key pair.

    :raises UnexpectedAnswerError: malformed, or a key of no kind used here
    """
    try:
        elements = values_by_tag(answer)
        (number,) = elements[MetadataTag.ALGORITHM]
        algorithm, key = Algorithm(number), elements[MetadataTag.PUBLIC_KEY]
    except (TlvError, KeyError, ValueError) as error:
        raise UnexpectedAnswerError("the card answered no metadata of a key pair") from error
    if algorithm not in ASYMMETRIC_ALGORITHMS:
        raise UnexpectedAnswerError("the card answered no metadata of a key pair")
    return parse_public_key(algorithm, Tlv(KeyTag.PUBLIC_KEY_TEMPLATE, key).encode())
