"""What the PIV application remembers without power."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from simulators.card.fields import FieldError, Fields
from simulators.card.piv.identifiers import AES_KEY_LENGTHS, GENERATED_KEYS, Algorithm, is_data_object

MAX_TRIES = 3
REFERENCE_LENGTH = 8  # SP 800-73-5 part 1, section 2.4.3: PIN and PUK fields
MAX_OBJECT_LENGTH = 16_384
MAX_KEY_LENGTH = 4_096  # PKCS #8, DER
_TAG_DIGITS = 6
_KEY_DIGITS = 2


@dataclass(frozen=True)
class ReferenceData:
    """A PIN or PUK as it travels in APDUs (8 bytes) with its retry counter, 0 (blocked) to 3."""

    value: bytes = field(repr=False)
    tries_left: int = MAX_TRIES

    def to_json(self) -> dict[str, object]:
        """Plain values for JSON."""
        return {"value": self.value.hex(), "tries_left": self.tries_left}

    @classmethod
    def from_json(cls, fields: Fields) -> "ReferenceData":
        """The reverse of `to_json`."""
        value = fields.octets("value", REFERENCE_LENGTH, REFERENCE_LENGTH)
        reference = cls(value, fields.integer("tries_left", 0, MAX_TRIES))
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


@dataclass(frozen=True)
class PivState:
    """PIN, PUK, keys and data objects. Mappings are read only; a change is a new state.

    `private_keys` is by key reference, `objects` by BER tag with the content of its 53 container.
    `pin_is_transport`: the PIN only serves to be replaced by its holder's own.
    """

    pin: ReferenceData
    pin_is_transport: bool
    puk: ReferenceData
    management_key: StoredKey
    private_keys: Mapping[int, StoredKey] = field(default_factory=lambda: MappingProxyType({}))
    objects: Mapping[int, bytes] = field(default_factory=lambda: MappingProxyType({}), repr=False)

    def with_private_key(self, reference: int, key: StoredKey) -> "PivState":
        """With this private key in place of an earlier one."""
        return replace(self, private_keys=MappingProxyType({**self.private_keys, reference: key}))

    def with_object(self, tag: int, value: bytes) -> "PivState":
        """With this content; an empty one deletes the object."""
        objects = {known: content for known, content in self.objects.items() if known != tag}
        if value:
            objects[tag] = value
        return replace(self, objects=MappingProxyType(objects))

    def to_json(self) -> dict[str, object]:
        """Plain values for JSON."""
        return {
            "pin": self.pin.to_json(),
            "pin_is_transport": self.pin_is_transport,
            "puk": self.puk.to_json(),
            "management_key": self.management_key.to_json(),
            "private_keys": {
                f"{reference:02X}": key.to_json() for reference, key in self.private_keys.items()
            },
            "objects": {f"{tag:06X}": value.hex() for tag, value in self.objects.items()},
        }

    @classmethod
    def from_json(cls, fields: Fields) -> "PivState":
        """The reverse of `to_json`.

        :raises FieldError: a field is missing, unknown or impossible
        """
        state = cls(
            pin=ReferenceData.from_json(fields.child("pin")),
            pin_is_transport=fields.flag("pin_is_transport"),
            puk=ReferenceData.from_json(fields.child("puk")),
            management_key=_management_key(fields.child("management_key")),
            private_keys=MappingProxyType(_private_keys(fields.child("private_keys"))),
            objects=MappingProxyType(_objects(fields.child("objects"))),
        )
        fields.end()
        return state


def _management_key(fields: Fields) -> StoredKey:
    key = StoredKey.from_json(fields)
    if AES_KEY_LENGTHS.get(key.algorithm) != len(key.value):
        raise FieldError("management_key", "is no AES key of its algorithm's length")
    return key


def _private_keys(fields: Fields) -> dict[int, StoredKey]:
    keys: dict[int, StoredKey] = {}
    for name in fields.names():
        reference = _number(name, _KEY_DIGITS)
        key = StoredKey.from_json(fields.child(name))
        if reference not in GENERATED_KEYS or key.algorithm in AES_KEY_LENGTHS:
            raise FieldError(name, "is no private key of this application")
        keys[reference] = key
    return keys


def _objects(fields: Fields) -> dict[int, bytes]:
    objects: dict[int, bytes] = {}
    for name in fields.names():
        tag = _number(name, _TAG_DIGITS)
        if not is_data_object(tag):
            raise FieldError(name, "is no data object of this application")
        objects[tag] = fields.octets(name, 1, MAX_OBJECT_LENGTH)
    return objects


def _number(name: str, digits: int) -> int:
    try:
        number = int(name, 16)
    except ValueError:
        number = -1
    if f"{number:0{digits}X}" != name:
        raise FieldError(name, "is no hexadecimal number")
    return number
