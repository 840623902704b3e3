"""OCSP requests (RFC 6960 §4.1), read strictly and with bounds; what must be echoed is kept as bytes."""

from dataclasses import dataclass

from pki import der, oids

MAX_REQUEST_BYTES = 4096
MAX_CERT_IDS = 16
MAX_NONCE_BYTES = 128  # RFC 9654 §2.1

_REQUESTOR_NAME = der.CONTEXT | der.CONSTRUCTED | 1
_VERSION = der.CONTEXT | der.CONSTRUCTED | 0
_REQUEST_EXTENSIONS = der.CONTEXT | der.CONSTRUCTED | 2
_SINGLE_EXTENSIONS = der.CONTEXT | der.CONSTRUCTED | 0
_SIGNATURE = der.CONTEXT | der.CONSTRUCTED | 0
_VERSION_1 = der.context(0, der.integer(0))
_NONCE = der.object_identifier(oids.OCSP_NONCE)
_NULL = der.encode(der.NULL, b"")
_TRUE = der.encode(der.BOOLEAN, b"\xff")
_PLAIN_PARTS = 2
_EXTENSION_SHAPES = (
    [der.OBJECT_IDENTIFIER, der.OCTET_STRING],
    [der.OBJECT_IDENTIFIER, der.BOOLEAN, der.OCTET_STRING],
)


class MalformedRequestError(ValueError):
    """The bytes are no OCSP request, or one beyond its bounds."""


@dataclass(frozen=True)
class CertId:
    """Which certificate is asked about (RFC 6960 §4.1.1)."""

    raw: bytes
    """The CertID as it came: the answer repeats it byte for byte."""
    issuer_part: bytes
    """hashAlgorithm, issuerNameHash and issuerKeyHash in DER: what all requests for one CA share."""
    serial: int


@dataclass(frozen=True)
class OcspRequest:
    """What is asked."""

    cert_ids: tuple[CertId, ...]
    nonce: bytes | None
    """The whole nonce extension in DER, echoed as it came."""


def parse_request(data: bytes) -> OcspRequest:
    """Reads an OCSPRequest. Raises MalformedRequestError.

    Its requestorName and signature are not looked at: everyone gets the same answer (§4.1.2).
    """
    if len(data) > MAX_REQUEST_BYTES:
        raise MalformedRequestError("the request is too long")
    try:
        return _parse(data)
    except der.DerError as error:
        raise MalformedRequestError("the request is not the DER of RFC 6960") from error


def _parse(data: bytes) -> OcspRequest:
    outer = der.parse(data, der.SEQUENCE).children()
    tags = [part.tag for part in outer]
    if tags not in ([der.SEQUENCE], [der.SEQUENCE, _SIGNATURE]):
        raise MalformedRequestError("expected tbsRequest and at most a signature")
    parts = outer[0].children()
    if parts and parts[0].tag == _VERSION and parts.pop(0).raw != _VERSION_1:
        raise MalformedRequestError("only version 1 is known")
    if parts and parts[0].tag == _REQUESTOR_NAME:
        parts.pop(0)
    if not parts or parts[0].tag != der.SEQUENCE:
        raise MalformedRequestError("no requestList")
    requests = parts.pop(0).children()
    extensions = parts.pop(0) if parts and parts[0].tag == _REQUEST_EXTENSIONS else None
    if parts or not 1 <= len(requests) <= MAX_CERT_IDS:
        raise MalformedRequestError(f"expected 1 to {MAX_CERT_IDS} certificates and nothing more")
    return OcspRequest(tuple(map(_cert_id, requests)), _nonce(extensions) if extensions else None)


def _cert_id(request: der.Element) -> CertId:
    if request.tag != der.SEQUENCE:
        raise MalformedRequestError("a Request is a SEQUENCE")
    parts = request.children()
    if [part.tag for part in parts] not in ([der.SEQUENCE], [der.SEQUENCE, _SINGLE_EXTENSIONS]):
        raise MalformedRequestError("a Request holds a CertID and at most extensions")
    fields = parts[0].children()
    shape = [field.tag for field in fields]
    if shape != [der.SEQUENCE, der.OCTET_STRING, der.OCTET_STRING, der.INTEGER]:
        raise MalformedRequestError("a CertID holds an algorithm, two hashes and a serial number")
    algorithm, name_hash, key_hash, serial = fields
    if len(parts) > 1:
        _extensions(parts[1])  # none changes the answer (§4.4.6), none may be critical
    _check_hash_algorithm(algorithm)
    return CertId(parts[0].raw, algorithm.raw + name_hash.raw + key_hash.raw, serial.integer())


def _check_hash_algorithm(identifier: der.Element) -> None:
    """An object identifier, with NULL parameters or none; both mean the same (RFC 5754 §2)."""
    oid, *parameters = identifier.children() or [identifier]
    if oid.tag != der.OBJECT_IDENTIFIER or [part.raw for part in parameters] not in ([], [_NULL]):
        raise MalformedRequestError("not a hash algorithm")


def _nonce(extensions: der.Element) -> bytes | None:
    """The nonce extension, if there is one."""
    found = None
    for oid, value, raw in _extensions(extensions):
        if oid == _NONCE:
            if found is not None:
                raise MalformedRequestError("two nonces")
            _check_nonce(value)
            found = raw
    return found


def _extensions(explicit: der.Element) -> list[tuple[bytes, bytes, bytes]]:
    """Object identifier, value and whole of each. One that is critical and not known here is refused.

    Others are let be (RFC 6960 §4.4). preferred-signature-algorithms (§4.4.7) among them: a responder
    has one key and one algorithm, which is what it falls back to when it shares none with the client.
    """
    found = []
    for extension in der.parse(explicit.content, der.SEQUENCE).children():
        parts = extension.children() if extension.tag == der.SEQUENCE else []
        shape = [part.tag for part in parts]
        if shape not in _EXTENSION_SHAPES:
            raise MalformedRequestError("not an extension")
        if len(parts) > _PLAIN_PARTS and parts[1].raw != _TRUE:
            raise MalformedRequestError("a critical flag that DER does not write")
        if len(parts) > _PLAIN_PARTS and parts[0].raw != _NONCE:
            raise MalformedRequestError("a critical extension that is not known here")
        found.append((parts[0].raw, parts[-1].content, extension.raw))
    return found


def _check_nonce(value: bytes) -> None:
    """RFC 9654 §2.1: an OCTET STRING of 1 to 128; any other length is refused."""
    nonce = der.parse(value, der.OCTET_STRING).content
    if not 1 <= len(nonce) <= MAX_NONCE_BYTES:
        raise MalformedRequestError(f"a nonce has 1 to {MAX_NONCE_BYTES} bytes")
