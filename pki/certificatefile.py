"""How an operator names a certificate: by its serial, or by a file that holds it."""

import re
from pathlib import Path

from cryptography import x509

from pki.profiles.tbs import MAX_CERTIFICATE_BYTES

_HEXADECIMAL = re.compile(r"[0-9a-f]{1,32}")
_PEM = b"-----BEGIN"


class CertificateFileError(ValueError):
    """Neither a serial nor a readable certificate file; carries what was given."""

    def __init__(self, given: str, detail: str) -> None:
        super().__init__(f"{given}: {detail}")
        self.given = given
        self.detail = detail


def read_serial(given: str) -> int:
    """The serial that `given` names: a certificate file (PEM or DER), else hexadecimal, colons allowed."""
    path = Path(given)
    if path.is_file():
        return _load(path).serial_number
    digits = given.replace(":", "").lower().removeprefix("0x")
    if not _HEXADECIMAL.fullmatch(digits):
        raise CertificateFileError(given, "is neither a certificate file nor a hexadecimal serial number")
    return int(digits, 16)


def _load(path: Path) -> x509.Certificate:
    try:
        with path.open("rb") as file:
            content = file.read(2 * MAX_CERTIFICATE_BYTES)
    except OSError as error:
        raise CertificateFileError(str(path), f"can't be read: {error.strerror}") from error
    load = x509.load_pem_x509_certificate if _PEM in content else x509.load_der_x509_certificate
    try:
        return load(content)
    except (ValueError, x509.InvalidVersion) as error:
        raise CertificateFileError(str(path), "is not a certificate") from error
