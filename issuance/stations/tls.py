"""The hub's TLS: its own service certificate, and client certificates of the operators' CA alone."""

import hashlib
import ssl
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID

from pki.authority.values import CertificateRequest, InstitutionSubject
from pki.bootstrap import Pki
from pki.hierarchy import Role
from pki.home import Home
from pki.profiles import Profile
from pki.status.state import Status

_FILE = "stations-tls.pem"
_RENEW_BEFORE_END = timedelta(days=30)
_ACTOR = "stations"


def hub_tls(home: Home, pki: Pki, host: str) -> ssl.SSLContext:
    """TLS 1.3 for the name or address `host`; whoever has no station's or operator's certificate is refused.

    Key and certificate are kept in the home's secrets and made anew in time. Raises a PkiError.
    """
    path = home.secrets / _FILE
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    if not (_serves(path, pki, host) and _loads(context, path, home)):
        path.unlink(missing_ok=True)
        home.write_secret(_FILE, _new_identity(home, pki, host))
        context.load_cert_chain(str(path), password=home.passphrase)
    context.verify_mode = ssl.CERT_REQUIRED
    # The operators' CA is where trust ends: under the root there are the citizens' cards, too.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=_pem(_certificates(pki, Role.OPERATOR)))
    context.num_tickets = 0  # every connection shows its certificate
    return context


def _loads(context: ssl.SSLContext, path: Path, home: Home) -> bool:
    """Not where the passphrase is another one by now."""
    try:
        context.load_cert_chain(str(path), password=home.passphrase)
    except ssl.SSLError:
        return False
    return True


def _serves(path: Path, pki: Pki, host: str) -> bool:
    """Whether the kept certificate is for this host, good, and will be for a while."""
    try:
        own, *_ = x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError):
        return False
    found = pki.status.states((own.serial_number,)).get(own.serial_number)
    lasting = own.not_valid_after_utc > pki.clock() + _RENEW_BEFORE_END
    return found is not None and found[1].status is Status.GOOD and lasting and _host_of(own) == host


def _host_of(certificate: x509.Certificate) -> str:
    (name,) = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(name.value)


def _new_identity(home: Home, pki: Pki, host: str) -> bytes:
    """Key, certificate and its issuer's certificate, PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    csr = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    issued = pki.authority.issue(
        CertificateRequest(
            request_id=f"stations-tls-{hashlib.sha256(spki).hexdigest()[:32]}",
            profile=Profile.SERVICE,
            subject=InstitutionSubject(host),
            csr=csr.public_bytes(Encoding.DER),
            actor=_ACTOR,
        )
    )
    own = x509.load_der_x509_certificate(issued.der)
    issuers = [ca for ca in _certificates(pki, Role.SERVICE) if ca.subject == own.issuer]
    encryption = BestAvailableEncryption(home.passphrase())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    return private + _pem([own, *issuers]).encode()


def _certificates(pki: Pki, role: Role) -> list[x509.Certificate]:
    encoded = (ca.certificate for ca in pki.issuers.generations(role))
    return [x509.load_der_x509_certificate(der) for der in encoded if der is not None]


def _pem(certificates: list[x509.Certificate]) -> str:
    return "".join(certificate.public_bytes(Encoding.PEM).decode() for certificate in certificates)
