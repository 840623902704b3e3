"""The seal on an intent: who writes to the database alone can't have anything signed.

An HMAC-SHA-256 (RFC 2104) over all that a repair relies on, under a key that only the key store derives.
"""

import hmac
import struct
from typing import TYPE_CHECKING

from pki.errors import IntentAlteredError
from pki.keys.masterkeys import MasterKeys
from pki.store.columns import SERIAL_OCTETS, seconds_of

if TYPE_CHECKING:
    from pki.authority.intentrows import RecordedIntent

SEAL_BYTES = 32
SEALING_MASTER_KEY = "card"
"""The master key from which the key is derived: every founded installation has it, in files or on a token."""
_LABEL = b"hoviat intent seal"
"""Of its own (SP 800-108r1 §4, Label): keys of cards have other labels."""
_CONTEXT = b"pki.authority.intents 1"
"""What is sealed, and the version of its encoding."""
_LENGTHS = struct.Struct(">12I")
_NUMBERS = struct.Struct(">HqqqBB")


class IntentSeal:
    """Seals intents and checks seals. Its key is in this process's memory and in no table."""

    def __init__(self, key: bytes) -> None:
        if len(key) != SEAL_BYTES:
            raise ValueError(f"a seal's key has {SEAL_BYTES} bytes")
        self._key = key

    @classmethod
    def of(cls, master_keys: MasterKeys) -> "IntentSeal":
        """The installation's seal. Raises TokenError where the key's token fails."""
        return cls(master_keys[SEALING_MASTER_KEY].derive(_LABEL, _CONTEXT, SEAL_BYTES))

    def __repr__(self) -> str:
        return "IntentSeal(…)"

    def seal(self, intent: "RecordedIntent") -> bytes:
        """The intent's seal; its outcome and an earlier seal play no part."""
        return hmac.digest(self._key, _sealed(intent), "sha256")

    def verify(self, intent: "RecordedIntent") -> None:
        """Raises IntentAlteredError for an intent that this authority did not record just so."""
        try:
            holds = intent.seal is not None and hmac.compare_digest(self.seal(intent), intent.seal)
        except (ValueError, OverflowError, AttributeError, TypeError, struct.error):  # no row of ours
            holds = False
        if not holds:
            raise IntentAlteredError(intent.request_id)


def _sealed(intent: "RecordedIntent") -> bytes:
    """Lengths first, then contents: no two intents give the same bytes."""
    parts = (
        intent.request_id.encode(),
        intent.fingerprint,
        intent.serial.to_bytes(SERIAL_OCTETS),
        intent.issuer.encode(),
        intent.profile.encode(),
        intent.key_hash,
        intent.key_kind.encode(),
        (intent.provenance or "").encode(),
        intent.holder_hash,
        intent.salt,
        intent.tbs or b"",
        intent.actor.encode(),
    )
    numbers = _NUMBERS.pack(
        intent.shard,
        seconds_of(intent.not_before),
        seconds_of(intent.not_after),
        seconds_of(intent.created),
        intent.on_hold,
        intent.provenance is not None,
    )
    return b"".join((_LENGTHS.pack(*map(len, parts)), numbers, *parts))
