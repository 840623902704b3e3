"""SignedData with one signer (RFC 5652 §5), written and read in strict DER (ICAO Doc 9303-10, 9303-12).

One signer, by issuer and serial number; signed attributes are always there (§5.4), certificates too.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm

from pki import der, oids
from pki.cms.errors import (
    CmsAlgorithmError,
    CmsDigestError,
    CmsSignatureError,
    CmsSignerError,
    MalformedCmsError,
)
from pki.keys.algorithms import algorithm_for
from pki.keys.signer import MessageSigner, SignerPublicKey
from pki.profiles.tbs import read_tbs, tbs_of

MAX_CERTIFICATES = 1024
"""A world's CSCAs are some hundreds; an SOD carries one."""
_SET = 0x31
_VERSION_3 = 3
"""Of SignedData, because the content is not id-data (§5.1)."""
_SIGNER_VERSION = der.integer(1)  # the signer is named by issuer and serial number, §5.3
_CERTIFICATES = der.CONTEXT | der.CONSTRUCTED | 0
_CRLS = der.CONTEXT | der.CONSTRUCTED | 1
_SIGNED_ATTRIBUTES = der.CONTEXT | der.CONSTRUCTED | 0
_UNSIGNED_ATTRIBUTES = der.CONTEXT | der.CONSTRUCTED | 1
_MAX_UTC_YEAR = 2049

_DIGESTS: dict[str, HashAlgorithm] = {
    oids.SHA256: SHA256(),
    oids.SHA384: SHA384(),
    oids.SHA512: SHA512(),
}
_DIGEST_BY_NAME = {algorithm.name: oid for oid, algorithm in _DIGESTS.items()}
_SIGNATURES = {
    oids.ECDSA_WITH_SHA256: ("ec", "sha256"),
    oids.ECDSA_WITH_SHA384: ("ec", "sha384"),
    oids.ECDSA_WITH_SHA512: ("ec", "sha512"),
    oids.SHA256_WITH_RSA: ("rsa", "sha256"),
    oids.SHA384_WITH_RSA: ("rsa", "sha384"),
    oids.SHA512_WITH_RSA: ("rsa", "sha512"),
    oids.RSA_ENCRYPTION: ("rsa", ""),
}
_BY_OID = {der.object_identifier(oid): oid for oid in (*_DIGESTS, *_SIGNATURES)}


@dataclass(frozen=True)
class SignedData:
    """What was signed, by whom; `verify_signature` tells whether that is true."""

    content_type: str
    """Dotted."""
    content: bytes = field(repr=False)
    certificates: tuple[bytes, ...] = field(repr=False)
    """DER, as they came: nobody vouches for them."""
    signer: bytes = field(repr=False)
    """DER certificate of the one signer, found among `certificates`."""
    signed_attributes: bytes = field(repr=False)
    """DER SET OF Attribute, over which the signature is."""
    message_digest: bytes = field(repr=False)
    digest_algorithm: str
    signature_algorithm: str
    signature: bytes = field(repr=False)


def sign_data(
    content_type: str,
    content: bytes,
    signer: MessageSigner,
    certificates: Sequence[bytes],
    moment: datetime | None = None,
) -> bytes:
    """DER ContentInfo of SignedData.

    :param certificates: DER; the first is the signer's
    :param moment: the signing time to state; None: none is stated
    Raises ValueError if the first certificate is not of the signer's key.
    """
    algorithm = algorithm_for(signer.public_key)
    fields = read_tbs(tbs_of(certificates[0]))
    if x509.load_der_x509_certificate(certificates[0]).public_key() != signer.public_key:
        raise ValueError("the first certificate is not of the signer's key")
    digest = _algorithm(_DIGEST_BY_NAME[algorithm.hash.name])
    attributes = _attributes(content_type, hashlib.new(algorithm.hash.name, content).digest(), moment)
    signature = signer.sign(der.encode(_SET, attributes), algorithm.hash)
    signer_info = der.sequence(
        (
            _SIGNER_VERSION,
            der.sequence((fields.issuer, der.integer(fields.serial))),
            digest,
            der.context(0, attributes),
            algorithm.identifier,
            der.octet_string(signature),
        )
    )
    encapsulated = der.sequence(
        (der.object_identifier(content_type), der.context(0, der.octet_string(content)))
    )
    signed = der.sequence(
        (
            der.integer(_VERSION_3),
            der.encode(_SET, digest),
            encapsulated,
            der.context(0, b"".join(sorted(certificates))),  # a SET in DER's order, X.690 §11.6
            der.encode(_SET, signer_info),
        )
    )
    return der.sequence((der.object_identifier(oids.CMS_SIGNED_DATA), der.context(0, signed)))


