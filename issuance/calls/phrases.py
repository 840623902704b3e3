"""Pass phrases as people say and type them, in one form before they are stretched or compared; pure."""

from issuance.errors import InvalidInputError
from issuance.registry.text import ascii_digits, fold

SHORTEST, LONGEST = 8, 64
"""Letters and digits, after normalising; spaces don't count."""
MAX_TYPED = 200
_ZWNJ = "\u200c"


def normalise(typed: str) -> str:
    """One spelling: folded (ی and ک, no harakat), no spaces or joiners, small letters, digits 0 to 9.

    A word that is said has no spaces, and nobody hears where a joiner stands. Raises InvalidInputError, which
    repeats nothing of it.
    """
    if len(typed) > MAX_TYPED:
        raise InvalidInputError(f"a pass phrase has at most {LONGEST} letters and digits")
    folded = ascii_digits(fold(typed)).casefold()
    plain = "".join(folded.replace(_ZWNJ, "").split())
    if not SHORTEST <= len(plain) <= LONGEST or not plain.isprintable():
        raise InvalidInputError(f"a pass phrase has {SHORTEST} to {LONGEST} letters and digits")
    if len(set(plain)) < SHORTEST // 2:
        raise InvalidInputError("a pass phrase is not one letter again and again")
    return plain
