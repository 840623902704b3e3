"""Strict reading of JSON that a file claims to hold."""

from collections.abc import Iterator


class FieldError(ValueError):
    """A field is missing, unknown, or has a value that can't be. The value itself is never told."""

    def __init__(self, name: str, rule: str) -> None:
        super().__init__(f"{name}: {rule}")
        self.name = name
        self.rule = rule


class Fields:
    """The fields of one JSON object, each taken exactly once; `end` refuses what was not taken."""

    def __init__(self, value: object, name: str) -> None:
        if not isinstance(value, dict):
            raise FieldError(name, "is not an object")
        self._name = name
        self._values: dict[str, object] = dict(value)

    def _take(self, name: str) -> object:
        if name not in self._values:
            raise FieldError(f"{self._name}.{name}", "is missing")
        return self._values.pop(name)

    def integer(self, name: str, low: int, high: int) -> int:
        """An integer of [low, high]."""
        value = self._take(name)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise FieldError(f"{self._name}.{name}", f"is not an integer of {low} to {high}")
        return value

    def flag(self, name: str) -> bool:
        """True or false."""
        value = self._take(name)
        if not isinstance(value, bool):
            raise FieldError(f"{self._name}.{name}", "is not true or false")
        return value

    def text(self, name: str) -> str:
        """Any text."""
        value = self._take(name)
        if not isinstance(value, str):
            raise FieldError(f"{self._name}.{name}", "is not text")
        return value

    def octets(self, name: str, min_length: int, max_length: int) -> bytes:
        """Bytes written as hexadecimal digits."""
        text = self.text(name)
        try:
            value = bytes.fromhex(text)
        except ValueError:
            raise FieldError(f"{self._name}.{name}", "is not hexadecimal") from None
        if not min_length <= len(value) <= max_length:
            raise FieldError(f"{self._name}.{name}", f"is not {min_length} to {max_length} bytes long")
        return value

    def value(self, name: str) -> object:
        """Anything; the caller checks it."""
        return self._take(name)

    def child(self, name: str) -> "Fields":
        """An object inside."""
        return Fields(self._take(name), f"{self._name}.{name}")

    def children(self, name: str, most: int) -> "list[Fields]":
        """The objects of a list inside, `most` at most."""
        value = self._take(name)
        if not isinstance(value, list) or len(value) > most:
            raise FieldError(f"{self._name}.{name}", f"is not a list of at most {most}")
        return [Fields(entry, f"{self._name}.{name}") for entry in value]

    def names(self) -> Iterator[str]:
        """The names not taken yet."""
        return iter(tuple(self._values))

    def end(self) -> None:
        """Refuses any field that nobody asked for."""
        for name in self._values:
            raise FieldError(f"{self._name}.{name}", "is unknown")
