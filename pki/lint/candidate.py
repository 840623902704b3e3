"""What a rule looks at: the bytes about to be signed, read by two readers, and what they are meant to be."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias, TypeVar

from cryptography import x509

from pki import der
from pki.errors import LintError
from pki.hierarchy import crl_scope
from pki.profiles.definitions import ProfileDefinition
from pki.profiles.extensions import PublicAddresses
from pki.profiles.tbs import IssuerFacts, TbsFields, read_tbs

_UNSIGNED = der.bit_string(b"\x00")

ExtensionT = TypeVar("ExtensionT", bound=x509.ExtensionType)


@dataclass(frozen=True)
class Expectation:
    """What the authority means to sign; the bytes are held against it."""

    definition: ProfileDefinition
    issuer: IssuerFacts
    key_hash: bytes
    """SHA-256 of the SubjectPublicKeyInfo whose possession was proved."""
    subject_hash: bytes
    """SHA-256 of the DER subject that was ordered."""
    addresses: PublicAddresses

    def crl_scope(self, serial: int) -> str:
        """The CRL that covers this serial."""
        return crl_scope(self.issuer.name, self.issuer.shards, serial)


@dataclass(frozen=True)
class Candidate:
    """A to-be-signed certificate under examination."""

    tbs: bytes
    fields: TbsFields
    certificate: x509.Certificate
    """The same bytes through cryptography's reader, under a signature that is none."""
    expected: Expectation

    @property
    def not_before(self) -> datetime:
        """UTC."""
        return self.certificate.not_valid_before_utc

    @property
    def not_after(self) -> datetime:
        """UTC, inclusive."""
        return self.certificate.not_valid_after_utc

    def extension(self, kind: type[ExtensionT]) -> x509.Extension[ExtensionT] | None:
        """The extension, or None."""
        try:
            return self.certificate.extensions.get_extension_for_class(kind)
        except x509.ExtensionNotFound:
            return None


Rule: TypeAlias = Callable[[Candidate], None]
"""Returns, or raises LintError."""


def read_candidate(tbs: bytes, expected: Expectation) -> Candidate:
    """Parses the bytes strictly. Raises LintError `encoding`."""
    try:
        fields = read_tbs(tbs)
        # Here already, because cryptography's reader only warns of it.
        require(fields.serial > 0, "serial", "must be positive")
        wrapped = der.sequence((tbs, fields.signature_algorithm, _UNSIGNED))
        certificate = x509.load_der_x509_certificate(wrapped)
        _ = certificate.extensions  # parses every extension; refuses one that stands twice
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise LintError("encoding", "the bytes are no version 3 certificate") from error
    return Candidate(tbs, fields, certificate, expected)


def require(condition: bool, rule: str, detail: str) -> None:
    """Raises LintError unless the condition holds."""
    if not condition:
        raise LintError(rule, detail)
