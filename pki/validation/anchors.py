"""Foreign trust anchors: a folder of CA certificates that is read anew when it changes.

Of what lies in the folder itself, the self-signed are anchors. What lies in its folder `pinned` is an anchor
though somebody else signed it: RFC 5280 §6.1.1 (d) lets any CA's name and key be one, and nobody above it is
asked for anything. Whoever may write there decides who is trusted. One file that can't be used never keeps
the others from being used; it is named in `faults`. An anchor's own validity counts with each path, at the
moment asked.
"""

import logging
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from pki.der import DerError
from pki.errors import ValidationError
from pki.validation.certificate import Certificate, read_certificate
from pki.validation.extensions import is_ca
from pki.validation.inputs import InputError, objects_in
from pki.validation.search import Bag
from pki.validation.signatures import SignatureError, verify, verifying_key

MAX_FILE_BYTES = 1 << 20
MAX_CERTIFICATES = 1024
_LOG = logging.getLogger(__name__)
SUFFIXES = frozenset({".cer", ".crt", ".der", ".pem"})
PINNED = "pinned"

_Stamp: TypeAlias = tuple[tuple[str, tuple[int, ...]], ...]


@dataclass(frozen=True)
class AnchorSet:
    """What the folder held when it was read."""

    anchors: tuple[Certificate, ...] = ()
    """Certificates that name themselves as issuer and verify under their own key, and the pinned CAs."""
    intermediates: tuple[Certificate, ...] = ()
    """All others: they help to find a path and are trusted for nothing."""
    faults: Mapping[str, str] = field(default_factory=dict)
    """File name → why it isn't used."""


class TrustAnchors:
    """The anchors of one folder. Any thread may ask at any time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._stamp: _Stamp | None = None
        self._found = AnchorSet()

    @classmethod
    def load(cls, folder: Path) -> "TrustAnchors":
        """The anchors in the folder; one that is not there holds none."""
        anchors = cls(folder)
        anchors.current()
        return anchors

    def current(self) -> AnchorSet:
        """What the folder holds now: its files are read again when one came, went or changed.

        While the folder can't be read, the last reading stands.
        """
        with self._lock:
            try:
                stamp = (*_stamp(self._folder), *_stamp(self._folder, f"{PINNED}/"))
            except OSError:
                return self._found
            if stamp != self._stamp:
                self._found = _read_all(self._folder, [name for name, _ in stamp])
                self._stamp = stamp
                for name, fault in self._found.faults.items():
                    _LOG.warning("trust anchor file %r is not used: %s", name, fault)
            return self._found


def _stamp(folder: Path, below: str = "") -> _Stamp:
    """Name, size, times and inode of each certificate file: a file replaced by another shows.

    A folder that isn't there holds none. Raises OSError for one that can't be read.
    """
    try:
        with os.scandir(folder / below) as entries:
            found = [entry.name for entry in entries if Path(entry.name).suffix.lower() in SUFFIXES]
    except FileNotFoundError:
        return ()
    names = [below + name for name in found]
    return tuple((name, _facts(folder / name)) for name in sorted(names))


def _facts(path: Path) -> tuple[int, ...]:
    """Nothing for one that went away just now, or can't be looked at: reading it says why."""
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def _read_all(folder: Path, names: list[str]) -> AnchorSet:
    found: dict[Certificate, bool] = {}
    faults: dict[str, str] = {}
    for name in names:
        try:
            _require_room(found, faults)
            pinned = name.startswith(f"{PINNED}/")
            for certificate in _read(folder / name, pinned=pinned):
                found[certificate] = pinned or found.get(certificate, False)
        except (InputError, ValidationError) as error:
            faults[name] = str(error)
        except OSError as error:
            faults[name] = f"can't be read: {error.strerror}"
    anchors = {item: None for item, pinned in found.items() if pinned or item.subject == item.issuer}
    return AnchorSet(tuple(anchors), tuple(item for item in found if item not in anchors), faults)


def _require_room(found: Mapping[Certificate, bool], faults: Mapping[str, str]) -> None:
    if len(found) >= MAX_CERTIFICATES or len(faults) >= MAX_CERTIFICATES:
        raise InputError(f"more than {MAX_CERTIFICATES} certificates, or broken files, stand before it")


def _read(path: Path, *, pinned: bool) -> list[Certificate]:
    if not path.is_file():  # a pipe would be waited for
        raise InputError("is no file")
    with path.open("rb") as file:
        content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise InputError(f"is longer than {MAX_FILE_BYTES} bytes")
    found = [read_certificate(item, None) for item in objects_in(content)]
    Bag.of(found, ())  # a name that can't be read would otherwise stand in the way of every path
    for certificate in found:
        if certificate.subject == certificate.issuer:
            _require_own_signature(certificate)
        elif pinned:
            _require_authority(certificate)
    return found


def _require_authority(certificate: Certificate) -> None:
    """A card's certificate that was pinned by mistake would be an anchor for itself alone; it is told."""
    try:
        authority = is_ca(certificate)
    except DerError as error:
        raise InputError(f"holds a certificate whose extensions can't be read: {error}") from error
    if not authority:
        raise InputError("holds a certificate that is no CA's")


def _require_own_signature(certificate: Certificate) -> None:
    """A name is anybody's to write: what calls itself a root shows that its key says so, too.

    SHA-1 counts here: forging this signature gives nothing to who has not the key already.
    """
    try:
        key = verifying_key(certificate.spki)
        verify(certificate.algorithm, key, certificate.signature, certificate.tbs, sha1=True)
    except SignatureError as error:
        raise InputError("holds a certificate that names itself as issuer and doesn't verify so") from error
