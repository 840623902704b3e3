"""Base45 (RFC 9285): octets in the characters that a QR code's alphanumeric mode holds."""

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
_BASE = len(_ALPHABET)
_PAIR, _TRIPLE = 2, 3


def encode(data: bytes) -> str:
    """Three characters for two octets, two for one that is left (§4)."""
    return "".join(_written(data[place : place + _PAIR]) for place in range(0, len(data), _PAIR))


def decode(text: str) -> bytes:
    """The reverse. Raises ValueError for what no encoder writes."""
    if len(text) % _TRIPLE == 1 or not set(text) <= _VALUES.keys():
        raise ValueError("not base45")
    return b"".join(_read(text[place : place + _TRIPLE]) for place in range(0, len(text), _TRIPLE))


def _written(octets: bytes) -> str:
    number = int.from_bytes(octets, "big")
    digits = []
    for _ in range(len(octets) + 1):
        number, digit = divmod(number, _BASE)
        digits.append(_ALPHABET[digit])
    return "".join(digits)


def _read(group: str) -> bytes:
    number = 0
    for character in reversed(group):
        number = number * _BASE + _VALUES[character]
    octets = len(group) - 1
    if number >> 8 * octets:
        raise ValueError("not base45: a group is too large")
    return number.to_bytes(octets, "big")
