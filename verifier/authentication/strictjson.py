"""JSON as strictly as RFC 8259 allows and as small as is needed, for text from strangers."""

import json
import re
from collections.abc import Sequence
from enum import Enum, unique
from typing import NoReturn

JsonValue = dict[str, "JsonValue"] | list["JsonValue"] | str | int | float | bool | None
"""What a JSON text can hold."""

_STRINGS = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
"""One that doesn't end is taken to the end of the text: if it failed there, it would be tried anew from each
quotation mark within it, which takes minutes for a body full of them. Nothing is given back, either.
"""


@unique
class JsonFault(Enum):
    """Why a text is refused."""

    TOO_DEEP = "nested too deeply"
    DUPLICATE_KEY = "a key occurs twice"
    NOT_JSON = "not a JSON text"
    NOT_UNICODE = "unpaired surrogates"


class StrictJsonError(Exception):
    """The text is refused; `fault` says why."""

    def __init__(self, fault: JsonFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


def loads(text: str, maximum_depth: int) -> JsonValue:
    """Decodes a JSON text whose length the caller has bounded.

    Refuses what json.loads lets through: repeated keys, NaN and Infinity, unpaired surrogates, deep nesting.
    """
    _bound_depth(text, maximum_depth)
    try:
        value: JsonValue = _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise StrictJsonError(JsonFault.NOT_JSON) from error
    if "\\u" in text or not text.isascii():
        _refuse_surrogates(value)
    return value


def _bound_depth(text: str, maximum: int) -> None:
    # Counted before parsing: the parser recurses once per level.
    if text.count("[") + text.count("{") <= maximum:
        return
    depth = 0
    for character in _STRINGS.sub("", text):
        if character in "[{":
            depth += 1
            if depth > maximum:
                raise StrictJsonError(JsonFault.TOO_DEEP)
        elif character in "]}":
            depth -= 1


def _object_without_duplicates(pairs: Sequence[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise StrictJsonError(JsonFault.DUPLICATE_KEY)
    return members


def _refuse_constant(_name: str) -> NoReturn:
    raise StrictJsonError(JsonFault.NOT_JSON)


_DECODER = json.JSONDecoder(object_pairs_hook=_object_without_duplicates, parse_constant=_refuse_constant)
"""Made once: to make one costs as much as to decode a challenge's body."""


def _refuse_surrogates(value: JsonValue) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise StrictJsonError(JsonFault.NOT_UNICODE) from error
