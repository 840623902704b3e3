"""The Web eID 1.0 authentication token: text to value object (steps 1 and 2)."""

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
from verifier.authentication.strictjson import JsonFault, JsonValue, StrictJsonError

MINIMUM_CHARACTERS = 100
MAXIMUM_CHARACTERS = 10_000
_MAXIMUM_DEPTH = 8
_REQUIRED_FIELDS = ("unverifiedCertificate", "algorithm", "signature", "format")
_FIELDS_OF_LATER_FORMATS = ("unverifiedSigningCertificates", "unverifiedIntermediateCertificates")
_ACCEPTED_FORMAT = re.compile(r"web-eid:1(\.0)?")

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

    @classmethod
    def parse(cls, text: str) -> "WebEidToken":
        """Reads a token of 100 to 10,000 characters; raises TokenParseError."""
        _bound_length(len(text))
        try:
            value = strictjson.loads(text, _MAXIMUM_DEPTH)
        except StrictJsonError as error:
            raise TokenParseError(_FAULTS[error.fault]) from error
        return cls._from_members(value)

    @classmethod
    def from_json_value(cls, value: JsonValue) -> "WebEidToken":
        """Takes a token that arrived inside another JSON text, already decoded strictly and bounded."""
        _bound_length(len(json.dumps(value, ensure_ascii=False, separators=(",", ":"))))
        return cls._from_members(value)

    @classmethod
    def _from_members(cls, value: JsonValue) -> "WebEidToken":
        if not isinstance(value, dict):
            raise TokenParseError(ParseFault.NOT_OBJECT)
        certificate, algorithm, signature, token_format = (_text(value, name) for name in _REQUIRED_FIELDS)
        try:
            signature_bytes = base64text.decode(signature)
        except base64text.Base64Error as error:
            raise TokenParseError(ParseFault.NOT_BASE64, "signature") from error
        later = tuple(name for name in _FIELDS_OF_LATER_FORMATS if name in value)
        return cls(certificate, algorithm, signature_bytes, token_format, later)

    def accepted_algorithm(self) -> SignatureAlgorithm:
        """Step 2: format and algorithm are those of Web eID 1.0, spelt exactly."""
        if _ACCEPTED_FORMAT.fullmatch(self.format) is None:
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
