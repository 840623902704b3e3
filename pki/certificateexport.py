"""Every certificate ever issued, as files for an auditor's own linters; read and written in a stream."""

import base64
from pathlib import Path

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from pki.auditchain import Event, Json
from pki.authority.record import record_events
from pki.clock import Clock
from pki.store.database import read_only
from pki.store.models import CertificateBody, CertificateRow

FOLDER = "certificates"
_BATCH = 500
_PLACE_DIGITS = 2
"""The serial's last digits name a certificate's folder: 256 of them, so that none holds too many files."""
_OWNER_ONLY = 0o700
_LINE = 64  # RFC 7468 §2


def export_certificates(engine: Engine, folder: Path, officer: str, clock: Clock) -> int:
    """`write_certificates`, on record: who, what and how many before the first is written, and how many were.

    In two transactions of their own: none is written unrecorded, whenever the process dies, and on SQLite
    nobody waits for the files. Raises OSError.
    """
    with Session(engine) as session, session.begin():
        count = session.scalar(select(func.count()).select_from(CertificateRow)) or 0
        record_events(session, [_event(clock, officer, "begun", count)])
    written = write_certificates(engine, folder)
    with Session(engine) as session, session.begin():
        record_events(session, [_event(clock, officer, "done", written)])
    return written


def _event(clock: Clock, officer: str, step: str, count: int) -> Event:
    details: dict[str, Json] = {"selection": "all", "certificates": count}
    return Event(clock(), officer, f"export.{step}", FOLDER, details)


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
