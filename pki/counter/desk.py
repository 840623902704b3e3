"""Issuing at the counter: a request's file and a name become an order."""

import base64
import binascii
import hashlib
import re
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pki.auditchain.canonical import canonical_json
from pki.authority.authority import Authority
from pki.authority.values import CertificateRequest, InstitutionSubject, IssuedCertificate
from pki.keys.identifiers import spki_of
from pki.pkcs10 import MAX_CSR_BYTES, verify_csr
from pki.profiles.profile import Profile

_PEM = re.compile(rb"-----BEGIN (NEW )?CERTIFICATE REQUEST-----(?P<body>[A-Za-z0-9+/=\s]+)-----END ")
_ID_DIGITS = 32


class RequestFileError(ValueError):
    """The file with the request can't be read."""

    def __init__(self, path: Path, detail: str) -> None:
        super().__init__(f"{path}: {detail}")
        self.path = path
        self.detail = detail


def issue_from_file(
    authority: Authority, profile: str, csr: Path, name: str, request_id: str | None, actor: str
) -> IssuedCertificate:
    """Issues for a PKCS#10 file. Without a request_id, profile, name and key make one: again, the same.

    Raises RequestFileError, CsrError, SubjectError, IssuanceError, or the key's error.
    """
    request = read_request(csr)
    key = spki_of(verify_csr(request))
    return authority.issue(
        CertificateRequest(
            request_id=request_id or _request_id(profile, name, key),
            profile=Profile(profile),
            subject=InstitutionSubject(name),
            csr=request,
            actor=actor,
        )
    )


def read_request(path: Path) -> bytes:
    """The DER in a PKCS#10 file, PEM or DER. Raises RequestFileError."""
    try:
        with path.open("rb") as file:
            content = file.read(2 * MAX_CSR_BYTES + 1)
    except OSError as error:
        raise RequestFileError(path, f"can't be read: {error.strerror}") from error
    if len(content) > 2 * MAX_CSR_BYTES:
        raise RequestFileError(path, "is too long to be a request")
    found = _PEM.search(content)
    if found is None:
        return content
    try:
        return base64.b64decode(b"".join(found["body"].split()), validate=True)
    except binascii.Error as error:
        raise RequestFileError(path, "is damaged") from error


def to_pem(der: bytes) -> str:
    """A certificate in PEM."""
    return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM).decode("ascii")


def _request_id(profile: str, name: str, key: bytes) -> str:
    content = canonical_json({"profile": profile, "name": name, "key": key.hex()})
    return f"cli-{hashlib.sha256(content).hexdigest()[:_ID_DIGITS]}"
