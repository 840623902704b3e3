"""A database of certificates without keys: rows that stand as a test wants them to."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from pki.authority.record import record_events
from pki.authority.transitions import Change, Standing, apply_change
from pki.hierarchy import shard_of
from pki.keys.kinds import KeyKind
from pki.massactions.service import MassActions
from pki.massactions.values import MassAction, Progress
from pki.profiles import Profile
from pki.status import Status
from pki.store.models import CertificateRow, Intent, Issuer, KeyRow

START = datetime(2026, 11, 24, 12, 0, 0, 345_678, tzinfo=UTC)
LIFE = timedelta(days=1826)
SHARDS = {"citizen-auth-g1": 4, "citizen-sign-g1": 1}
PROFILES = {"citizen-auth-g1": Profile.AUTHENTICATION, "citizen-sign-g1": Profile.SIGNATURE}
GOOD = Standing(Status.GOOD, None, None, activated=True)
_TOP = 1 << 126


@dataclass
class World:
    """An authority's database, its mass actions, and a clock that the test moves."""

    engine: Engine
    part_size: int = 3
    now: datetime = START
    mass: MassActions = field(init=False)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.mass = MassActions(self.engine, self.clock, self.part_size)
        with Session(self.engine) as session, session.begin():
            for name, shards in SHARDS.items():
                role, _, generation = name.rpartition("-g")
                session.add(KeyRow(name=name, uri=f"file:{name}", created=START))
                session.flush()
                session.add(
                    Issuer(
                        name=name,
                        role=role,
                        generation=int(generation),
                        subject=b"",
                        key=name,
                        online=True,
                        certificate=None,
                        shards=shards,
                        status_version=0,
                    )
                )

    def clock(self) -> datetime:
        return self.now

    def add(
        self,
        standings: Sequence[Standing],
        *,
        issuer: str = "citizen-auth-g1",
        expired: Sequence[bool] | None = None,
        key_kind: KeyKind = KeyKind.P256,
        provenance: str | None = None,
    ) -> list[int]:
        """Serials of new certificates that stand so."""
        serials = []
        with Session(self.engine) as session, session.begin():
            for standing, past in zip(standings, expired or [False] * len(standings), strict=True):
                number = next(self._numbers)
                serial = _TOP | (number * 0x9E3779B97F4A7C15) % _TOP
                end = self.now.replace(microsecond=0) + timedelta(days=0 if past else 1)
                self._insert(session, serial, issuer, standing, end, (key_kind.value, provenance))
                serials.append(serial)
        return serials

    def _insert(
        self,
        session: Session,
        serial: int,
        issuer: str,
        standing: Standing,
        end: datetime,
        origin: tuple[str, str | None],
    ) -> None:
        key_kind, provenance = origin
        common = {
            "request_id": f"r{serial:x}",
            "serial": serial,
            "issuer": issuer,
            "shard": shard_of(serial, SHARDS[issuer]),
            "profile": PROFILES[issuer].value,
            "key_kind": key_kind,
            "provenance": provenance,
            "not_before": end - LIFE,
            "not_after": end,
        }
        session.add(
            Intent(
                **common,
                fingerprint=b"",
                key_hash=serial.to_bytes(32, "big"),
                holder_hash=b"",
                salt=b"",
                tbs=None,
                on_hold=not standing.activated,
                actor="tester",
                created=end - LIFE,
                outcome="issued",
                refused_by=None,
            )
        )
        session.flush()
        good = standing.status is Status.GOOD
        reasons = {Status.GOOD: None, Status.ON_HOLD: "certificateHold", Status.REVOKED: "superseded"}
        session.add(
            CertificateRow(
                **common,
                status=standing.status.value,
                reason=reasons[standing.status],
                since=end - LIFE,
                invalidity_date=None,
                held_by=standing.held_by.value if standing.held_by else None,
                held_under=standing.held_under.value if standing.held_under else None,
                activated=standing.activated,
                changed=0 if good else 1,
            )
        )

    def rows(self, serials: Sequence[int]) -> list[CertificateRow]:
        """In the order of the serials given."""
        with Session(self.engine) as session:
            found = session.scalars(select(CertificateRow).where(CertificateRow.serial.in_(serials)))
            by_serial = {row.serial: row for row in found}
        return [by_serial[serial] for serial in serials]

    def statuses(self, serials: Sequence[int]) -> list[str]:
        return [row.status for row in self.rows(serials)]

    def change(self, serial: int, change: Change) -> None:
        """A single change, as the authority makes it."""
        with Session(self.engine) as session, session.begin():
            record_events(session, [apply_change(session, serial, change, self.now)])

    def version(self, issuer: str = "citizen-auth-g1") -> int:
        with Session(self.engine) as session:
            return session.get_one(Issuer, issuer).status_version

    def carry_out(self, action: MassAction) -> Progress:
        """Approves and runs to the end."""
        self.mass.approve(action.number, "officer-b", action.digest)
        return list(self.mass.run(action.number, "officer-b"))[-1]
