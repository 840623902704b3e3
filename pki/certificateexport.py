"""Every certificate ever issued, as files for an auditor's own linters; read and written in a stream."""

import base64
from pathlib import Path

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from pki.store.database import read_only
from pki.store.models import CertificateBody, CertificateRow

FOLDER = "certificates"
_BATCH = 500
_PLACE_DIGITS = 2
"""The serial's last digits name a certificate's folder: 256 of them, so that none holds too many files."""
_OWNER_ONLY = 0o700
_LINE = 64  # RFC 7468 §2


def write_certificates(engine: Engine, folder: Path) -> int:
    """Writes certificates/ISSUER/PROFILE/XX/SERIAL.pem below `folder`; returns how many.

    Citizens' names stand in them: the folders are their owner's alone. Again, it writes the same files anew.
    Raises OSError.
    """
    columns = (CertificateRow.issuer, CertificateRow.profile, CertificateRow.serial, CertificateBody.der)
    query = select(*columns).join(CertificateBody, CertificateBody.serial == CertificateRow.serial)
    made: set[Path] = set()
    count = 0
    with Session(read_only(engine)) as session, session.begin():
        for issuer, profile, serial, der in session.execute(query.execution_options(yield_per=_BATCH)):
            name = f"{serial:032x}"
            place = folder / FOLDER / issuer / profile / name[-_PLACE_DIGITS:]
            if place not in made:
                _make(folder, place)
                made.add(place)
            (place / f"{name}.pem").write_bytes(to_pem(der))
            count += 1
    return count


def to_pem(der: bytes) -> bytes:
    """A certificate in PEM (RFC 7468 §5); its bytes are not looked at."""
    text = base64.b64encode(der)
    lines = [text[start : start + _LINE] for start in range(0, len(text), _LINE)]
    return b"\n".join((b"-----BEGIN CERTIFICATE-----", *lines, b"-----END CERTIFICATE-----", b""))


def _make(folder: Path, place: Path) -> None:
    (folder / FOLDER).mkdir(mode=_OWNER_ONLY, parents=True, exist_ok=True)
    place.mkdir(mode=_OWNER_ONLY, parents=True, exist_ok=True)
