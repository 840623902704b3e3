"""The public files of a PKI, for relying parties without a network."""

import os
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pki.bootstrap import Pki


def write_public_files(pki: Pki, folder: Path) -> list[Path]:
    """Writes NAME.cer, NAME.pem, NAME.crl (DER), NAME.crl.pem for each CA and chain.pem. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, bytes] = {}
    for name, certificate in pki.certificates.items():
        crl = pki.crls.current(name).read()
        files[f"{name}.cer"] = certificate
        files[f"{name}.pem"] = x509.load_der_x509_certificate(certificate).public_bytes(Encoding.PEM)
        files[f"{name}.crl"] = crl
        files[f"{name}.crl.pem"] = x509.load_der_x509_crl(crl).public_bytes(Encoding.PEM)
    files["chain.pem"] = b"".join(files[f"{name}.pem"] for name in reversed(list(pki.certificates)))
    return [_replace(folder / name, content) for name, content in files.items()]


def _replace(path: Path, content: bytes) -> Path:
    """A reader sees the old file or the new one, never half of one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return temporary.replace(path)