def _algorithm(oid: str) -> bytes:
    """AlgorithmIdentifier of a digest, its parameters absent (RFC 5754 §2)."""
    return der.sequence((der.object_identifier(oid),))


def _attributes(content_type: str, digest: bytes, moment: datetime | None) -> bytes:
    parts = [
        _attribute(oids.CMS_CONTENT_TYPE, der.object_identifier(content_type)),
        _attribute(oids.CMS_MESSAGE_DIGEST, der.octet_string(digest)),
    ]
    if moment is not None:
        parts.append(_attribute(oids.CMS_SIGNING_TIME, der.time(moment)))
    return b"".join(sorted(parts))


def _attribute(oid: str, value: bytes) -> bytes:
    return der.sequence((der.object_identifier(oid), der.encode(_SET, value)))


def read_signed_data(data: bytes, content_type: str, limit: int) -> SignedData:
    """Reads DER ContentInfo of at most `limit` bytes. Nothing is verified yet.

    Raises MalformedCmsError, CmsAlgorithmError; CmsSignerError if the signer's certificate isn't in it.
    """
    if len(data) > limit:
        raise MalformedCmsError(f"more than {limit} bytes")
    try:
        return _read(data, content_type)
    except der.DerError as error:
        raise MalformedCmsError(str(error)) from error


def _read(data: bytes, content_type: str) -> SignedData:
    oid, wrapped = _children(der.parse(data, der.SEQUENCE), der.OBJECT_IDENTIFIER, _CERTIFICATES)
    if oid.raw != der.object_identifier(oids.CMS_SIGNED_DATA):
        raise MalformedCmsError("not signed data")
    parts = der.parse(wrapped.content, der.SEQUENCE).children()
    if [part.tag for part in parts if part.tag != _CRLS] != [
        *(der.INTEGER, _SET, der.SEQUENCE, _CERTIFICATES, _SET)
    ]:
        raise MalformedCmsError("expected version, digests, content, certificates and signers")
    version, digests, encapsulated, certificates = parts[:4]
    if version.raw != der.integer(_VERSION_3):
        raise MalformedCmsError("not version 3")
    content = _content(encapsulated, content_type)
    known = certificates.children()
    if not 1 <= len(known) <= MAX_CERTIFICATES or any(item.tag != der.SEQUENCE for item in known):
        raise MalformedCmsError(f"expected 1 to {MAX_CERTIFICATES} certificates")
    signers = parts[-1].children()
    if len(signers) != 1:
        raise MalformedCmsError("expected one signer")
    signed = _signed(content_type, content, tuple(item.raw for item in known), signers[0])
    if [_oid_of(item) for item in digests.children()] != [signed.digest_algorithm]:
        raise MalformedCmsError("the digest algorithms are not those of the one signer")
    return signed


def _content(encapsulated: der.Element, content_type: str) -> bytes:
    oid, wrapped = _children(encapsulated, der.OBJECT_IDENTIFIER, _CERTIFICATES)
    if oid.raw != der.object_identifier(content_type):
        raise MalformedCmsError("the content is of another type")
    return der.parse(wrapped.content, der.OCTET_STRING).content


def _signed(
    content_type: str, content: bytes, certificates: tuple[bytes, ...], signer: der.Element
) -> SignedData:
    parts = signer.children() if signer.tag == der.SEQUENCE else []
    if parts and parts[-1].tag == _UNSIGNED_ATTRIBUTES:
        parts.pop()
    shape = [der.INTEGER, der.SEQUENCE, der.SEQUENCE, _SIGNED_ATTRIBUTES, der.SEQUENCE, der.OCTET_STRING]
    if [part.tag for part in parts] != shape or parts[0].raw != _SIGNER_VERSION:
        raise MalformedCmsError("expected a signer named by issuer and serial number, with signed attributes")
    _version, identifier, digest, attributes, algorithm, signature = parts
    return SignedData(
        content_type=content_type,
        content=content,
        certificates=certificates,
        signer=_find_signer(identifier, certificates),
        signed_attributes=der.encode(_SET, attributes.content),
        message_digest=_message_digest(attributes, content_type),
        digest_algorithm=_oid_of(digest),
        signature_algorithm=_oid_of(algorithm),
        signature=signature.content,
    )


