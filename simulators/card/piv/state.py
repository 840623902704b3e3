"""What the PIV application remembers without power."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TypeVar

from simulators.card.fields import FieldError, Fields
from simulators.card.piv.identifiers import PRIVATE_KEYS, DataObject, KeyReference
from simulators.card.piv.objects import is_data_object
from simulators.card.piv.policy import PinPolicy, default_pin_policy
from simulators.card.piv.stored import (
    FactoryValues,
    PrivateKey,
    ReferenceData,
    StoredKey,
    management_key_from_json,
)

MAX_OBJECT_LENGTH = 16_384
_TAG_DIGITS = 6
_KEY_DIGITS = 2
Value = TypeVar("Value")
_KEPT_KEYS = PRIVATE_KEYS | {KeyReference.ATTESTATION}


@dataclass(frozen=True)
class PivState:
    """PIN, PUK, keys and data objects. Mappings are read only; a change is a new state.

    `private_keys` is by key reference, `objects` by BER tag with the content of its container.
    `pin_is_transport`: the PIN only serves to be replaced by its holder's own.
    """

    pin: ReferenceData
    pin_is_transport: bool
    puk: ReferenceData
    management_key: StoredKey
    factory: FactoryValues
    private_keys: Mapping[int, PrivateKey] = field(default_factory=lambda: MappingProxyType({}))
    objects: Mapping[int, bytes] = field(default_factory=lambda: MappingProxyType({}), repr=False)

    @property
    def is_blocked_for_good(self) -> bool:
        """PIN and PUK are both blocked: nobody can use this card any more, it must be replaced."""
        return self.pin.is_blocked and self.puk.is_blocked

    def with_pin(self, pin: ReferenceData, *, is_transport: bool) -> "PivState":
        """With this PIN, another or counted."""
        return PivState(
            pin, is_transport, self.puk, self.management_key, self.factory, self.private_keys, self.objects
        )

    def with_puk(self, puk: ReferenceData) -> "PivState":
        """With this PUK, another or counted."""
        return replace(self, puk=puk)

    def with_private_key(
        self,
        reference: int,
        key: StoredKey,
        pin_policy: PinPolicy | None = None,
        *,
        is_generated: bool = True,
    ) -> "PivState":
        """With this private key in place of an earlier one; without a policy, the slot's default."""
        policy = default_pin_policy(reference) if pin_policy is None else pin_policy
        keys = {**self.private_keys, reference: PrivateKey(key, policy, is_generated)}
        return replace(self, private_keys=MappingProxyType(keys))

    def with_moved_key(self, source: int, destination: int) -> "PivState":
        """With the private key of `source` in `destination`."""
        keys = {**self.private_keys, destination: self.private_keys[source]}
        return replace(self, private_keys=MappingProxyType(keys)).without_private_key(source)

    def without_private_key(self, reference: int) -> "PivState":
        """With this slot empty."""
        others = {known: key for known, key in self.private_keys.items() if known != reference}
        return replace(self, private_keys=MappingProxyType(others))

    def with_object(self, tag: int, value: bytes) -> "PivState":
        """With this content; an empty one deletes the object."""
        objects = {known: content for known, content in self.objects.items() if known != tag}
        if value:
            objects[tag] = value
        return replace(self, objects=MappingProxyType(objects))

    def with_tries(self, pin_tries: int, puk_tries: int) -> "PivState":
        """With other retry counters, and the factory's PIN (a transport PIN again) and PUK."""
        return replace(
            self,
            pin=ReferenceData(self.factory.pin, pin_tries, pin_tries),
            pin_is_transport=True,
            puk=ReferenceData(self.factory.puk, puk_tries, puk_tries),
        )

    def as_from_the_factory(self) -> "PivState":
        """As the manufacturer delivered it: the factory's values, no key, no object, attestation kept."""
        attestation = KeyReference.ATTESTATION
        certificate = DataObject.ATTESTATION_CERTIFICATE
        return PivState(
            pin=ReferenceData(self.factory.pin),
            pin_is_transport=True,
            puk=ReferenceData(self.factory.puk),
            management_key=self.factory.management_key,
            factory=self.factory,
            private_keys=MappingProxyType(_only(self.private_keys, attestation)),
            objects=MappingProxyType(_only(self.objects, certificate)),
        )

    def to_json(self) -> dict[str, object]:
        """Plain values for JSON."""
        return {
            "pin": self.pin.to_json(),
            "pin_is_transport": self.pin_is_transport,
            "puk": self.puk.to_json(),
            "management_key": self.management_key.to_json(),
            "factory": self.factory.to_json(),
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
            management_key=management_key_from_json(fields.child("management_key")),
            factory=FactoryValues.from_json(fields.child("factory")),
            private_keys=MappingProxyType(_private_keys(fields.child("private_keys"))),
            objects=MappingProxyType(_objects(fields.child("objects"))),
        )
        fields.end()
        return state


def _only(mapping: Mapping[int, Value], key: int) -> dict[int, Value]:
    return {known: value for known, value in mapping.items() if known == key}


def _private_keys(fields: Fields) -> dict[int, PrivateKey]:
    keys: dict[int, PrivateKey] = {}
    for name in fields.names():
        reference = _number(name, _KEY_DIGITS)
        if reference not in _KEPT_KEYS:
            raise FieldError(name, "is no private key of this application")
        keys[reference] = PrivateKey.from_json(fields.child(name))
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
