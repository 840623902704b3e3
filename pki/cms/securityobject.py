"""The document security object, EF.SOD (ICAO Doc 9303-10 §4.6.2): signed hashes of data groups."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from pki import der, oids
from pki.cms.errors import CmsAlgorithmError, CmsSignerError, DataGroupError, MalformedCmsError
from pki.cms.signeddata import read_signed_data, sign_data, verify_signature
from pki.keys.algorithms import algorithm_for
from pki.keys.signer import MessageSigner
from pki.validation import PathPolicy, validate

EF_SOD = 0x77  # application class, constructed, 23
MAX_SOD_BYTES = 32_768
MIN_GROUPS, MAX_GROUPS = 2, 16  # DataGroupHash sequence and DataGroupNumber, §4.6.2.3
LDS_VERSION, UNICODE_VERSION = "0108", "040000"
_PRINTABLE_STRING = 0x13
_V0, _V1 = der.integer(0), der.integer(1)
_HASHES = {oids.SHA256: "sha256", oids.SHA384: "sha384", oids.SHA512: "sha512"}
_BY_NAME = {name: oid for oid, name in _HASHES.items()}
_SIGNS_DOCUMENTS = PathPolicy(key_usage="digital_signature")


@dataclass(frozen=True)
class SecurityObject:
    """LDSSecurityObject: what the state signed of a document."""

    hash_name: str
    """As hashlib names it."""
    hashes: Mapping[int, bytes]
    """Data group number → the hash of its whole file."""
    lds_version: str | None
    """`0108`: LDS 1.8; None in a version 0 object."""


@dataclass(frozen=True)
class AuthenticDocument:
    """What passive authentication found."""

    security_object: SecurityObject
    signer: x509.Certificate
    """The document signer; ask for its status by serial."""


def hash_groups(groups: Mapping[int, bytes], hash_name: str = "sha256") -> dict[int, bytes]:
    """The hashes of data groups, each given as its whole file with tag and length."""
    return {number: hashlib.new(hash_name, content).digest() for number, content in groups.items()}


def encode_security_object(
    hashes: Mapping[int, bytes], hash_name: str = "sha256", lds_version: str | None = LDS_VERSION
) -> bytes:
    """DER LDSSecurityObject, version 1 with an LDS version and 0 without. Raises ValueError."""
    _require_groups(hashes, hash_name)
    algorithm = der.sequence((der.object_identifier(_BY_NAME[hash_name]),))
    groups = der.sequence(
        der.sequence((der.integer(number), der.octet_string(hashes[number]))) for number in sorted(hashes)
    )
    if lds_version is None:
        return der.sequence((_V0, algorithm, groups))
    versions = (
        der.encode(_PRINTABLE_STRING, text.encode("ascii")) for text in (lds_version, UNICODE_VERSION)
    )
    return der.sequence((_V1, algorithm, groups, der.sequence(versions)))


def build_sod(
    hashes: Mapping[int, bytes],
    signer: MessageSigner,
    certificate: bytes,
    hash_name: str | None = None,
    moment: datetime | None = None,
) -> bytes:
    """The content of EF.SOD. `certificate` is the document signer's, DER. Raises ValueError.

    By default data groups are hashed as the document signer hashes (9303-12 §4.4 wants them as strong).
    """
    name = hash_name or algorithm_for(signer.public_key).hash.name
    content = encode_security_object(hashes, name)
    signed = sign_data(oids.ICAO_LDS_SECURITY_OBJECT, content, signer, [certificate], moment)
    return der.encode(EF_SOD, signed)


def authenticate(
    sod: bytes,
    groups: Mapping[int, bytes],
    anchors: Sequence[x509.Certificate],
    at: datetime,
) -> AuthenticDocument:
    """Passive authentication (9303-11 §5.1): signature, the signer's path to a CSCA, then every group read.

    :param groups: number → the whole file as it was read; those that were not read are not asked for
    Raises CmsError, DataGroupError, or a ValidationError for the path.
    """
    if len(sod) > MAX_SOD_BYTES:
        raise MalformedCmsError(f"more than {MAX_SOD_BYTES} bytes")
    try:
        inner = der.parse(sod, EF_SOD).content
    except der.DerError as error:
        raise MalformedCmsError("not the content of an EF.SOD") from error
    signed = read_signed_data(inner, oids.ICAO_LDS_SECURITY_OBJECT, MAX_SOD_BYTES)
    signer = verify_signature(signed)
    _require_document_signer(signer)
    validate([signer], anchors, at, _SIGNS_DOCUMENTS)
    found = read_security_object(signed.content)
    for number, content in groups.items():
        check_group(found, number, content)
    return AuthenticDocument(found, signer)


def check_group(found: SecurityObject, number: int, content: bytes) -> None:
    """Raises DataGroupError unless this file is the one whose hash was signed."""
    signed = found.hashes.get(number)
    if signed is None:
        raise DataGroupError(number, "is not in the security object")
    if not hmac.compare_digest(hashlib.new(found.hash_name, content).digest(), signed):
        raise DataGroupError(number, "is not the one that was signed")


def read_security_object(content: bytes) -> SecurityObject:
    """Raises MalformedCmsError, CmsAlgorithmError."""
    try:
        return _read(content)
    except der.DerError as error:
        raise MalformedCmsError(f"the security object: {error}") from error


def _read(content: bytes) -> SecurityObject:
    parts = der.parse(content, der.SEQUENCE).children()
    expected = [der.INTEGER, der.SEQUENCE, der.SEQUENCE, der.SEQUENCE]
    version = parts[0].raw if parts else b""
    if version not in {_V0, _V1} or [part.tag for part in parts] != expected[: 3 if version == _V0 else 4]:
        raise MalformedCmsError("the security object has other parts than its version")
    name = _hash_name(parts[1])
    hashes = dict(_group(item, hashlib.new(name).digest_size) for item in parts[2].children())
    if len(hashes) != len(parts[2].children()) or not MIN_GROUPS <= len(hashes) <= MAX_GROUPS:
        raise MalformedCmsError(f"expected {MIN_GROUPS} to {MAX_GROUPS} data groups, each once")
    return SecurityObject(name, hashes, _lds_version(parts[3]) if version == _V1 else None)


def _hash_name(algorithm: der.Element) -> str:
    parts = algorithm.children()
    for oid, name in _HASHES.items():
        if parts and parts[0].raw == der.object_identifier(oid):
            return name
    raise CmsAlgorithmError("of the data groups' hash")


def _group(item: der.Element, digest_size: int) -> tuple[int, bytes]:
    parts = item.children() if item.tag == der.SEQUENCE else []
    if [part.tag for part in parts] != [der.INTEGER, der.OCTET_STRING]:
        raise MalformedCmsError("a data group's hash has a number and a value")
    number, value = parts[0].integer(), parts[1].content
    if not 1 <= number <= MAX_GROUPS or len(value) != digest_size:
        raise MalformedCmsError("a data group's number or hash is of no size that there is")
    return number, value


def _lds_version(info: der.Element) -> str:
    parts = info.children()
    if [part.tag for part in parts] != [_PRINTABLE_STRING, _PRINTABLE_STRING]:
        raise MalformedCmsError("version information is of two texts")
    return parts[0].content.decode("ascii", "replace")


def _require_groups(hashes: Mapping[int, bytes], hash_name: str) -> None:
    if hash_name not in _BY_NAME:
        raise ValueError("data groups are hashed with SHA-256, SHA-384 or SHA-512")
    size = hashlib.new(hash_name).digest_size
    sound = all(1 <= number <= MAX_GROUPS and len(value) == size for number, value in hashes.items())
    if not sound or not MIN_GROUPS <= len(hashes) <= MAX_GROUPS:
        raise ValueError(f"expected {MIN_GROUPS} to {MAX_GROUPS} data groups and their {hash_name} hashes")


def _require_document_signer(certificate: x509.Certificate) -> None:
    """A master list signer, or a CA, signs no documents: 9303-12 §7.1 gives a document signer no purpose."""
    try:
        extensions = certificate.extensions
    except ValueError as error:
        raise CmsSignerError("the signer's certificate can't be read") from error
    for kind in (x509.ExtendedKeyUsage, x509.BasicConstraints):
        try:
            found = extensions.get_extension_for_class(kind).value
        except x509.ExtensionNotFound:
            continue
        if not isinstance(found, x509.BasicConstraints) or found.ca:
            raise CmsSignerError("the signer's certificate is not a document signer's")
