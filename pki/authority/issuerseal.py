"""The seal on a CA's row, and what else must hold before the CA is trusted, published or signs.

Who writes to the database alone plants no root and gives no CA another name: each row of `issuers` bears an
HMAC-SHA-256 (RFC 2104) under a key that only the key store derives, and its certificate must lead, by
signatures, to a root of the table.
"""

import hmac
import struct
from collections.abc import Iterable

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pki.authority.seal import SEALING_MASTER_KEY
from pki.errors import IssuerAlteredError, IssuerNameError
from pki.hierarchy import MAX_SHARDS, Role, issuer_name
from pki.keys.masterkeys import MasterKeys
from pki.store.models import Issuer

_SEAL_BYTES = 32
_LABEL = b"hoviat issuer seal"
"""Of its own (SP 800-108r1 §4, Label): intents and keys of cards have other labels."""
_CONTEXT = b"pki.authority.issuerseal 1"
"""What is sealed, and the version of its encoding."""
_LENGTHS = struct.Struct(">5I")
_NUMBERS = struct.Struct(">HH???")
_STANDING_ALONE = (Role.ROOT.value, Role.CSCA.value)


class IssuerSeal:
    """Seals CAs' rows and checks seals. Its key is in this process's memory and in no table."""

    def __init__(self, key: bytes) -> None:
        if len(key) != _SEAL_BYTES:
            raise ValueError(f"a seal's key has {_SEAL_BYTES} bytes")
        self._key = key

    @classmethod
    def of(cls, master_keys: MasterKeys) -> "IssuerSeal":
        """The installation's seal. Raises TokenError where the key's token fails."""
        return cls(master_keys[SEALING_MASTER_KEY].derive(_LABEL, _CONTEXT, _SEAL_BYTES))

    def __repr__(self) -> str:
        return "IssuerSeal(…)"

    def seal(self, row: Issuer) -> bytes:
        """The seal of the row as it stands; an earlier seal and the status version play no part."""
        return hmac.digest(self._key, _sealed(row), "sha256")

    def verify(self, row: Issuer) -> None:
        """Raises IssuerAlteredError for a row that this installation did not write just so."""
        try:
            expected = self.seal(row)
        except (ValueError, OverflowError, AttributeError, TypeError, struct.error):  # no row of ours
            raise IssuerAlteredError(row.name, "its row is not of this version") from None
        if row.seal is None:
            raise IssuerAlteredError(
                row.name, "its row bears no seal: another, or an unreleased version, wrote it"
            )
        if not hmac.compare_digest(expected, row.seal):
            raise IssuerAlteredError(row.name, "its row was changed, or written, by somebody else")


def _sealed(row: Issuer) -> bytes:
    """Lengths first, then contents: no two rows give the same bytes."""
    parts = (row.name.encode(), row.role.encode(), row.subject, row.key.encode(), row.certificate or b"")
    numbers = _NUMBERS.pack(row.generation, row.shards, row.online, row.retired, row.certificate is not None)
    return b"".join((_LENGTHS.pack(*map(len, parts)), numbers, *parts))


def sound_rows(
    rows: Iterable[Issuer], seal: IssuerSeal | None
) -> tuple[list[Issuer], dict[str, IssuerAlteredError]]:
    """The certified rows that hold, and why each other one does not, by name.

    :param seal: None where no key is opened; then rows are held against one another only, and what comes of
        it is to be shown, neither trusted nor published
    """
    refused: dict[str, IssuerAlteredError] = {}
    read: list[tuple[Issuer, x509.Certificate]] = []
    for row in rows:
        try:
            if seal is not None:
                seal.verify(row)
            read.append((row, _certificate_of(row)))
        except IssuerAlteredError as error:
            refused[row.name] = error
    roots = [item for row, item in read if row.role == Role.ROOT.value and _signed(item, [item])]
    sound = []
    for row, certificate in read:
        if _signed(certificate, [certificate] if row.role in _STANDING_ALONE else roots):
            sound.append(row)
        else:
            detail = "its certificate is signed by no root of this installation"
            refused[row.name] = IssuerAlteredError(row.name, detail)
    return sound, refused


def require_certificate(der: bytes, name: str, subject: bytes, spki: bytes, above: Iterable[bytes]) -> None:
    """That it is for this name and this key, and signed by one of those above.

    :param name: the CA's, for the error
    :param subject: DER Name
    :param spki: DER SubjectPublicKeyInfo
    :param above: certificates in DER
    Raises IssuerAlteredError.
    """
    certificate = _parsed(name, der)
    if certificate.subject.public_bytes() != subject or _spki(certificate) != spki:
        raise IssuerAlteredError(name, "its certificate is for another name or another key")
    if not _signed(certificate, [_parsed(name, item) for item in above]):
        raise IssuerAlteredError(name, "its certificate is not signed by the CA above it")


def _certificate_of(row: Issuer) -> x509.Certificate:
    """That of a row whose columns agree with it and with one another. Raises IssuerAlteredError."""
    try:
        named = issuer_name(Role(row.role), row.generation) == row.name
    except (ValueError, TypeError, IssuerNameError):
        named = False
    if not named or not 1 <= row.shards <= MAX_SHARDS:
        raise IssuerAlteredError(row.name, "its row contradicts itself")
    certificate = _parsed(row.name, row.certificate or b"")
    if certificate.subject.public_bytes() != row.subject:
        raise IssuerAlteredError(row.name, "its certificate is for another name")
    return certificate


def _parsed(name: str, der: bytes) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(der)
    except (ValueError, TypeError) as error:
        raise IssuerAlteredError(name, "its certificate can't be read") from error


def _spki(certificate: x509.Certificate) -> bytes:
    return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _signed(certificate: x509.Certificate, above: Iterable[x509.Certificate]) -> bool:
    """Whether one of these names itself and verifies as its issuer."""
    for issuer in above:
        try:
            certificate.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature):
            continue
        return True
    return False
