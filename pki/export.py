"""The public files of a PKI, for relying parties without a network."""

import os
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pki.bootstrap import Pki
from pki.certificateexport import to_pem

MASTER_LIST = "masterlist.ml"


def write_public_files(pki: Pki, folder: Path) -> list[Path]:
    """Writes what everyone may have, replacing files of an earlier export. Raises OSError.

    NAME.cer, NAME.pem for each CA, cross certificate, link; NAME.crl (DER), NAME.crl.pem for each CA;
    chain.pem with all CAs; masterlist.ml.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, bytes] = {}
    for name, certificate in pki.published.items():
        files[f"{name}.cer"] = certificate
        files[f"{name}.pem"] = to_pem(certificate)
    for name in pki.certificates:
        crl = pki.crls.current(name).read()
        files[f"{name}.crl"] = crl
        files[f"{name}.crl.pem"] = x509.load_der_x509_crl(crl).public_bytes(Encoding.PEM)
    files["chain.pem"] = b"".join(files[f"{name}.pem"] for name in reversed(list(pki.certificates)))
    master_list = pki.documents.master_list()
    if master_list is not None:
        files[MASTER_LIST] = master_list
    return [_replace(folder / name, content) for name, content in files.items()]


def _replace(path: Path, content: bytes) -> Path:
    """A reader sees the old file or the new one, never half of one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return temporary.replace(path)
