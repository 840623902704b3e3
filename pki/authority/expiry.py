"""Which certificates end soon, so that their cards are renewed in time."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, Engine, func, select
from sqlalchemy.orm import Session

from pki.status.state import Status
from pki.store.database import read_only
from pki.store.models import CertificateRow

_FETCHED_AT_ONCE = 1000


class Expiring(NamedTuple):
    """A certificate that ends soon and is not revoked."""

    serial: int
    issuer: str
    profile: str
    status: str
    not_after: datetime


class ExpiringCount(NamedTuple):
    """How many of one CA and profile."""

    issuer: str
    profile: str
    certificates: int


def expiring(engine: Engine, now: datetime, within: timedelta) -> Iterator[Expiring]:
    """Those that end from now on and within the span, the first to end first; streamed."""
    row = CertificateRow
    query = select(row.serial, row.issuer, row.profile, row.status, row.not_after)
    ordered = query.where(*_ending(now, within)).order_by(row.not_after, row.serial)
    with Session(read_only(engine)) as session, session.begin():
        for found in session.execute(ordered.execution_options(yield_per=_FETCHED_AT_ONCE)):
            yield Expiring(*found)


def count_expiring(engine: Engine, now: datetime, within: timedelta) -> list[ExpiringCount]:
    """The same, counted by CA and profile."""
    row = CertificateRow
    query = select(row.issuer, row.profile, func.count()).where(*_ending(now, within))
    with Session(read_only(engine)) as session, session.begin():
        found = session.execute(query.group_by(row.issuer, row.profile).order_by(row.issuer, row.profile))
        return [ExpiringCount(*line) for line in found]


def _ending(now: datetime, within: timedelta) -> tuple[ColumnElement[bool], ...]:
    row = CertificateRow
    return (
        row.not_after >= now,
        row.not_after <= now + within,
        row.status != Status.REVOKED.value,
    )
