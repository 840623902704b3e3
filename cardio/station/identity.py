"""The station's folder: its key and certificate, and whom it trusts. Nothing else is kept at a station."""

import os
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from cardio.station.errors import StationIdentityError

_IDENTITY_FILE = "station.pem"  # key and certificates together: one rename replaces both
_TRUST_FILE = "trust.pem"
_OWNER_ONLY_FOLDER = 0o700


@dataclass(frozen=True)
class Enrolled:
    """What the registry gave for a code."""

    station: str
    certificates: str
    """PEM: the station's own first, then its issuer's."""
    trust: str
    """PEM of the roots under which the hub's certificate stands."""


class StationKey:
    """A new key of this station, in memory until it is certified."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())

    def request(self) -> bytes:
        """A DER certification request; the registry knows the station's name by the code."""
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "station")])
        builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.DER)

    def keep(self, folder: Path, enrolled: Enrolled) -> None:
        """Writes key, certificates and trust, readable by their owner alone. Raises StationIdentityError."""
        self._require_own(folder, enrolled)
        own = self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        try:
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(_OWNER_ONLY_FOLDER)
            _replace(folder / _TRUST_FILE, enrolled.trust.encode())
            _replace(folder / _IDENTITY_FILE, own + enrolled.certificates.encode())
        except OSError as error:
            raise StationIdentityError(str(folder), f"can't be written: {error.strerror}") from error

    def _require_own(self, folder: Path, enrolled: Enrolled) -> None:
        try:
            own, *_ = x509.load_pem_x509_certificates(enrolled.certificates.encode())
            x509.load_pem_x509_certificates(enrolled.trust.encode())
        except ValueError as error:
            raise StationIdentityError(str(folder), "the registry's answer holds no certificates") from error
        if own.public_key() != self._key.public_key():
            raise StationIdentityError(str(folder), "the registry certified another key")


def tls_context(folder: Path) -> ssl.SSLContext:
    """TLS with the station's certificate, towards a hub under the kept roots alone.

    Raises StationIdentityError where the station was not enrolled.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_verify_locations(cafile=str(folder / _TRUST_FILE))
        context.load_cert_chain(str(folder / _IDENTITY_FILE), password=_no_password)
    except FileNotFoundError as error:
        detail = "no station was enrolled here; `hoviat station enrol` does it"
        raise StationIdentityError(str(folder), detail) from error
    except OSError as error:  # SSLError is one
        raise StationIdentityError(str(folder), f"can't be used: {error.strerror}") from error
    return context


def _no_password() -> str:
    """Without it, OpenSSL would ask for one at the terminal."""
    return ""


def _replace(path: Path, content: bytes) -> None:
    """mkstemp makes files that only their owner reads."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
