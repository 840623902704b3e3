"""Tracking codes: nine random characters that can't be mistaken for one another, and one that checks them.

The check is a polynomial over GF(2⁵): each character is multiplied by its own power of a primitive element,
so one wrong character and two neighbours that changed places are always noticed.
"""

from issuance.errors import InvalidInputError
from issuance.identifiers import Randomness
from issuance.registry.text import ascii_digits

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O or U."""
LENGTH = 10
_RANDOM = LENGTH - 1
_RANDOM_BYTES = 6  # 45 of 48 bits are used
_BITS = 5
_FIELD = 0b100101  # x⁵ + x² + 1, which is primitive
_LOOKALIKES = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None, "\u200c": None})
_LONGEST_INPUT = 32


class TrackingCodeError(InvalidInputError):
    """Not a tracking code, however generously read."""

    kind = "invalid-tracking-code"

    def __init__(self) -> None:
        super().__init__("this is no tracking code; a character was mistyped")


def new_tracking_code(randomness: Randomness) -> str:
    """A fresh code of LENGTH characters."""
    number = int.from_bytes(randomness(_RANDOM_BYTES), "big")
    body = "".join(ALPHABET[number >> _BITS * place & 0x1F] for place in range(_RANDOM))
    return body + check_symbol(body)


def check_symbol(body: str) -> str:
    """The tenth character for nine others."""
    total = 0
    for character in body:
        total = _doubled(total ^ ALPHABET.index(character))
    return ALPHABET[total]


def normalise(text: str) -> str:
    """Reads a code as people write it: any case, hyphens, O for 0, I or L for 1, Persian digits.

    Raises TrackingCodeError.
    """
    if len(text) > _LONGEST_INPUT:
        raise TrackingCodeError
    code = ascii_digits(text).upper().translate(_LOOKALIKES)
    if len(code) != LENGTH or any(character not in ALPHABET for character in code):
        raise TrackingCodeError
    if check_symbol(code[:_RANDOM]) != code[_RANDOM]:
        raise TrackingCodeError
    return code


def printed(code: str) -> str:
    """As it is printed and read aloud: two groups."""
    return f"{code[: LENGTH // 2]}-{code[LENGTH // 2 :]}"


def packed(code: str) -> int:
    """The code as a number of 50 bits."""
    number = 0
    for character in code:
        number = number << _BITS | ALPHABET.index(character)
    return number


def unpacked(number: int) -> str:
    """The reverse of `packed`. Raises TrackingCodeError."""
    if not 0 <= number < 1 << _BITS * LENGTH:
        raise TrackingCodeError
    return normalise("".join(ALPHABET[number >> _BITS * place & 0x1F] for place in reversed(range(LENGTH))))


def _doubled(value: int) -> int:
    """Times the primitive element x."""
    value <<= 1
    return value ^ _FIELD if value >> _BITS else value
