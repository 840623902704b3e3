"""A CRL as the validator reads it: one pass over its bytes, then each serial is found at once.

Entries stay as bytes; the index holds where each begins. A parsed CRL can be used for any number of
validations, and remembers by which keys its signature was verified.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, TypeVar

from pki import der, oids
from pki.der import DerError
from pki.validation import decoders
from pki.validation.decoders import IssuingDistributionPoint
from pki.validation.entries import CrlEntry, Index, index_entries, read_entry
from pki.validation.errors import MalformedCrlError
from pki.validation.names import ComparableName, comparable
from pki.validation.reading import Extension, extensions, moment, signature_bytes

T = TypeVar("T")

MAX_CRL_BYTES = 256 << 20
"""More than five million entries."""

_VERSION_2 = 1
_EXTENSIONS_TAG = 0xA0
_MAX_REMEMBERED_KEYS = 16
_TIMES = frozenset({der.UTC_TIME, der.GENERALIZED_TIME})
_SIGNED_TAGS = [der.SEQUENCE, der.SEQUENCE, der.BIT_STRING]
_JUDGED = frozenset(
    {
        oids.AUTHORITY_KEY_IDENTIFIER,
        oids.CRL_NUMBER,
        oids.DELTA_CRL_INDICATOR,
        oids.FRESHEST_CRL,
        oids.ISSUING_DISTRIBUTION_POINT,
    }
)


@dataclass(frozen=True, eq=False, slots=True)
class Crl:
    """A CertificateList (RFC 5280 §5.1). Compared by identity."""

    raw: bytes = field(repr=False)
    tbs: bytes = field(repr=False)
    algorithm: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    issuer: bytes = field(repr=False)
    """DER Name."""
    name: ComparableName = field(repr=False)
    this_update: datetime
    next_update: datetime | None
    number: int | None
    number_critical: bool
    base: int | None
    """BaseCRLNumber; None: a complete CRL."""
    point: IssuingDistributionPoint | None = field(repr=False)
    authority_key: bytes | None = field(repr=False)
    unknown_critical: str | None
    """A critical extension, its own or an entry's, for which it can't be used (§5.2, §5.3)."""
    index: Index = field(repr=False)
    verified_by: set[tuple[bytes, bool]] = field(repr=False, default_factory=set)
    """SubjectPublicKeyInfos with which its signature was found right, and whether SHA-1 counted then."""

    @property
    def entries(self) -> int:
        """How many certificates it lists."""
        return sum(len(serials) for serials in self.index.values())

    def remember(self, spki: bytes, *, sha1: bool) -> None:
        """Notes that this key verifies it, under a policy that admits SHA-1 or not."""
        if len(self.verified_by) < _MAX_REMEMBERED_KEYS:
            self.verified_by.add((spki, sha1))

    def find(self, issuer: bytes, serial: int) -> CrlEntry | None:
        """The entry for a certificate by its issuer (DER Name) and serial. Raises MalformedCrlError."""
        offset = self.index.get(comparable(issuer), {}).get(serial)
        try:
            return None if offset is None else read_entry(self.raw, offset)
        except DerError as error:
            raise MalformedCrlError(str(error)) from error


class _Fields(NamedTuple):
    """The parts of a TBSCertList."""

    algorithm: bytes
    issuer: bytes
    this_update: datetime
    next_update: datetime | None
    entries: der.Span | None
    extensions: Mapping[str, Extension]

    def read(self, oid: str, reader: Callable[[bytes], T]) -> T | None:
        found = self.extensions.get(oid)
        return None if found is None else reader(found.value)


def read_crl(raw: bytes) -> Crl:
    """Raises MalformedCrlError."""
    try:
        return _read(raw)
    except DerError as error:
        raise MalformedCrlError(str(error)) from error


def _read(raw: bytes) -> Crl:
    if len(raw) > MAX_CRL_BYTES:
        raise DerError("it is too long")
    tag, start, end = der.header(raw, 0)
    parts = der.spans(raw, start, end)
    if tag != der.SEQUENCE or end != len(raw) or [part[0] for part in parts] != _SIGNED_TAGS:
        raise DerError("it is not a SEQUENCE of the three parts of a CRL")
    tbs, algorithm, signature = parts
    fields = _fields(raw, der.spans(raw, tbs[2], tbs[3]))
    if fields.algorithm != raw[algorithm[1] : algorithm[3]]:
        raise DerError("the two signature algorithms differ (RFC 5280 §5.1.1.2)")
    point = fields.read(oids.ISSUING_DISTRIBUTION_POINT, decoders.issuing_distribution_point)
    name = comparable(fields.issuer)
    index, unknown = index_entries(raw, fields.entries, name, indirect=point is not None and point.indirect)
    number = fields.extensions.get(oids.CRL_NUMBER)
    return Crl(
        raw=raw,
        tbs=raw[tbs[1] : tbs[3]],
        algorithm=fields.algorithm,
        signature=signature_bytes(signature[0], raw[signature[2] : signature[3]]),
        issuer=fields.issuer,
        name=name,
        this_update=fields.this_update,
        next_update=fields.next_update,
        number=fields.read(oids.CRL_NUMBER, _number),
        number_critical=number is not None and number.critical,
        base=fields.read(oids.DELTA_CRL_INDICATOR, _number),
        point=point,
        authority_key=fields.read(oids.AUTHORITY_KEY_IDENTIFIER, decoders.authority_key_identifier),
        unknown_critical=_unknown_critical(fields.extensions) or unknown,
        index=index,
    )


def _fields(raw: bytes, parts: list[der.Span]) -> _Fields:
    """TBSCertList: version, signature, issuer, thisUpdate, nextUpdate, revokedCertificates, crlExtensions."""
    version = 0
    if parts and parts[0][0] == der.INTEGER:
        version = der.parse(raw[parts[0][1] : parts[0][3]], der.INTEGER).integer()
        parts = parts[1:]
    tags = [part[0] for part in parts[:3]]
    if version not in {0, _VERSION_2} or tags[:2] != [der.SEQUENCE] * 2 or not _TIMES.issuperset(tags[2:]):
        raise DerError("not the parts of a TBSCertList")
    algorithm, issuer, this_update, *rest = parts
    next_update = rest.pop(0) if rest and rest[0][0] in _TIMES else None
    entries = rest.pop(0) if rest and rest[0][0] == der.SEQUENCE else None
    found: Mapping[str, Extension] = {}
    if rest and rest[0][0] == _EXTENSIONS_TAG and version == _VERSION_2:
        _, _, start, end = rest.pop(0)
        found = extensions(raw, start, end)
    if rest:
        raise DerError("something follows the parts of a TBSCertList")
    return _Fields(
        raw[algorithm[1] : algorithm[3]],
        raw[issuer[1] : issuer[3]],
        _moment(raw, this_update),
        None if next_update is None else _moment(raw, next_update),
        entries,
        found,
    )


def _moment(raw: bytes, span: der.Span) -> datetime:
    return moment(span[0], raw[span[2] : span[3]])


def _number(value: bytes) -> int:
    return der.parse(value, der.INTEGER).integer()


def _unknown_critical(found: Mapping[str, Extension]) -> str | None:
    return next((item.oid for item in found.values() if item.critical and item.oid not in _JUDGED), None)
