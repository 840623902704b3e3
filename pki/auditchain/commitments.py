"""Commitments: an entry is bound to personal data that it doesn't hold.

The entry carries `commit(salt, fields)`; the salt and the fields stay in the citizen's own record. Whoever
may read that record can show what the entry was about. Once the record is erased, nothing links the entry
to a person: without the salt, trying every national code shows nothing. One salt serves one commitment.
"""

import hmac
from collections.abc import Mapping

from pki.auditchain.canonical import Json, canonical_json
from pki.auditchain.errors import CommitmentError

SALT_BYTES = 32
"""As long as the hash: what HMAC pads with zeros can't be the same for two salts, and none is guessed."""
_DOMAIN = b"hoviat audit commitment 1\x00"
"""So that no HMAC made for something else, under any key, is taken for a commitment."""


def commit(salt: bytes, fields: Mapping[str, Json]) -> str:
    """HMAC-SHA256 over the fields' canonical JSON under a random salt: 64 hexadecimal digits.

    Raises ValueError for a salt of another length, TypeError for fields without a canonical text.
    """
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a commitment's salt has {SALT_BYTES} bytes")
    return hmac.digest(salt, _DOMAIN + canonical_json(fields), "sha256").hex()


def open_commitment(commitment: str, salt: bytes, fields: Mapping[str, Json]) -> None:
    """Checks that the commitment was made for these fields. Raises CommitmentError, which repeats none."""
    try:
        computed = commit(salt, fields)
    except (TypeError, ValueError) as error:
        raise CommitmentError("no commitment is made of this") from error
    if not hmac.compare_digest(computed.encode(), commitment.encode()):
        raise CommitmentError("the commitment was made for something else")
