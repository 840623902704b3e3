"""Base64 exactly as RFC 4648, section 4, writes it: padded, no other characters, one spelling per value."""

import base64
import binascii


class Base64Error(Exception):
    """The text is not the canonical base64 of anything."""


def decode(text: str) -> bytes:
    """The bytes that `text` spells; raises Base64Error for any other spelling than the canonical one."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Base64Error("not base64") from error
    # Unused bits of the last character must be zero (section 3.5); re-encoding shows it.
    if base64.b64encode(data).decode("ascii") != text:
        raise Base64Error("not the canonical spelling")
    return data
