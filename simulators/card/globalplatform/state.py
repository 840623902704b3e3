"""What the issuer security domain remembers without power."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from simulators.card.fields import FieldError, Fields
from simulators.card.globalplatform.identifiers import FACTORY_KEY_VERSION, MAX_KEY_VERSION
from simulators.card.globalplatform.keyset import KeySet
from simulators.card.globalplatform.scp03 import KEY_LENGTHS

MAX_KEY_SETS = 4


@dataclass(frozen=True)
class IsdState:
    """Key sets by version number, in the order in which they came. Immutable.

    `pseudo_random`: whether card challenges come from the sequence counter (amendment D, table 5-1) or from
    the random generator.
    """

    key_sets: Mapping[int, KeySet] = field(repr=False)
    pseudo_random: bool = True

    @property
    def default_version(self) -> int:
        """The key set that version number 00 stands for: the first that the card has."""
        return next(iter(self.key_sets))

    def with_key_set(self, version: int, keys: KeySet) -> "IsdState":
        """With this key set in its place, or as the last one."""
        return IsdState(MappingProxyType({**self.key_sets, version: keys}), self.pseudo_random)

    def without_key_set(self, version: int) -> "IsdState":
        """Without this key set."""
        kept = {known: keys for known, keys in self.key_sets.items() if known != version}
        return IsdState(MappingProxyType(kept), self.pseudo_random)

    def to_json(self) -> dict[str, object]:
        """Plain values for JSON; secrets included, this is the chip."""
        return {
            "key_sets": [{"version": version, **keys.to_json()} for version, keys in self.key_sets.items()],
            "pseudo_random": self.pseudo_random,
        }

    @classmethod
    def from_json(cls, fields: Fields) -> "IsdState":
        """The reverse of `to_json`.

        :raises FieldError: a field is missing, unknown or impossible
        """
        key_sets: dict[int, KeySet] = {}
        for entry in fields.children("key_sets", MAX_KEY_SETS):
            version = entry.integer("version", 1, FACTORY_KEY_VERSION)
            if version in key_sets or MAX_KEY_VERSION < version < FACTORY_KEY_VERSION:
                raise FieldError("key_sets.version", "stands twice or is reserved")
            key_sets[version] = KeySet.from_json(entry)
        if not key_sets:
            raise FieldError("key_sets", "are missing")
        state = cls(MappingProxyType(key_sets), fields.flag("pseudo_random"))
        fields.end()
        return state


def factory_domain(keys: KeySet, *, pseudo_random: bool = True) -> IsdState:
    """The security domain of a card that comes from the factory."""
    return IsdState(MappingProxyType({FACTORY_KEY_VERSION: keys}), pseudo_random)


def unknown_keys() -> KeySet:
    """Random keys that nobody knows."""
    length = max(KEY_LENGTHS)
    return KeySet(secrets.token_bytes(length), secrets.token_bytes(length), secrets.token_bytes(length))


def unknown_domain() -> IsdState:
    """A factory's security domain with keys that nobody knows."""
    return factory_domain(unknown_keys())
