"""Persian text as people type it, folded to one form before it is compared, stored or signed.

NFKC alone leaves most Arabic look-alikes as they are, so the pairs are folded by table.
"""

import re
import unicodedata

_ASCII_DIGITS = "0123456789"
_PERSIAN_DIGITS = "۰۱۲۳۴۵۶۷۸۹"  # U+06F0 to U+06F9
_ARABIC_DIGITS = "٠١٢٣٤٥٦٧٨٩"  # U+0660 to U+0669
_TO_ASCII_DIGITS = str.maketrans(_PERSIAN_DIGITS + _ARABIC_DIGITS, _ASCII_DIGITS * 2)
_TO_PERSIAN_DIGITS = str.maketrans(_ASCII_DIGITS, _PERSIAN_DIGITS)

_LETTERS = str.maketrans(
    {
        "ي": "ی",  # U+064A Arabic yeh → U+06CC Farsi yeh
        "ى": "ی",  # U+0649 alef maksura → U+06CC
        "ك": "ک",  # U+0643 Arabic kaf → U+06A9 keheh
        "\u0640": None,  # tatweel only stretches a word
    }
)
_FORMS = re.compile("[\ufb50-\ufdff\ufe70-\ufefc]+")
"""Arabic presentation forms: letters as old systems drew them, one code for each shape."""
_CONTROLS = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u061c\u200b\u200d\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]"
)
"""Direction marks and others that nobody sees: they make one name look like another (UAX #9, UTS #55).

Control characters go with them, soft hyphens and the joiner of emoji; PostgreSQL keeps no NUL in a text.
"""
_HARAKAT = re.compile("[\u064b-\u0652\u0670]")  # short vowels and the superscript alef
_ZWNJ = "\u200c"
_GAP = re.compile(rf"[\s{_ZWNJ}]*\s[\s{_ZWNJ}]*")
_REPEATED_ZWNJ = re.compile(f"{_ZWNJ}+")


def ascii_digits(text: str) -> str:
    """The text with Persian and Arabic digits replaced by 0 to 9; every other character stays."""
    return text.translate(_TO_ASCII_DIGITS)


def persian_digits(text: str) -> str:
    """The text with 0 to 9 replaced by Persian digits, for display."""
    return text.translate(_TO_PERSIAN_DIGITS)


def fold(text: str) -> str:
    """One spelling of a Persian name: NFC, Farsi yeh and keheh, no tatweel or harakat, single spaces.

    Presentation forms become letters, and direction marks go.

    The zero-width non-joiner inside a word is spelling and stays; at the edges it goes. Folding twice changes
    nothing more.
    """
    plain = _FORMS.sub(lambda form: unicodedata.normalize("NFKC", form[0]), _CONTROLS.sub("", text))
    composed = unicodedata.normalize("NFC", plain).translate(_LETTERS)
    bare = unicodedata.normalize("NFC", _HARAKAT.sub("", composed))
    # Repeated ones first: a gap is sought anew from each of a row that turns out to be none.
    return _GAP.sub(" ", _REPEATED_ZWNJ.sub(_ZWNJ, bare)).strip(f" {_ZWNJ}")
