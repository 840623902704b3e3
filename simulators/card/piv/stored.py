"""What a PIN, a key and the factory's values are in non-volatile memory."""

from dataclasses import dataclass, field

from simulators.card.fields import FieldError, Fields
from simulators.card.piv.identifiers import MANAGEMENT_KEY_LENGTHS, Algorithm
from simulators.card.piv.policy import PinPolicy

DEFAULT_TRIES = 3
MAX_TRIES = 15  # what a status word 63Cx can tell
REFERENCE_LENGTH = 8  # SP 800-73-5 part 1, section 2.4.3: PIN and PUK fields
MAX_KEY_LENGTH = 4_096  # PKCS #8, DER


@dataclass(frozen=True)
class ReferenceData:
    """A PIN or PUK as it travels in APDUs (8 bytes) with its retry counter, 0 (blocked) to `max_tries`."""

    value: bytes = field(repr=False)
    tries_left: int = DEFAULT_TRIES
    max_tries: int = DEFAULT_TRIES

    @property
    def is_blocked(self) -> bool:
        """Whether no try is left."""
        return self.tries_left == 0

    def counted(self) -> "ReferenceData":
        """With one try less."""
        return ReferenceData(self.value, self.tries_left - 1, self.max_tries)

    def restored(self) -> "ReferenceData":
        """With all tries."""
        return self.renewed(self.value)

    def renewed(self, value: bytes) -> "ReferenceData":
        """With another value and all tries."""
        return ReferenceData(value, self.max_tries, self.max_tries)

    def to_json(self) -> dict[str, object]:
        """Plain values for JSON."""
        return {"value": self.value.hex(), "tries_left": self.tries_left, "max_tries": self.max_tries}

    @classmethod
    def from_json(cls, fields: Fields) -> "ReferenceData":
        """The reverse of `to_json`."""
        value = fields.octets("value", REFERENCE_LENGTH, REFERENCE_LENGTH)
        max_tries = fields.integer("max_tries", 1, MAX_TRIES)
        reference = cls(value, fields.integer("tries_left", 0, max_tries), max_tries)
        fields.end()
        return reference


@dataclass(frozen=True)
class StoredKey:
    """A secret key and its algorithm: AES as raw bytes, private keys as PKCS #8 in DER."""

    algorithm: Algorithm
    value: bytes = field(repr=False)

    def to_json(self) -> dict[str, object]:
        """Plain values for JSON."""
        return {"algorithm": self.algorithm.name, "value": self.value.hex()}

    @classmethod
    def from_json(cls, fields: Fields) -> "StoredKey":
        """The reverse of `to_json`."""
        name = fields.text("algorithm")
        if name not in Algorithm.__members__:
            raise FieldError("algorithm", "is unknown")
        key = cls(Algorithm[name], fields.octets("value", 1, MAX_KEY_LENGTH))
        fields.end()
        return key


def management_key_from_json(fields: Fields) -> StoredKey:
    """A symmetric key of its algorithm's length.

    :raises FieldError: anything else
    """
    key = StoredKey.from_json(fields)
    if MANAGEMENT_KEY_LENGTHS.get(key.algorithm) != len(key.value):
        raise FieldError("management_key", "is no symmetric key of its algorithm's length")
    return key


@dataclass(frozen=True)
class PrivateKey:
    """A private key, when it wants the PIN, and whether the card made it: only then the card attests it."""

    key: StoredKey
    pin_policy: PinPolicy
    is_generated: bool = True

    def to_json(self) -> dict[str, object]:
        """Plain values for JSON."""
        return {
            "key": self.key.to_json(),
            "pin_policy": self.pin_policy.name,
            "is_generated": self.is_generated,
        }

    @classmethod
    def from_json(cls, fields: Fields) -> "PrivateKey":
        """The reverse of `to_json`."""
        key = StoredKey.from_json(fields.child("key"))
        policy = fields.text("pin_policy")
        if key.algorithm in MANAGEMENT_KEY_LENGTHS or policy not in PinPolicy.__members__:
            raise FieldError("private_keys", "has an impossible algorithm or PIN policy")
        private_key = cls(key, PinPolicy[policy], fields.flag("is_generated"))
        fields.end()
        return private_key


@dataclass(frozen=True)
class FactoryValues:
    """What the manufacturer gave the card, and what a reset returns it to."""

    pin: bytes = field(repr=False)
    puk: bytes = field(repr=False)
    management_key: StoredKey

    def to_json(self) -> dict[str, object]:
        """Plain values for JSON."""
        return {
            "pin": self.pin.hex(),
            "puk": self.puk.hex(),
            "management_key": self.management_key.to_json(),
        }

    @classmethod
    def from_json(cls, fields: Fields) -> "FactoryValues":
        """The reverse of `to_json`."""
        values = cls(
            fields.octets("pin", REFERENCE_LENGTH, REFERENCE_LENGTH),
            fields.octets("puk", REFERENCE_LENGTH, REFERENCE_LENGTH),
            management_key_from_json(fields.child("management_key")),
        )
        fields.end()
        return values
