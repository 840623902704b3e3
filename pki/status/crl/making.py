"""Making one edition: number reserved → snapshot read → file written and signed → made current.

A crash between any two leaves the edition before it served; what is left behind is cleaned up later, and the
number is not used again.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session

from pki.authority.issuers import Issuers
from pki.authority.record import refuse_before, refuse_clock_set_back
from pki.clock import Clock
from pki.profiles.extensions import PublicAddresses
from pki.status.crl import policy, record
from pki.status.crl.entries import EntryRow
from pki.status.crl.extensions import Numbers, encode_extensions
from pki.status.crl.folder import CrlFolder, Draft
from pki.status.crl.rows import changed, listed, snapshot
from pki.status.crl.scope import CrlScope, CrlTarget
from pki.status.crl.writing import CrlHeader, Written, write_crl
from pki.store.models import CrlRow

_EVER = datetime(1970, 1, 1, tzinfo=UTC)


class CrlMaker:
    """Makes editions; the caller holds the scope's lock, so that they follow each other."""

    def __init__(
        self,
        engine: Engine,
        issuers: Issuers,
        addresses: PublicAddresses,
        folder: CrlFolder,
        clock: Clock,
    ) -> None:
        self._engine = engine
        self._reading = record.reading_sessions(engine)
        self._issuers = issuers
        self._addresses = addresses
        self._folder = folder
        self._clock = clock

    def make(self, target: CrlTarget, actor: str, next_update: datetime | None = None) -> CrlRow:
        """The next edition, current when this returns.

        Raises IssuerOfflineError and ClockSetBackError before anything is done.
        """
        issuer = self._issuers[target.scope.issuer]
        _ = issuer.signer
        base = self._base(target.scope, actor) if target.delta else None
        now = self._clock().replace(microsecond=0)
        refuse_before(issuer.facts.validity, now)
        with Session(self._engine) as session, session.begin():
            refuse_clock_set_back(session, now)
            published = max(
                self._folder.highest(each.name) for each in (target.scope.full, target.scope.delta)
            )
            number = record.reserve_number(session, target.scope, now, published)
        row = self._row(target, number, base, now)
        row.next_update = next_update or row.next_update
        with self._folder.draft(target.name, number) as draft:
            with snapshot(self._engine) as connection:
                written = self._write(connection, draft, target, row, base)
            row.entries, row.size, row.sha256 = written.entries, written.facts.size, written.facts.sha256
            self._folder.keep(draft, target.name, number)
            with Session(self._engine, expire_on_commit=False) as session, session.begin():
                record.record(session, target, row, actor, now)
        return row

    def check_time(self) -> None:
        """Raises ClockSetBackError where nothing can be made now."""
        with self._reading.begin() as session:
            refuse_clock_set_back(session, self._clock())

    def _base(self, scope: CrlScope, actor: str) -> CrlRow:
        """The full CRL from which on a delta tells changes: the oldest still in force, else a new one."""
        now, role = self._clock(), self._issuers[scope.issuer].role
        with self._reading.begin() as session:
            row = record.oldest_in_force(session, scope.name, now, policy.life(role, scope.full))
        return row or self.make(scope.full, actor)

    def _row(self, target: CrlTarget, number: int, base: CrlRow | None, now: datetime) -> CrlRow:
        issuer = self._issuers[target.scope.issuer]
        return CrlRow(
            name=target.name,
            number=number,
            issuer=issuer.name,
            base=None if base is None else base.number,
            regular=base is None and self._is_regular(target, now),
            this_update=now,
            next_update=now + policy.life(issuer.role, target),
        )

    def _is_regular(self, target: CrlTarget, now: datetime) -> bool:
        last = self._last_regular(target)
        return last is None or policy.scheduled(last, now)

    def _last_regular(self, target: CrlTarget) -> CrlRow | None:
        with self._reading.begin() as session:
            return record.last_regular(session, target.name)

    def _write(
        self, connection: Connection, draft: Draft, target: CrlTarget, row: CrlRow, base: CrlRow | None
    ) -> Written:
        row.status_version = record.status_version(connection, row.issuer)
        issuer = self._issuers[row.issuer]
        extensions = encode_extensions(
            target.scope, Numbers(row.number, row.base), issuer.facts.key_identifier, self._addresses
        )
        header = CrlHeader(row.this_update, row.next_update, extensions)
        return write_crl(draft, issuer, header, self._blocks(connection, target, row, base))

    def _blocks(
        self, connection: Connection, target: CrlTarget, row: CrlRow, base: CrlRow | None
    ) -> Iterator[list[EntryRow]]:
        if base is not None:
            return changed(connection, target.scope, base.status_version)
        last = self._last_regular(target)
        if last is None:
            return listed(connection, target.scope, _EVER, 0)
        # Should the clock have been set back, nothing leaves that has not ended by it.
        ended_before = min(last.this_update, row.this_update)
        return listed(connection, target.scope, ended_before, last.status_version)
