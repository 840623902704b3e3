"""What is on record of certificates, for whoever may open the home's keys."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Engine, Row, select
from sqlalchemy.orm import Session

from pki.errors import UnknownCertificateError, UnknownIssuerError
from pki.massactions.reading import read_member
from pki.massactions.rows import actions_on
from pki.profiles.profile import Profile
from pki.store.columns import MAX_SERIAL
from pki.store.database import read_only
from pki.store.models import CertificateBody, CertificateRow, Issuer

_COLUMNS = (
    CertificateRow.serial,
    CertificateRow.profile,
    CertificateRow.issuer,
    CertificateRow.status,
    CertificateRow.not_before,
    CertificateRow.not_after,
)
_BATCH = 500


def listed(
    engine: Engine, profile: str | None, issuer: str | None, status: str | None, limit: int
) -> Iterator[dict[str, object]]:
    """The newest certificates first, streamed.

    Raises SelectionError for a profile, UnknownIssuerError for a CA that there is not.
    """
    if profile is not None:
        read_member(Profile, "profile", profile)
    query = select(*_COLUMNS).order_by(CertificateRow.not_before.desc(), CertificateRow.serial).limit(limit)
    for column, value in (
        (CertificateRow.profile, profile),
        (CertificateRow.issuer, issuer),
        (CertificateRow.status, status),
    ):
        if value is not None:
            query = query.where(column == value)
    with Session(read_only(engine)) as session, session.begin():
        if issuer is not None and session.get(Issuer, issuer) is None:
            raise UnknownIssuerError(issuer)
        for row in session.execute(query.execution_options(yield_per=_BATCH)):
            yield _brief(row)


def _brief(row: Row[int, str, str, str, datetime, datetime]) -> dict[str, object]:
    return {
        "serial": f"{row.serial:032x}",
        "profile": row.profile,
        "issuer": row.issuer,
        "status": row.status,
        "not_before": row.not_before.isoformat(),
        "not_after": row.not_after.isoformat(),
    }


def profile_of(engine: Engine, serial: int) -> Profile:
    """By which profile a certificate was issued. Raises UnknownCertificateError."""
    if 0 < serial <= MAX_SERIAL:
        with Session(read_only(engine)) as session, session.begin():
            found = session.scalar(select(CertificateRow.profile).where(CertificateRow.serial == serial))
        if found is not None:
            return Profile(found)
    raise UnknownCertificateError(serial)


def details_of(engine: Engine, serial: int) -> tuple[dict[str, object], bytes]:
    """What is on record of one, and its DER. Raises UnknownCertificateError."""
    if not 0 < serial <= MAX_SERIAL:
        raise UnknownCertificateError(serial)
    query = select(CertificateRow, CertificateBody.der).join(
        CertificateBody, CertificateBody.serial == CertificateRow.serial
    )
    with Session(read_only(engine)) as session, session.begin():
        found = session.execute(query.where(CertificateRow.serial == serial)).one_or_none()
        if found is None:
            raise UnknownCertificateError(serial)
        row, der = found
        return {
            "serial": f"{row.serial:032x}",
            "request": row.request_id,
            "profile": row.profile,
            "issuer": row.issuer,
            "partition": row.shard,
            "key": row.key_kind,
            "provenance": row.provenance,
            "not_before": row.not_before.isoformat(),
            "not_after": row.not_after.isoformat(),
            "status": row.status,
            "reason": row.reason,
            "since": row.since.isoformat(),
            "invalidity_date": row.invalidity_date.isoformat() if row.invalidity_date else None,
            "held_by": row.held_by,
            "held_under": row.held_under,
            "mass_actions": actions_on(session, row),
        }, der
