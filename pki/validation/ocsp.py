"""OCSP answers (RFC 6960 §4.2) as the validator reads them."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, unique

from pki import der, oids
from pki.der import DerError, Element
from pki.validation.certificate import Certificate, read_certificate
from pki.validation.entries import REASONS
from pki.validation.errors import MalformedCertificateError, MalformedOcspError
from pki.validation.reading import Extension, extensions, identifier, members, moment, signature_bytes

MAX_ANSWER_BYTES = 1 << 20
_MAX_CERTIFICATES = 16
_MAX_SINGLE_ANSWERS = 1024
_SUCCESSFUL = b"\x00"
_VERSION_1 = 0
_TAG_0, _TAG_1, _TAG_2 = 0xA0, 0xA1, 0xA2
_GOOD, _REVOKED, _UNKNOWN = 0x80, 0xA1, 0x82
_JUDGED = frozenset({oids.OCSP_NONCE})


class _ReportedError(DerError):
    """The responder reports an error instead of a status."""

    def __init__(self, status: int) -> None:
        super().__init__("the responder reports an error instead of a status")
        self.status = status


@unique
class CertStatus(Enum):
    """RFC 6960 §4.2.1."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class CertId:
    """RFC 6960 §4.1.1: the hashes are of the issuer's name and key."""

    hash_algorithm: str
    name_hash: bytes = field(repr=False)
    key_hash: bytes = field(repr=False)
    serial: int


@dataclass(frozen=True)
class SingleAnswer:
    """What is said of one certificate."""

    cert_id: CertId
    status: CertStatus
    revoked_at: datetime | None
    reason: str
    this_update: datetime
    next_update: datetime | None
    unknown_critical: str | None


@dataclass(frozen=True, eq=False)
class OcspAnswer:
    """A BasicOCSPResponse. Compared by identity."""

    tbs: bytes = field(repr=False)
    algorithm: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    responder_name: bytes | None = field(repr=False)
    """DER Name; None: named by its key."""
    responder_key: bytes | None
    """SHA-1 of the responder's key bits; None: named by its name."""
    produced_at: datetime
    answers: dict[int, tuple[SingleAnswer, ...]]
    """By serial."""
    nonce: bytes | None
    unknown_critical: str | None
    certificates: tuple[Certificate, ...] = field(repr=False)


def read_ocsp(raw: bytes) -> OcspAnswer:
    """Raises MalformedOcspError, for an answer that is an error message too."""
    try:
        return _read(raw)
    except _ReportedError as error:
        raise MalformedOcspError(str(error), error.status) from error
    except (DerError, MalformedCertificateError) as error:
        raise MalformedOcspError(str(error)) from error


def _read(raw: bytes) -> OcspAnswer:
    if len(raw) > MAX_ANSWER_BYTES:
        raise DerError("it is too long")
    status, *rest = _some(members(raw), 1)
    reported = der.parse(status.raw, der.ENUMERATED).content
    if reported != _SUCCESSFUL:
        raise _ReportedError(int.from_bytes(reported, "big"))
    if len(rest) != 1:
        raise DerError("it has more or fewer parts than it should")
    kind, content = _exactly(members(der.parse(rest[0].raw, _TAG_0).content), 2)
    if identifier(kind) != oids.OCSP_BASIC or content.tag != der.OCTET_STRING:
        raise DerError("it is not of the basic kind")
    data, algorithm, signature, *certificates = _some(members(content.content), 3)
    return _basic(data, algorithm, signature, _certificates(certificates))


def _basic(
    data: Element, algorithm: Element, signature: Element, certificates: tuple[Certificate, ...]
) -> OcspAnswer:
    """ResponseData: version [0], responderID, producedAt, responses, responseExtensions [1]."""
    parts = members(data.raw)
    version = parts.pop(0).content if parts and parts[0].tag == _TAG_0 else der.integer(_VERSION_1)
    if der.parse(version, der.INTEGER).integer() != _VERSION_1:
        raise DerError("it is of an unknown version")
    responder, produced, responses, *tail = _some(parts, 3)
    found = _extensions(tail, _TAG_1)
    name, key = _responder(responder)
    return OcspAnswer(
        tbs=data.raw,
        algorithm=algorithm.raw,
        signature=signature_bytes(signature.tag, signature.content),
        responder_name=name,
        responder_key=key,
        produced_at=moment(produced.tag, produced.content),
        answers=_by_serial(responses),
        nonce=_nonce(found),
        unknown_critical=_unknown_critical(found),
        certificates=certificates,
    )


