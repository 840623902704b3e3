"""A set of SCP03 keys on the card."""

from dataclasses import dataclass, field

from simulators.card.fields import FieldError, Fields
from simulators.card.globalplatform.scp03 import KEY_LENGTHS

MAX_FAILURES = 10
"""Failed EXTERNAL AUTHENTICATE commands after which a key set is dead."""
MAX_SEQUENCE_COUNTER = 0xFF_FFFF
_COUNTER_LENGTH = 3


@dataclass(frozen=True)
class KeySet:
    """Key-ENC, Key-MAC and Key-DEK, all of one length (16, 24 or 32 bytes), and what is counted for them.

    `sequence_counter` counts INITIALIZE UPDATE commands. `failures` counts EXTERNAL AUTHENTICATE commands
    since the last one that succeeded.
    """

    enc: bytes = field(repr=False)
    mac: bytes = field(repr=False)
    dek: bytes = field(repr=False)
    sequence_counter: int = 0
    failures: int = 0

    def __post_init__(self) -> None:
        if len(self.enc) not in KEY_LENGTHS or not len(self.enc) == len(self.mac) == len(self.dek):
            raise ValueError("three AES keys of one length")

    @property
    def is_blocked(self) -> bool:
        """Whether too many hosts have failed to prove these keys."""
        return self.failures >= MAX_FAILURES

    @property
    def counter_bytes(self) -> bytes:
        """The sequence counter, 3 bytes."""
        return self.sequence_counter.to_bytes(_COUNTER_LENGTH, "big")

    def counted(self) -> "KeySet":
        """With the sequence counter moved on; at most to its maximum."""
        return KeySet(self.enc, self.mac, self.dek, self.sequence_counter + 1, self.failures)

    def with_failures(self, failures: int) -> "KeySet":
        """With so many hosts that failed since the last one that succeeded."""
        return KeySet(self.enc, self.mac, self.dek, self.sequence_counter, failures)

    def to_json(self) -> dict[str, object]:
        """Plain values for JSON; secrets included, this is the chip."""
        return {
            "enc": self.enc.hex(),
            "mac": self.mac.hex(),
            "dek": self.dek.hex(),
            "sequence_counter": self.sequence_counter,
            "failures": self.failures,
        }

    @classmethod
    def from_json(cls, fields: Fields) -> "KeySet":
        """The reverse of `to_json`.

        :raises FieldError: a field is missing, unknown or impossible
        """
        low, high = min(KEY_LENGTHS), max(KEY_LENGTHS)
        keys = [fields.octets(name, low, high) for name in ("enc", "mac", "dek")]
        counter = fields.integer("sequence_counter", 0, MAX_SEQUENCE_COUNTER)
        failures = fields.integer("failures", 0, MAX_FAILURES)
        fields.end()
        try:
            return cls(keys[0], keys[1], keys[2], counter, failures)
        except ValueError as error:
            raise FieldError("key_sets", f"are not {error}") from None
