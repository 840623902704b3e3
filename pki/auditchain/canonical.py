"""The one text of a value: what hashes are taken over must not depend on who writes it, or when."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring
from typing import TypeAlias, Union

Json: TypeAlias = Union[bool, int, str, Sequence["Json"], Mapping[str, "Json"], None]  # noqa: UP007
"""What `details` may hold. No floats: their text is not the same everywhere, and a hash needs one text."""


def canonical_json(value: Json) -> bytes:
    """The one UTF-8 text of `value`: keys sorted, no spaces. Raises TypeError for floats and bytes."""
    return canonical_text(value).encode()


def canonical_text(value: object) -> str:
    """`canonical_json` before its encoding; checks and writes in one pass."""
    kind = type(value)
    if kind is str:
        return quoted(value)  # type: ignore[arg-type]
    if kind is int:
        return int.__repr__(value)
    if kind is dict or isinstance(value, Mapping):
        return _mapping_text(value)  # type: ignore[arg-type]
    if isinstance(value, (list, tuple)):
        return "[" + ",".join([canonical_text(item) for item in value]) + "]"
    return _rare_text(value)


def _mapping_text(mapping: Mapping[str, object]) -> str:
    """Most values are texts, which take a short cut: each certificate's issue has a dozen of them."""
    members = [
        f"{quoted(key)}:{quoted(value) if type(value := mapping[key]) is str else canonical_text(value)}"
        for key in sorted(mapping)
    ]
    return "{" + ",".join(members) + "}"


def _rare_text(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):  # an enumeration's member, as the next
        return quoted(value)
    if isinstance(value, int):
        return int.__repr__(value)
    raise TypeError(f"audit details can't hold a {type(value).__name__}")


quoted = encode_basestring
"""JSON's text of a string: only what must be escaped is. Raises TypeError for anything else."""


@lru_cache(maxsize=16)  # the entries of a batch share one time
def canonical_time(time: datetime) -> str:
    """ISO 8601 in UTC, always with microseconds. Raises ValueError for a naive time."""
    if time.tzinfo is None:
        raise ValueError("an audit entry needs an aware time")
    return time.astimezone(UTC).isoformat(timespec="microseconds")