def _some(elements: list[Element], least: int) -> list[Element]:
    if len(elements) < least:
        raise DerError("parts are missing")
    return elements


def _exactly(elements: list[Element], count: int) -> list[Element]:
    if len(elements) != count:
        raise DerError("it has more or fewer parts than it should")
    return elements


def _certificates(tail: list[Element]) -> tuple[Certificate, ...]:
    if not tail:
        return ()
    (wrapper,) = _exactly(tail, 1)
    found = members(der.parse(wrapper.raw, _TAG_0).content)
    if len(found) > _MAX_CERTIFICATES:
        raise DerError("it carries too many certificates")
    return tuple(read_certificate(item.raw, None) for item in found)


def _responder(element: Element) -> tuple[bytes | None, bytes | None]:
    """ResponderID ::= CHOICE { byName [1] Name, byKey [2] KeyHash }, explicit tags."""
    if element.tag == _TAG_1:
        return der.parse(element.content, der.SEQUENCE).raw, None
    if element.tag == _TAG_2:
        return None, der.parse(element.content, der.OCTET_STRING).content
    raise DerError("the responder is named neither by name nor by key")


def _by_serial(responses: Element) -> dict[int, tuple[SingleAnswer, ...]]:
    items = members(responses.raw)
    if len(items) > _MAX_SINGLE_ANSWERS:
        raise DerError("it answers for too many certificates")
    found: dict[int, tuple[SingleAnswer, ...]] = {}
    for item in items:
        single = _single(item)
        serial = single.cert_id.serial
        found[serial] = (*found.get(serial, ()), single)
    return found


def _single(element: Element) -> SingleAnswer:
    """SingleResponse: certID, certStatus, thisUpdate, nextUpdate [0], singleExtensions [1]."""
    cert_id, status, this_update, *tail = _some(members(element.raw), 3)
    next_update = None
    if tail and tail[0].tag == _TAG_0:
        time = _exactly(tail.pop(0).children(), 1)[0]
        next_update = moment(time.tag, time.content)
    kind, since, reason = _status(status)
    return SingleAnswer(
        _cert_id(cert_id),
        kind,
        since,
        reason,
        moment(this_update.tag, this_update.content),
        next_update,
        _unknown_critical(_extensions(tail, _TAG_1)),
    )


def _status(element: Element) -> tuple[CertStatus, datetime | None, str]:
    if element.tag == _GOOD and not element.content:
        return CertStatus.GOOD, None, REASONS[0]
    if element.tag == _UNKNOWN and not element.content:
        return CertStatus.UNKNOWN, None, REASONS[0]
    if element.tag != _REVOKED:
        raise DerError("a status is neither good, nor revoked, nor unknown")
    since, *tail = _some(element.children(), 1)
    return CertStatus.REVOKED, moment(since.tag, since.content), _reason(tail)


def _reason(tail: list[Element]) -> str:
    """revocationReason [0] EXPLICIT CRLReason OPTIONAL."""
    if not tail:
        return REASONS[0]
    (wrapper,) = _exactly(tail, 1)
    content = der.parse(der.parse(wrapper.raw, _TAG_0).content, der.ENUMERATED).content
    if len(content) != 1 or content[0] >= len(REASONS):
        raise DerError("a reason code is not among those that exist")
    return REASONS[content[0]]


def _cert_id(element: Element) -> CertId:
    algorithm, name_hash, key_hash, serial = _exactly(members(element.raw), 4)
    if {name_hash.tag, key_hash.tag} != {der.OCTET_STRING}:
        raise DerError("a CertID's hashes are OCTET STRINGs")
    oid = identifier(_some(members(algorithm.raw), 1)[0])
    return CertId(oid, name_hash.content, key_hash.content, serial.integer())


def _extensions(tail: list[Element], tag: int) -> dict[str, Extension]:
    if not tail:
        return {}
    (wrapper,) = _exactly(tail, 1)
    content = der.parse(wrapper.raw, tag).content
    return extensions(content, 0, len(content))


def _nonce(found: dict[str, Extension]) -> bytes | None:
    """Responders that echo the bare value (RFC 2560 didn't say that it is an OCTET STRING) are still met."""
    extension = found.get(oids.OCSP_NONCE)
    if extension is None:
        return None
    try:
        return der.parse(extension.value, der.OCTET_STRING).content
    except DerError:
        return extension.value


def _unknown_critical(found: dict[str, Extension]) -> str | None:
    return next((item.oid for item in found.values() if item.critical and item.oid not in _JUDGED), None)
