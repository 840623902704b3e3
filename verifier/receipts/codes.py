"""Receipt codes: 50 random bits in Crockford's base32, ten characters that survive a telephone call."""

from verifier.services.apikeys import RandomBytes

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_BITS_PER_CHARACTER = 5
LENGTH = 10
_RANDOM_BYTES = 8
_LOOKALIKES = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})
_PERSIAN_DIGITS = str.maketrans("۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩", "01234567890123456789")
_LONGEST_INPUT = 32


class ReceiptCodeError(ValueError):
    """Not a receipt code, however generously read."""


def new_code(random_bytes: RandomBytes) -> str:
    """Ten random characters."""
    number = int.from_bytes(random_bytes(_RANDOM_BYTES), "big")
    return "".join(_ALPHABET[(number >> (_BITS_PER_CHARACTER * i)) & 0x1F] for i in range(LENGTH))


def normalise(text: str) -> str:
    """Reads a code as people write it: any case, hyphens, O for 0, I or L for 1, Persian digits."""
    if len(text) > _LONGEST_INPUT:
        raise ReceiptCodeError("too long for a receipt code")
    code = text.translate(_PERSIAN_DIGITS).upper().translate(_LOOKALIKES)
    if len(code) != LENGTH or any(character not in _ALPHABET for character in code):
        raise ReceiptCodeError("not a receipt code")
    return code
