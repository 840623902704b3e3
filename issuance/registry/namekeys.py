"""Keys of Persian names: one to sort by, and one by which names that sound alike are found.

No database collates Persian as its readers do, and none knows which letters sound the same. The database sees
none of these keys: names are found by keyed digests of them.
"""

import re
import unicodedata
from datetime import date

from issuance.registry.text import fold

_ALPHABET = "آابپتثجچحخدذرزژسشصضطظعغفقکگلمنوهی"
"""The letters in the order of Persian dictionaries (ISIRI 6219): waw comes before heh."""
_LIKE = {"أ": "ا", "إ": "ا", "ٱ": "ا", "ؤ": "و", "ئ": "ی", "ة": "ه", "ۀ": "ه"}
"""Letters that sort as another."""
_SPACE, _HAMZA, _FIRST = 1, 2, 3
_RANKS = {" ": _SPACE, "ء": _HAMZA} | {letter: _FIRST + place for place, letter in enumerate(_ALPHABET)}
_UNKNOWN = 0xFF
_END = "00"
"""Before every letter, so that a shorter name comes first."""

_MARKS = re.compile(r"[\u064b-\u065f\u0670\u06d6-\u06ed]")
_SOUNDS = str.maketrans(
    {
        **dict.fromkeys("آأإٱع", "ا"),
        **dict.fromkeys("ط", "ت"),
        **dict.fromkeys("ثص", "س"),
        **dict.fromkeys("ذضظ", "ز"),
        **dict.fromkeys("حةۀھہە", "ه"),
        **dict.fromkeys("غ", "ق"),
        **dict.fromkeys("يئ", "ی"),
        **dict.fromkeys("كڪ", "ک"),
        "ؤ": "و",
        "ى": "ی",
        "ء": None,
    }
)


def sort_key(surname: str, given_name: str) -> str:
    """Lower-case hexadecimal digits that any collation sorts as a Persian directory sorts the names.

    Two digits a letter; a name's end sorts before any letter, and ZWNJ and vowels do not count.
    """
    return f"{collation_key(surname)}{_END}{collation_key(given_name)}"


def collation_key(name: str) -> str:
    """The key of one name; that of its beginning is a prefix of it."""
    letters = fold(name).replace("\u200c", "")
    return "".join(f"{_RANKS.get(_LIKE.get(each, each), _UNKNOWN):02x}" for each in letters)


def skeleton(name: str) -> str:
    """The name as it sounds: homophones as one letter; no vowels, spaces, joiners or anything but letters."""
    bare = _MARKS.sub("", unicodedata.normalize("NFD", fold(name)))
    return "".join(letter for letter in bare.translate(_SOUNDS) if letter.isalpha())


def pair_key(given_name: str, surname: str) -> str:
    """One key for both names, whichever of them stands first."""
    return pair_of_keys(skeleton(given_name), skeleton(surname))


def pair_of_keys(one: str, other: str) -> str:
    """`pair_key` of names of which there are only their skeletons."""
    return "|".join(sorted((one, other)))


def dated(key: str, birth_date: date) -> str:
    """One key for a name and a birth date."""
    return f"{key}|{birth_date.isoformat()}"
