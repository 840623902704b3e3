"""The subject key identifier is the hash of the certified key, not critical."""

import hashlib

from pki import der
from pki.errors import LintError
from pki.lint.candidate import SUBJECT_KEY, Candidate, require
from pki.lint.reader import header

RULE = "subject_key_identifier"
CLAUSE = "RFC 5280 §4.2.1.2, method 1"
_OCTET_STRING_OF_20 = b"\x04\x14"


def check(candidate: Candidate) -> None:
    """SHA-1 here is an identifier, not a safeguard."""
    value = candidate.own_value(SUBJECT_KEY, RULE)
    digest = hashlib.sha1(_key_bits(candidate.tbs.spki), usedforsecurity=False).digest()
    require(value == _OCTET_STRING_OF_20 + digest, RULE, "is not the key's")


def _key_bits(spki: bytes) -> bytes:
    """The BIT STRING without its octet of unused bits."""
    try:
        algorithm, _ = header(spki, 0, der.SEQUENCE)
        _, after = header(spki, algorithm, der.SEQUENCE)
        bits, end = header(spki, after, der.BIT_STRING)
    except (ValueError, IndexError) as error:
        raise LintError(RULE, "there is no key") from error
    return spki[bits + 1 : end]
