"""A table of a TOML file, read strictly: each key once, of its type, and none left over."""

from collections.abc import Mapping

from pki.errors import ProfileError

MAX_ENTRIES = 32
MAX_ENTRY = 200


class Table:
    """Hands out values by key and type; raises ProfileError with the file and the key."""

    def __init__(self, file: str, content: Mapping[str, object], prefix: str = "") -> None:
        self._file = file
        self._content = content
        self._prefix = prefix
        self._read: set[str] = set()

    def error(self, key: str, detail: str) -> ProfileError:
        """The error to raise about a key, or about this table where the key is empty."""
        return ProfileError(self._file, f"{self._prefix}{key}".rstrip("."), detail)

    @property
    def names(self) -> tuple[str, ...]:
        """The keys, as they stand in the file."""
        return tuple(self._content)

    def has(self, key: str) -> bool:
        """Whether the key is there."""
        return key in self._content

    def text(self, key: str, longest: int) -> str:
        """A string of 1 to `longest` printable characters."""
        value = self._value(key)
        if not isinstance(value, str) or not 1 <= len(value) <= longest or not value.isprintable():
            raise self.error(key, f"must be a text of 1 to {longest} characters")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of different strings."""
        value = self._value(key)
        if not isinstance(value, list) or len(value) > MAX_ENTRIES:
            raise self.error(key, f"must be a list of at most {MAX_ENTRIES} texts")
        texts = [item for item in value if isinstance(item, str) and 1 <= len(item) <= MAX_ENTRY]
        if len(texts) != len(value) or len(set(texts)) != len(texts):
            raise self.error(key, "must be a list of different texts")
        return tuple(texts)

    def integer(self, key: str, least: int, most: int, default: int | None) -> int:
        """A whole number in bounds; `default` where the key is absent and a default is given."""
        value = self._value(key) if self.has(key) or default is None else default
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise self.error(key, f"must be a whole number from {least} to {most}")
        return value

    def flag(self, key: str) -> bool:
        """True or false; false where the key is absent."""
        value = self._value(key) if self.has(key) else False
        if not isinstance(value, bool):
            raise self.error(key, "must be true or false")
        return value

    def table(self, key: str) -> "Table":
        """The table under a key."""
        value = self._value(key)
        if not isinstance(value, dict):
            raise self.error(key, "must be a table")
        return Table(self._file, value, f"{self._prefix}{key}.")

    def refuse_unknown(self) -> None:
        """Call it when all was read."""
        for key in self._content:
            if key not in self._read:
                raise self.error(key, "is no key of this file")

    def _value(self, key: str) -> object:
        if key not in self._content:
            raise self.error(key, "is missing")
        self._read.add(key)
        return self._content[key]
