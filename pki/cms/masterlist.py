"""The CSCA master list (ICAO Doc 9303-12 §9): country signing CAs' certificates, signed by a state."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509

from pki import der, oids
from pki.cms.errors import MalformedCmsError
from pki.cms.signeddata import MAX_CERTIFICATES, read_signed_data, sign_data, verify_signature
from pki.keys.signer import MessageSigner
from pki.profiles.tbs import MAX_CERTIFICATE_BYTES
from pki.validation import PathPolicy, validate

MAX_MASTER_LIST_BYTES = 4 * 2**20
_SET = 0x31
_VERSION_0 = der.integer(0)
_SIGNS_LISTS = PathPolicy(key_usage="digital_signature", key_purpose=oids.ICAO_MASTER_LIST_SIGNING)


@dataclass(frozen=True)
class MasterList:
    """A list whose signature and signer held."""

    certificates: tuple[bytes, ...] = field(repr=False)
    """DER, CSCAs and links of any state; nobody but the list's signer vouches for them."""
    signer: x509.Certificate


def build_master_list(
    certificates: Sequence[bytes],
    signer: MessageSigner,
    signer_certificate: bytes,
    csca: bytes,
    moment: datetime,
) -> bytes:
    """DER ContentInfo. `csca` issued the signer's certificate; both go along (§9.2). Raises ValueError."""
    if not 1 <= len(certificates) <= MAX_CERTIFICATES:
        raise ValueError(f"a master list has 1 to {MAX_CERTIFICATES} certificates")
    members = b"".join(sorted(set(certificates)))  # a SET in DER's order, X.690 §11.6
    content = der.sequence((_VERSION_0, der.encode(_SET, members)))
    return sign_data(oids.ICAO_CSCA_MASTER_LIST, content, signer, [signer_certificate, csca], moment)


def read_master_list(data: bytes, anchors: Sequence[x509.Certificate], at: datetime) -> MasterList:
    """Verifies a list whose signer must come from one of these CSCAs.

    Raises CmsError, or a ValidationError for the signer's path.
    """
    signed = read_signed_data(data, oids.ICAO_CSCA_MASTER_LIST, MAX_MASTER_LIST_BYTES)
    signer = verify_signature(signed)
    validate([signer], anchors, at, _SIGNS_LISTS)
    try:
        certificates = _members(signed.content)
    except der.DerError as error:
        raise MalformedCmsError(f"the master list: {error}") from error
    return MasterList(certificates, signer)


def _members(content: bytes) -> tuple[bytes, ...]:
    parts = der.parse(content, der.SEQUENCE).children()
    if [part.tag for part in parts] != [der.INTEGER, _SET] or parts[0].raw != _VERSION_0:
        raise MalformedCmsError("the master list is not of version 0")
    members = [item.raw for item in parts[1].children()]
    if not 1 <= len(members) <= MAX_CERTIFICATES or members != sorted(set(members)):
        raise MalformedCmsError("a master list has certificates in DER's order, each once")
    for member in members:
        _require_certificate(member)
    return tuple(members)


def _require_certificate(member: bytes) -> None:
    if len(member) > MAX_CERTIFICATE_BYTES:
        raise MalformedCmsError("a certificate is too long")
    try:
        x509.load_der_x509_certificate(member)
    except (ValueError, x509.InvalidVersion) as error:
        raise MalformedCmsError("a member is no certificate") from error
