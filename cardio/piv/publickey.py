"""The public key that GENERATE ASYMMETRIC KEY PAIR answers (SP 800-73-5 part 2, 3.3.2)."""

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from cardio.errors import UnexpectedAnswerError, UnsupportedKeyError
from cardio.piv.identifiers import KeyTag
from cardio.piv.slots import CURVES, Algorithm, PublicKey, algorithm_of
from cardio.tlv import Tlv, TlvError, values_by_tag


def parse_public_key(algorithm: Algorithm, answer: bytes) -> PublicKey:
    """Reads the template 7F49 and checks that it is a key of the algorithm asked for.

    :raises UnexpectedAnswerError: malformed, not on the curve, or another kind of key
    """
    try:
        elements = values_by_tag(Tlv.unpack(KeyTag.PUBLIC_KEY_TEMPLATE, answer))
        key = _ec_key(algorithm, elements) if algorithm in CURVES else _rsa_key(elements)
        found = algorithm_of(key)
    except (TlvError, KeyError, ValueError, UnsupportedKeyError) as error:
        raise UnexpectedAnswerError("the card answered no valid public key") from error
    if found != algorithm:
        raise UnexpectedAnswerError("the card answered another kind of key than it was asked for")
    return key


def _ec_key(algorithm: Algorithm, elements: dict[int, bytes]) -> ec.EllipticCurvePublicKey:
    return ec.EllipticCurvePublicKey.from_encoded_point(CURVES[algorithm], elements[KeyTag.ECC_POINT])


def _rsa_key(elements: dict[int, bytes]) -> rsa.RSAPublicKey:
    modulus = int.from_bytes(elements[KeyTag.RSA_MODULUS], "big")
    exponent = int.from_bytes(elements[KeyTag.RSA_EXPONENT], "big")
    return rsa.RSAPublicNumbers(exponent, modulus).public_key()
