"""The Web eID authentication token, versions 1.0 and 1.1: text to value object (steps 1 and 2)."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from verifier.authentication import base64text, strictjson
from verifier.authentication.algorithms import SignatureAlgorithm
from verifier.authentication.errors import (
    AlgorithmUnsupportedError,
    ForeignFieldError,
    FormatUnsupportedError,
    ParseFault,
    TokenParseError,
)
from verifier.authentication.hints import FIELDS, NO_HINTS, Hints
from verifier.authentication.strictjson import JsonFault, JsonValue, StrictJsonError

MINIMUM_CHARACTERS = 100
MAXIMUM_CHARACTERS = 65_536
"""Of version 1.1, whose tokens hold whole certificate paths."""
MAXIMUM_CHARACTERS_1_0 = 10_000
_MAXIMUM_DEPTH = 8
_REQUIRED_FIELDS = ("unverifiedCertificate", "algorithm", "signature", "format")
_FORMAT_1_0 = re.compile(r"web-eid:1(\.0)?")
_FORMAT_1_1 = "web-eid:1.1"

_write_compactly = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

_FAULTS = {
    JsonFault.TOO_DEEP: ParseFault.TOO_DEEP,
    JsonFault.DUPLICATE_KEY: ParseFault.DUPLICATE_KEY,
    JsonFault.NOT_JSON: ParseFault.NOT_JSON,
    JsonFault.NOT_UNICODE: ParseFault.NOT_UNICODE,
}


@dataclass(frozen=True)
class WebEidToken:
    """What a card said, not yet believed. The certificate is still base64; the signature is bytes."""

    unverified_certificate: str = field(repr=False)
    algorithm: str
    signature: bytes = field(repr=False)
    format: str
    later_fields: tuple[str, ...] = ()
    """Members that only later formats have; version 1.0 must not carry them."""
    hints: Hints = NO_HINTS
    """What version 1.1 brings along."""

    @classmethod
    def parse(cls, text: str) -> "WebEidToken":
        """Reads a token of 100 to 10,000 (version 1.1: 65,536) characters; raises TokenParseError."""
        _bound_length(len(text))
        try:
            value = strictjson.loads(text, _MAXIMUM_DEPTH)
        except StrictJsonError as error:
            raise TokenParseError(_FAULTS[error.fault]) from error
        return cls._from_members(value, len(text))

    @classmethod
    def from_json_value(cls, value: JsonValue) -> "WebEidToken":
        """Takes a token that arrived inside another JSON text, already decoded strictly and bounded."""
        characters = len(_write_compactly(value))
        _bound_length(characters)
        return cls._from_members(value, characters)

    @classmethod
    def _from_members(cls, value: JsonValue, characters: int) -> "WebEidToken":
        if not isinstance(value, dict):
            raise TokenParseError(ParseFault.NOT_OBJECT)
        if characters > MAXIMUM_CHARACTERS_1_0 and value.get("format") != _FORMAT_1_1:
            raise TokenParseError(ParseFault.TOO_LONG)
        certificate, algorithm, signature, token_format = (_text(value, name) for name in _REQUIRED_FIELDS)
        try:
            signature_bytes = base64text.decode(signature)
        except base64text.Base64Error as error:
            raise TokenParseError(ParseFault.NOT_BASE64, "signature") from error
        if token_format == _FORMAT_1_1:
            return cls(certificate, algorithm, signature_bytes, token_format, hints=Hints.read(value))
        later = tuple(name for name in FIELDS if name in value)
        return cls(certificate, algorithm, signature_bytes, token_format, later)

    def accepted_algorithm(self) -> SignatureAlgorithm:
        """Step 2: format and algorithm are those of Web eID 1.0 or 1.1, spelt exactly."""
        if self.format != _FORMAT_1_1 and _FORMAT_1_0.fullmatch(self.format) is None:
            raise FormatUnsupportedError
        for name in self.later_fields:
            raise ForeignFieldError(name)
        try:
            return SignatureAlgorithm(self.algorithm)
        except ValueError as error:
            raise AlgorithmUnsupportedError from error


def _bound_length(characters: int) -> None:
    if characters < MINIMUM_CHARACTERS:
        raise TokenParseError(ParseFault.TOO_SHORT)
    if characters > MAXIMUM_CHARACTERS:
        raise TokenParseError(ParseFault.TOO_LONG)


def _text(members: Mapping[str, JsonValue], name: str) -> str:
    value = members.get(name)
    if value is None or value == "":
        raise TokenParseError(ParseFault.FIELD_MISSING, name)
    if not isinstance(value, str):
        raise TokenParseError(ParseFault.FIELD_TYPE, name)
    return value
