"""Base64 exactly as RFC 4648, section 4, writes it: padded, no other characters, one spelling per value."""

import binascii


class Base64Error(Exception):
    """The text is not the canonical base64 of anything."""


def decode(text: str) -> bytes:
    """The bytes that `text` spells; raises Base64Error for any other spelling than the canonical one."""
    try:
        data = binascii.a2b_base64(text)
    except ValueError as error:
        raise Base64Error("not base64") from error
    # Re-encoding shows what was read over: blanks, padding, unused bits that aren't zero (section 3.5).
    if binascii.b2a_base64(data, newline=False) != text.encode("ascii"):
        raise Base64Error("not the canonical spelling")
    return data
