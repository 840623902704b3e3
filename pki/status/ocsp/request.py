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


class MalformedRequestError(ValueError):
    """The bytes are no OCSP request, or one beyond its bounds."""


@dataclass(frozen=True)
class CertId:
    """Which certificate is asked about (RFC 6960 §4.1.1)."""

    raw: bytes
    """The CertID as it came: the answer repeats it byte for byte."""
    hash_algorithm: bytes
    """DER object identifier; absent and NULL parameters mean the same (RFC 5754 §2)."""
    issuer_name_hash: bytes
    issuer_key_hash: bytes
    serial: int


@dataclass(frozen=True)
class OcspRequest:
    """What is asked."""

    cert_ids: tuple[CertId, ...]
    nonce: bytes | None
    """The whole nonce extension in DER, echoed as it came."""


def parse_request(data: bytes) -> OcspRequest:
    """Reads an OCSPRequest; a signature on it is not looked at. Raises MalformedRequestError."""
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
    return CertId(
        parts[0].raw, _hash_algorithm(algorithm), name_hash.content, key_hash.content, serial.integer()
    )


def _hash_algorithm(identifier: der.Element) -> bytes:
    oid, *parameters = identifier.children() or [identifier]
    if oid.tag != der.OBJECT_IDENTIFIER or [part.raw for part in parameters] not in ([], [_NULL]):
        raise MalformedRequestError("not a hash algorithm")
    return oid.raw


def _nonce(extensions: der.Element) -> bytes | None:
    """The nonce extension, if there is one; other extensions are let be (RFC 6960 §4.4)."""
    found = None
    for extension in der.parse(extensions.content, der.SEQUENCE).children():
        parts = extension.children() if extension.tag == der.SEQUENCE else []
        if parts and parts[0].raw == _NONCE:
            if found is not None:
                raise MalformedRequestError("two nonces")
            _check_nonce(parts[-1])
            found = extension.raw
    return found


def _check_nonce(value: der.Element) -> None:
    if value.tag != der.OCTET_STRING:
        raise MalformedRequestError("an extension without a value")
    nonce = der.parse(value.content, der.OCTET_STRING).content
    if not 1 <= len(nonce) <= MAX_NONCE_BYTES:
        raise MalformedRequestError(f"a nonce has 1 to {MAX_NONCE_BYTES} bytes")
