"""A certificate as the validator reads it: our own reader takes names and keys that others refuse."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple, TypeAlias, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pki import der
from pki.der import DerError
from pki.validation.errors import MalformedCertificateError
from pki.validation.names import comparable
from pki.validation.reading import Extension, extensions, moment, signature_bytes

T = TypeVar("T")
Source: TypeAlias = "x509.Certificate | Certificate | bytes"
"""What the validator takes for a certificate; bytes are DER."""

MAX_CERTIFICATE_BYTES = 262_144
"""Far above any card's (16 kB); a CA with thousands of name constraints is still read."""

_VERSION_3 = 2
_VERSIONS = {der.integer(version): version for version in range(3)}
_MAX_SERIAL_BYTES = 64
"""RFC 5280 §4.1.2.2 asks for 20; longer ones are met."""
_VERSION_TAG = 0xA0
_UNIQUE_IDENTIFIERS = frozenset({0x81, 0x82})
_EXTENSIONS_TAG = 0xA3
_SIGNED_TAGS = [der.SEQUENCE, der.SEQUENCE, der.BIT_STRING]
_TBS_TAGS = [der.INTEGER, *[der.SEQUENCE] * 5]


class Certificate(NamedTuple):
    """One certificate; equal when its bytes are. Names and extensions are read when they are asked for."""

    raw: bytes
    tbs: bytes
    version: int
    """0 is version 1, 2 is version 3."""
    serial: int
    algorithm: bytes
    """AlgorithmIdentifier of the signature, DER."""
    issuer: bytes
    """DER Name."""
    not_before: datetime
    not_after: datetime
    subject: bytes
    """DER Name."""
    spki: bytes
    """SubjectPublicKeyInfo, DER."""
    extensions: Mapping[str, Extension]
    signature: bytes

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Certificate) and self.raw == other.raw

    def __hash__(self) -> int:
        return hash(self.raw)

    def __repr__(self) -> str:
        return f"<certificate {self.serial:x}>"

    def extension(self, oid: str, read: Callable[[bytes], T]) -> T | None:
        """What `read` makes of an extension's value, or None. Raises DerError."""
        found = self.extensions.get(oid)
        return None if found is None else found.read(read)

    @property
    def self_issued(self) -> bool:
        """The same name as subject and as issuer (RFC 5280 §6.1). Raises DerError."""
        return self.issuer == self.subject or comparable(self.issuer) == comparable(self.subject)


def read_certificate(source: Source, depth: int | None = 0) -> Certificate:
    """Raises MalformedCertificateError at `depth`."""
    if isinstance(source, Certificate):
        return source
    raw = source if isinstance(source, bytes) else source.public_bytes(Encoding.DER)
    try:
        return _read(raw)
    except DerError as error:
        raise MalformedCertificateError(depth, f"can't be read: {error}") from error


def _read(raw: bytes) -> Certificate:
    if len(raw) > MAX_CERTIFICATE_BYTES:
        raise DerError("the certificate is too long")
    outer = der.spans(raw, 0, len(raw))
    parts = der.spans(raw, outer[0][2], outer[0][3]) if outer else []
    if len(outer) != 1 or outer[0][0] != der.SEQUENCE or [part[0] for part in parts] != _SIGNED_TAGS:
        raise DerError("not a SEQUENCE of the three parts of a certificate")
    tbs, algorithm, signature = parts
    version, body, tail = _split(raw, der.spans(raw, tbs[2], tbs[3]))
    serial, inner, issuer, validity, subject, spki = body
    identifier = raw[algorithm[1] : algorithm[3]]
    if raw[inner[1] : inner[3]] != identifier:
        raise DerError("the two signature algorithms differ (RFC 5280 §4.1.1.2)")
    not_before, not_after = _validity(raw, validity)
    return Certificate(
        raw,
        raw[tbs[1] : tbs[3]],
        version,
        _serial(raw[serial[2] : serial[3]]),
        identifier,
        raw[issuer[1] : issuer[3]],
        not_before,
        not_after,
        raw[subject[1] : subject[3]],
        raw[spki[1] : spki[3]],
        _extensions(raw, version, tail),
        signature_bytes(signature[0], raw[signature[2] : signature[3]]),
    )


def _split(raw: bytes, parts: list[der.Span]) -> tuple[int, list[der.Span], list[der.Span]]:
    """The version, the six parts that are always there, and what follows them."""
    version: int | None = 0
    if parts and parts[0][0] == _VERSION_TAG:
        version = _VERSIONS.get(raw[parts[0][2] : parts[0][3]])
        del parts[0]
    body = parts[:6]
    if version is None or [part[0] for part in body] != _TBS_TAGS:
        raise DerError("not the parts of a TBSCertificate")
    return version, body, parts[6:]


def _serial(content: bytes) -> int:
    if not 0 < len(content) <= _MAX_SERIAL_BYTES:
        raise DerError("the serial number is empty or too long")
    return int.from_bytes(content, "big", signed=True)


def _validity(raw: bytes, validity: der.Span) -> tuple[datetime, datetime]:
    times = der.spans(raw, validity[2], validity[3])
    if len(times) != 2:  # noqa: PLR2004 - Validity ::= SEQUENCE { notBefore, notAfter }
        raise DerError("the validity has a beginning and an end")
    (first, _, start, end), (second, _, begin, stop) = times
    return moment(first, raw[start:end]), moment(second, raw[begin:stop])


def _extensions(raw: bytes, version: int, tail: list[der.Span]) -> Mapping[str, Extension]:
    while tail and tail[0][0] in _UNIQUE_IDENTIFIERS:
        tail = tail[1:]
    if not tail:
        return {}
    if len(tail) > 1 or tail[0][0] != _EXTENSIONS_TAG or version != _VERSION_3:
        raise DerError("only a version 3 certificate has extensions, and nothing else follows them")
    return extensions(raw, tail[0][2], tail[0][3])
