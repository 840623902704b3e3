"""PINs and PUKs as the card takes them: 8 bytes, padded with FF (SP 800-73-5 part 1, 2.4.3)."""

from cardio.errors import MalformedPinError

BLOCK_BYTES = 8
MIN_CHARACTERS = 6
_PADDING = b"\xff"


def pin_block(pin: str) -> bytes:
    """The 8 bytes for a PIN of 6 to 8 decimal digits.

    :raises MalformedPinError: anything else; nothing is sent, so no try is used
    """
    if not (pin.isascii() and pin.isdigit() and MIN_CHARACTERS <= len(pin) <= BLOCK_BYTES):
        raise MalformedPinError("PIN", "6 to 8 digits")
    return pin.encode().ljust(BLOCK_BYTES, _PADDING)


def puk_block(puk: str) -> bytes:
    """The 8 bytes for a PUK of 6 to 8 printable ASCII characters.

    :raises MalformedPinError: anything else; nothing is sent, so no try is used
    """
    if not (puk.isascii() and puk.isprintable() and MIN_CHARACTERS <= len(puk) <= BLOCK_BYTES):
        raise MalformedPinError("PUK", "6 to 8 letters or digits")
    return puk.encode().ljust(BLOCK_BYTES, _PADDING)