def _find_signer(identifier: der.Element, certificates: Sequence[bytes]) -> bytes:
    issuer, serial = _children(identifier, der.SEQUENCE, der.INTEGER)
    for certificate in certificates:
        fields = read_tbs(tbs_of(certificate))
        if (fields.issuer, fields.serial) == (issuer.raw, serial.integer()):
            return certificate
    raise CmsSignerError("the signer's certificate is not in it")


def _message_digest(attributes: der.Element, content_type: str) -> bytes:
    """messageDigest; contentType must be there and agree (§11.1, §11.2). Others are let be."""
    values: dict[bytes, der.Element] = {}
    for attribute in attributes.children():
        oid, content = _children(attribute, der.OBJECT_IDENTIFIER, _SET)
        if oid.raw in values:
            raise MalformedCmsError("an attribute stands twice")
        values[oid.raw] = content
    typed = values.get(der.object_identifier(oids.CMS_CONTENT_TYPE))
    digest = values.get(der.object_identifier(oids.CMS_MESSAGE_DIGEST))
    if typed is None or digest is None:
        raise MalformedCmsError("content type and message digest are not both signed")
    if typed.content != der.object_identifier(content_type):
        raise MalformedCmsError("another content type was signed")
    return der.parse(digest.content, der.OCTET_STRING).content


def _oid_of(algorithm: der.Element) -> str:
    parts = algorithm.children() if algorithm.tag == der.SEQUENCE else []
    known = _BY_OID.get(parts[0].raw) if parts else None
    if known is None or [part.raw for part in parts[1:]] not in ([], [der.encode(der.NULL, b"")]):
        raise CmsAlgorithmError(_dotted(parts[0]) if parts else "none")
    return known


def _dotted(oid: der.Element) -> str:
    return f"with the encoding {oid.raw[:40].hex()}"


def _children(element: der.Element, *tags: int) -> list[der.Element]:
    children = element.children() if element.tag & der.CONSTRUCTED else []
    if [child.tag for child in children] != list(tags):
        raise MalformedCmsError("a structure has other parts than it should")
    return children


def verify_signature(signed: SignedData) -> x509.Certificate:
    """Content, digest and signature belong together; returns the signer's certificate, itself unchecked.

    Raises CmsDigestError, CmsSignatureError, CmsAlgorithmError, CmsSignerError.
    """
    digest = _DIGESTS.get(signed.digest_algorithm)
    if digest is None:
        raise CmsAlgorithmError(signed.digest_algorithm)
    if hashlib.new(digest.name, signed.content).digest() != signed.message_digest:
        raise CmsDigestError("the content is not the one that was signed")
    certificate, key = _signer_key(signed.signer)
    _verify(signed, key, digest)
    return certificate


def _signer_key(encoded: bytes) -> tuple[x509.Certificate, SignerPublicKey]:
    try:
        certificate = x509.load_der_x509_certificate(encoded)
        key = certificate.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise CmsSignerError("the signer's certificate can't be read") from error
    if not isinstance(key, SignerPublicKey):
        raise CmsSignerError("the signer's key is neither EC nor RSA")
    return certificate, key


def _verify(signed: SignedData, key: SignerPublicKey, digest: HashAlgorithm) -> None:
    kind, named = _SIGNATURES.get(signed.signature_algorithm, ("", ""))
    if named not in {"", digest.name} or kind != ("rsa" if isinstance(key, rsa.RSAPublicKey) else "ec"):
        raise CmsAlgorithmError(signed.signature_algorithm)
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signed.signature, signed.signed_attributes, padding.PKCS1v15(), digest)
        else:
            key.verify(signed.signature, signed.signed_attributes, ec.ECDSA(digest))
    except InvalidSignature as error:
        raise CmsSignatureError("the signature is not by the signer's key") from error
