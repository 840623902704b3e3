"""Publishing CRLs: number, content and audit entry become visible in one commit."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Engine, delete, select
from sqlalchemy.orm import Session

from pki.auditchain import append
from pki.authority.issuers import Issuers, IssuingCa
from pki.clock import Clock, utc_now
from pki.hierarchy import Role
from pki.status.crl import CrlEntry, CrlScope, build_crl
from pki.status.state import RevocationReason, Status
from pki.store.database import read_only
from pki.store.models import AuditEntry, CertificateRow, CrlRow, Issuer

_LONG_LIVED = frozenset({Role.ROOT, Role.CSCA})
CRL_LIFE = timedelta(days=1)
"""From thisUpdate to nextUpdate; a new CRL is made at half of it, or as soon as a status has changed."""
ROOT_CRL_LIFE = timedelta(days=90)
"""The same where a key signs rarely."""

ACTOR = "pki"


@dataclass(frozen=True)
class PublishedCrl:
    """A CRL as it is served."""

    issuer: str
    number: int
    this_update: datetime
    next_update: datetime
    der: bytes = field(repr=False)


class CrlPublisher:
    """Keeps every CA's newest CRL in the database and makes the next one when it is due."""

    def __init__(self, engine: Engine, issuers: Issuers, clock: Clock = utc_now) -> None:
        self._engine = engine
        self._reading = read_only(engine)
        self._issuers = issuers
        self._clock = clock

    @property
    def names(self) -> tuple[str, ...]:
        """Short names of the CAs that have a CRL."""
        return tuple(ca.name for ca in self._issuers)

    @property
    def signing(self) -> tuple[str, ...]:
        """Those whose next CRL this process can sign; a ceremony made that of the others."""
        return tuple(ca.name for ca in self._issuers if ca.key is not None)

    def current(self, name: str) -> PublishedCrl:
        """The CRL to serve now. A status change or half its life makes a new one first.

        Where the key is off line, the last ceremony's is served, whatever its age: who reads it sees that.
        Raises UnknownIssuerError; IssuerOfflineError before a ceremony made the first.
        """
        offline = self._issuers[name].key is None
        with Session(self._reading) as session, session.begin():
            row = _newest(session, name)
            if row is not None and (offline or self._is_fresh(session, row)):
                return _published(row)
        return self.publish(name, only_if_due=True)

    def publish(
        self,
        name: str,
        actor: str = ACTOR,
        *,
        only_if_due: bool = False,
        next_update: datetime | None = None,
    ) -> PublishedCrl:
        """Makes and stores the next CRL. `only_if_due`: returns another process's, if it was faster.

        `next_update` is a ceremony's: its key signs no other one soon, or ever again.
        """
        issuer = self._issuers[name]
        with Session(self._engine) as session, session.begin():
            state = session.get_one(Issuer, name, with_for_update=True)
            previous = _newest(session, name)
            if only_if_due and previous is not None and self._is_fresh(session, previous):
                return _published(previous)
            scope = self._next_scope(state, name, next_update)
            crl = build_crl(issuer, scope, _entries(session, issuer, scope.this_update))
            row = CrlRow(
                issuer=name,
                number=scope.number,
                status_version=state.status_version,
                this_update=scope.this_update,
                next_update=scope.next_update,
                der=crl,
            )
            session.add(row)
            state.crl_number = scope.number
            if previous is not None:
                self._forget_before(session, previous)
            self._audit(session, row, actor)
            return _published(row)

    def _next_scope(self, state: Issuer, name: str, next_update: datetime | None) -> CrlScope:
        now = self._clock().replace(microsecond=0)
        # Rises even if the clock is set back or the database comes back from an older copy.
        number = max(state.crl_number + 1, int(now.timestamp()))
        return CrlScope(number, now, next_update or now + crl_life(self._issuers[name]))

    def _is_fresh(self, session: Session, row: CrlRow) -> bool:
        version = session.scalars(select(Issuer.status_version).where(Issuer.name == row.issuer)).one()
        half_life = row.this_update + (row.next_update - row.this_update) / 2
        return row.status_version == version and row.this_update <= self._clock() < half_life

    @staticmethod
    def _forget_before(session: Session, previous: CrlRow) -> None:
        older = (CrlRow.issuer == previous.issuer) & (CrlRow.number < previous.number)
        session.execute(delete(CrlRow).where(older))

    @staticmethod
    def _audit(session: Session, row: CrlRow, actor: str) -> None:
        append(
            session,
            AuditEntry,
            time=row.this_update,
            actor=actor,
            action="crl.published",
            subject=row.issuer,
            details={"number": row.number, "bytes": len(row.der)},
        )


def _newest(session: Session, name: str) -> CrlRow | None:
    return session.scalar(select(CrlRow).where(CrlRow.issuer == name).order_by(CrlRow.number.desc()).limit(1))


def crl_life(issuer: IssuingCa) -> timedelta:
    """From thisUpdate to nextUpdate."""
    return ROOT_CRL_LIFE if issuer.role in _LONG_LIVED else CRL_LIFE


def _entries(session: Session, issuer: IssuingCa, this_update: datetime) -> Iterator[CrlEntry]:
    """Revoked and suspended ones, until they have stood on a CRL after their end (RFC 5280 §3.3)."""
    columns = (CertificateRow.serial, CertificateRow.since, CertificateRow.reason)
    query = select(*columns).where(
        CertificateRow.issuer == issuer.name,
        CertificateRow.status != Status.GOOD.value,
        CertificateRow.not_after >= this_update - crl_life(issuer),
    )
    for serial, since, reason in session.execute(query):
        yield CrlEntry(serial, since, RevocationReason(reason or "unspecified"))


def _published(row: CrlRow) -> PublishedCrl:
    return PublishedCrl(row.issuer, row.number, row.this_update, row.next_update, row.der)
