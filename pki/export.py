"""The public files of a PKI, for relying parties without a network; written in a stream."""

import base64
import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from pki.bootstrap import Pki
from pki.certificateexport import to_pem
from pki.errors import ClockSetBackError, CrlUnavailableError, IssuerOfflineError
from pki.status.crl.scope import CrlScope
from pki.status.publication import PublishedCrl

MASTER_LIST = "masterlist.ml"
_TOKEN_BYTES = 8
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
_FOR_EVERYONE = 0o666
"""Less what the process masks: what is exported is public."""
_CHUNK = 1 << 20
_LINE = 48  # bytes that make a line of 64 characters, RFC 7468 §2
_PEM_CHUNK = _LINE * 16_384


def write_public_files(pki: Pki, folder: Path) -> list[Path]:
    """Writes what everyone may have, replacing files of an earlier export. Raises OSError.

    NAME.cer, NAME.pem for each CA, cross certificate and link; chain.pem with all CAs; SCOPE.crl (DER),
    SCOPE.crl.pem for each CRL of CAs and partitions, full and delta (a partition's where it tells more than
    its full one); masterlist.ml.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return [_replace(folder / name, parts) for name, parts in _files(pki)]


def _files(pki: Pki) -> Iterator[tuple[str, Iterable[bytes]]]:
    for name, certificate in pki.published.items():
        yield f"{name}.cer", [certificate]
        yield f"{name}.pem", [to_pem(certificate)]
    yield "chain.pem", [to_pem(certificate) for certificate in reversed(list(pki.certificates.values()))]
    for crl in _crls(pki):
        yield f"{crl.name}.crl", _read(crl, _CHUNK)
        yield f"{crl.name}.crl.pem", _pem(_read(crl, _PEM_CHUNK))
    master_list = pki.documents.master_list()
    if master_list is not None:
        yield MASTER_LIST, [master_list]


def _crls(pki: Pki) -> Iterator[PublishedCrl]:
    for name in crl_names(pki):
        try:
            crl = pki.crls.current(name)
        except (CrlUnavailableError, IssuerOfflineError):  # no ceremony made one of a CA off line
            continue
        except ClockSetBackError:  # never made so far, and not now: the others are written
            continue
        if crl.name == name:  # else the full CRL stands for a delta that would tell nothing
            yield crl


def crl_names(pki: Pki) -> Iterator[str]:
    """Every CRL there can be: CAs' and their partitions', full and delta."""
    for ca in pki.issuers:
        shards = range(ca.shards) if ca.shards > 1 else ()
        for scope in (CrlScope(ca.name), *(CrlScope(ca.name, shard) for shard in shards)):
            yield scope.full.name
            if scope.has_delta:
                yield scope.delta.name


def _read(crl: PublishedCrl, size: int) -> Iterator[bytes]:
    with crl.open() as file:
        yield from iter(lambda: file.read(size), b"")


def _pem(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """X509 CRL in PEM (RFC 7468 §6); chunks but the last are of whole lines."""
    yield b"-----BEGIN X509 CRL-----\n"
    for chunk in chunks:
        text = base64.b64encode(chunk)
        lines = range(0, len(text), _LINE * 4 // 3)
        yield b"".join(text[start : start + _LINE * 4 // 3] + b"\n" for start in lines)
    yield b"-----END X509 CRL-----\n"


def _replace(path: Path, parts: Iterable[bytes]) -> Path:
    """A reader sees the old file or the new one, never half of one."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(_TOKEN_BYTES)}")
    descriptor = os.open(temporary, _NEW_FILE, _FOR_EVERYONE)  # never through a link that somebody laid there
    try:
        with os.fdopen(descriptor, "wb") as file:
            _write(file, parts)
        return temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _write(file: BinaryIO, parts: Iterable[bytes]) -> None:
    for part in parts:
        file.write(part)
    file.flush()
    os.fsync(file.fileno())
